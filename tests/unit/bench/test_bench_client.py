"""The cheap client: calls, errors, and lines however they are cut."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.client import TEXT_BYTES, Client, Events, send_request

Serve = Callable[..., Path]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Answers the first line of one connection with these chunks, then closes it."""
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    threads, listener = [], socket.socket(socket.AF_UNIX)

    def begin(*chunks: bytes) -> Path:
        listener.bind("rpc.sock")
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                for chunk in chunks:
                    connection.sendall(chunk)

        threads.append(threading.Thread(target=answer))
        threads[0].start()
        return Path("rpc.sock")

    yield begin
    for thread in threads:
        thread.join(5)
    listener.close()


def test_a_call_returns_its_result_even_if_it_comes_in_pieces(serve: Serve) -> None:
    client = Client(serve(b'{"jsonrpc":"2.0","id":1,"res', b'ult":{"api":1}}\n'))

    assert client.call("system.hello") == {"api": 1}
    client.close()


def test_a_refused_call_raises_the_daemons_sentence(serve: Serve) -> None:
    client = Client(serve(b'{"jsonrpc":"2.0","id":1,"error":{"code":1100,"message":"There is no such contact."}}\n'))

    with pytest.raises(RuntimeError, match="There is no such contact"):
        client.call("messages.send")
    client.close()


def test_a_closed_connection_is_an_error_and_not_an_endless_wait(serve: Serve) -> None:
    client = Client(serve())

    with pytest.raises(EOFError):
        client.call("system.hello")
    client.close()


def test_events_that_come_in_one_read_are_all_told(serve: Serve) -> None:
    reply = b'{"jsonrpc":"2.0","id":1,"result":{"subscription":"s","seq":0}}\n'
    two = b"".join(
        json.dumps({"jsonrpc": "2.0", "method": "events.event", "params": {"data": {"n": n}}}).encode() + b"\n"
        for n in (1, 2)
    )
    events = Events(serve(reply, two), "message.received")
    told: list[bytes] = []
    while len(told) < 2:
        told += events.read()

    assert [json.loads(line)["params"]["data"]["n"] for line in told] == [1, 2]
    events.close()


def test_the_text_that_is_sent_has_the_size_that_the_results_name() -> None:
    line = send_request("mp1somebody")

    assert len(json.loads(line)["params"]["text"].encode()) == TEXT_BYTES == 200
    assert line.endswith(b"\n")
