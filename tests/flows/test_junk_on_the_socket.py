"""Junk on the RPC socket: each piece gets one named error, and a newcomer is answered as if nothing had been."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from mepassad.testing.rpc_client import RpcClient
from tests.daemon import Daemon, Fleet, answers

HELLO = b'{"jsonrpc": "2.0", "id": 7, "method": "system.hello"}\n'
DEEP = 50_000


@pytest.fixture
def node(shared: Fleet) -> Iterator[Daemon]:
    """The daemon that all junk of this module goes to; after each test it answers a newcomer within 2 s."""
    daemon = shared.daemons[0] if shared.daemons else shared.start("node", plugins=[])[0]
    pid = daemon.pid
    yield daemon
    assert answers(daemon.socket, within=2)
    assert daemon.pid == pid


def throw(daemon: Daemon, data: bytes, end: bool = True) -> list[dict[str, object]]:
    """Send bytes on a connection of their own, and give what is answered until the daemon closes or falls silent."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(daemon.socket))
        answered = b""
        try:
            client.sendall(data)
            if end:
                client.shutdown(socket.SHUT_WR)
            while more := client.recv(1 << 20):
                answered += more
        except (BrokenPipeError, ConnectionResetError):
            pass  # the daemon hung up on us, as it may
        return [json.loads(line) for line in answered.splitlines()]


def names(replies: list[dict[str, object]]) -> list[object]:
    """The names of the errors, or what came instead."""
    return [reply["error"]["data"]["name"] if "error" in reply else reply for reply in replies]  # type: ignore[index]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"not json", "ParseError"),
        (b"\xff\xfe\x00", "ParseError"),
        (b'{"jsonrpc": "2.0", "id": 1', "ParseError"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, None),
        (b"[" * DEEP, None),
        (b"[" * DEEP + b"]" * DEEP, None),
        (b"null", "InvalidRequest"),
        (b"1e999", None),
        (b"[]", "InvalidRequest"),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "system.hello"}]', "InvalidRequest"),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "system.hello"}', "InvalidRequest"),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "system.hello"}', "InvalidRequest"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', "InvalidRequest"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "no.such"}', "MethodNotFound"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "__class__"}', "MethodNotFound"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "system.hello", "params": [1]}', None),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "system.hello", "params": {"api": "x"}}', "InvalidParams"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "system.hello", "params": {"x": 1}}', "InvalidParams"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "messages.get", "params": {"message_id": "\\ud800"}}', None),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "messages.search", "params": {"query": "\\" OR * NEAR("}}', "result"),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "messages.search", "params": {"query": "\\u0000"}}', "result"),
        (b"\x00" * 1000, "ParseError"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r", "ParseError"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else str(value),
)
def test_a_line_that_is_no_call_gets_one_named_error(node: Daemon, line: bytes, error: str | None) -> None:
    replies = throw(node, line + b"\n")
    assert len(replies) >= 1
    if error == "result":
        assert "result" in replies[0]
    else:
        assert all("error" in reply for reply in replies)
        assert names(replies)[0] in ([error] if error else ["ParseError", "InvalidRequest", "InvalidParams"])


def test_a_session_goes_on_after_a_wrong_line(node: Daemon) -> None:
    replies = throw(node, b"oops\n" + HELLO)
    assert names(replies)[0] == "ParseError"
    assert replies[1]["id"] == 7


def test_a_line_above_the_limit_is_answered_once_and_the_connection_closed(node: Daemon) -> None:
    for junk in (b"x" * (1 << 20) + b"x", b'{"jsonrpc": "2.0", "id": 1, "method": "' + b"x" * (4 << 20)):
        assert len(throw(node, junk + b"\n" + HELLO, end=False)) <= 1


def test_a_line_that_never_ends_is_cut_off_at_the_limit(node: Daemon) -> None:
    before = node.rss()
    throw(node, b"x" * (64 << 20), end=False)
    assert node.rss() - before < 32 << 20


def test_a_request_at_the_limit_is_served(node: Daemon) -> None:
    head, tail = b'{"jsonrpc": "2.0", "id": 1, "method": "messages.get", "params": {"message_id": "', b'"}}'
    replies = throw(node, head + b"x" * ((1 << 20) - len(head) - len(tail)) + tail + b"\n")
    assert names(replies)[0] in ("UnknownMessage", "InvalidParams")


def test_random_bytes_are_answered_with_errors_only(node: Daemon) -> None:
    chance = random.Random(5)
    for size in (1, 10, 1000, 100_000, 900_000):
        for _ in range(5):
            replies = throw(node, chance.randbytes(size) + b"\n")
            assert set(names(replies)) <= {"ParseError", "InvalidRequest"}


def test_thousands_of_pipelined_wrong_calls_are_all_answered(node: Daemon) -> None:
    call = b'{"jsonrpc": "2.0", "id": %d, "method": "%s"}'
    lines = [line for n in range(2_500) for line in (b"{", b"[]", call % (n, b"no.such"), call % (n, b"system.hello"))]
    replies = throw(node, b"\n".join(lines) + b"\n")
    assert len(replies) == len(lines)
    assert sum("result" in reply for reply in replies) == 2_500


def test_a_client_that_sends_and_never_reads_is_dropped_and_costs_little(fleet: Fleet) -> None:
    (daemon,) = fleet.start("node", plugins=[], rpc={"write_timeout": 0.5})
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(daemon.socket))
        with suppress(BrokenPipeError, ConnectionResetError):
            while True:
                client.sendall(HELLO * 1000)
    assert answers(daemon.socket, within=2)


def test_more_clients_than_may_come_are_told_so_and_make_room_again(fleet: Fleet) -> None:
    (daemon,) = fleet.start("node", plugins=[], rpc={"max_sessions": 8})
    clients = []
    for _ in range(8):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(daemon.socket))
        client.sendall(HELLO)
        client.recv(65_536)
        clients.append(client)
    assert names(throw(daemon, HELLO)) == ["TooManySessions"]
    clients.pop().close()
    assert answers(daemon.socket, within=2)
    for client in clients:
        client.close()


async def test_a_well_behaved_client_is_served_beside_the_junk(node: Daemon) -> None:
    async with node.session() as rpc:
        assert isinstance(rpc, RpcClient)
        for junk in (b"\xff" * 5000 + b"\n", b"[" * DEEP + b"\n", b"x" * (2 << 20)):
            throw(node, junk, end=False) if len(junk) > 1 << 20 else throw(node, junk)
            assert (await rpc.call("system.hello"))["api"] == 1
