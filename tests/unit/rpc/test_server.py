"""Sessions over real sockets: limits, slow and vanishing clients, stopping."""

from __future__ import annotations

import asyncio
import json
import select
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest
from asking import alive, errors
from fake_node import BOB, FakeNode, ListLog, Serve

from mepassad.config.model import Rpc
from mepassad.errors import SocketInUse
from mepassad.rpc import session as session_module
from mepassad.rpc.server import GRACE_SECONDS, serve
from mepassad.testing.rpc_client import RpcClient, RpcError, connect

HELLO = b'{"jsonrpc":"2.0","id":%d,"method":"system.hello"}\n'


async def until(true: Any) -> None:
    """Let the loop turn until something holds in this process."""
    with anyio.fail_after(30):
        while not true():
            await anyio.lowlevel.checkpoint()


# -- calls ------------------------------------------------------------------------------------------------------


async def test_replies_find_their_calls_in_whatever_order_they_end(served: Serve, node: FakeNode) -> None:
    async with served() as path, connect(path) as client:
        node.outbox.gate = anyio.Event()
        slow = await client.begin("messages.send", contact=BOB, text="slow")
        assert await client.call("system.stats")
        node.outbox.gate.set()
        await client.until(lambda: slow in client._replies)


async def test_a_notification_is_done_and_not_answered(served: Serve, node: FakeNode) -> None:
    async with served() as path, connect(path) as client:
        params = {"contact": BOB, "text": "x"}
        await client.send({"jsonrpc": "2.0", "method": "messages.send", "params": params})
        await client.send({"jsonrpc": "2.0", "method": "no.such"})
        await client.send({"jsonrpc": "2.0", "method": "messages.send", "params": {"junk": 1}})
        await client.call("system.hello")
        assert ([row.text for row in node.store.rows], client.others) == (["x"], [])


async def test_an_id_of_null_is_answered(served: Serve) -> None:
    async with served() as path, connect(path) as client:
        await client.send({"jsonrpc": "2.0", "id": None, "method": "system.stats"})
        await client.until(lambda: bool(client.others))
        assert client.others == [{"jsonrpc": "2.0", "id": None, "result": {"commits": 3}}]


async def test_no_more_calls_are_in_flight_than_allowed_and_then_the_socket_is_not_read(
    served: Serve, node: FakeNode
) -> None:
    async with served(max_calls=3) as path, connect(path) as client:
        node.outbox.gate = anyio.Event()
        calls = [await client.begin("messages.send", contact=BOB, text=str(number)) for number in range(50)]
        await until(lambda: node.outbox.running == 3)
        assert await alive(path)  # another session is not held up
        assert node.outbox.running == 3
        node.outbox.gate.set()
        await client.until(lambda: client._replies.keys() == set(calls))
        assert [row.text for row in node.store.rows] == [str(number) for number in range(50)]


async def test_a_client_that_writes_and_never_reads_is_held_not_buffered(served: Serve) -> None:
    async with served() as path:
        with socket.socket(socket.AF_UNIX) as flood:
            flood.connect(str(path))
            flood.setblocking(False)
            sent, line = 0, HELLO.strip() % 1 + b" " * 4000 + b"\n"
            with anyio.move_on_after(0.5):
                while sent < 1 << 23:
                    await asyncio.get_running_loop().sock_sendall(flood, line * 10)
                    sent += len(line) * 10
            assert sent < 1 << 23, "the server read megabytes while no reply was read"
            assert await alive(path)


async def test_a_failure_inside_the_node_is_told_by_number_and_logged_without_what_was_said(
    served: Serve, node: FakeNode, log: ListLog
) -> None:
    async with served() as path, connect(path) as client:
        node.outbox.failure = ValueError("the secret text")
        with pytest.raises(RpcError) as caught:
            await client.call("messages.send", contact=BOB, text="the secret text")
        assert caught.value.name == "InternalError"
        assert "secret" not in json.dumps(caught.value.data)
        [(_, facts)] = log.lines
        assert facts["incident"] == caught.value.data["incident"]
        assert facts["error"] == "ValueError"
        assert "submit" in str(facts["frames"])
        assert "secret" not in str(facts)


async def test_a_result_that_does_not_fit_into_a_line_is_an_internal_error(served: Serve, node: FakeNode) -> None:
    async with served(max_line=4096) as path, connect(path) as client:
        node.store.add("x" * 5000)
        with pytest.raises(RpcError, match="InternalError"):
            await client.call("messages.get", message_id="m0")


# -- who, how many, how slow ------------------------------------------------------------------------------------


async def test_another_user_is_turned_away(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as path:
        monkeypatch.setattr(session_module, "peer_uid", lambda connection: 12345)
        async with connect(path) as client:
            await client.until_closed()
            assert client.others == []


async def test_one_session_more_than_allowed_is_told_and_closed(served: Serve) -> None:
    async with served(max_sessions=2) as path, connect(path) as first:
        async with connect(path) as second:
            await second.call("system.hello")
            async with connect(path) as third:
                await third.until_closed()
                assert errors(third) == ["TooManySessions"]
            assert await first.call("system.hello")
        await until(lambda: True)
        async with connect(path) as again:
            assert await again.call("system.hello")


async def test_a_client_that_leaves_its_replies_unread_is_dropped(served: Serve, node: FakeNode) -> None:
    async with served(write_timeout=0.05) as path:
        with socket.socket(socket.AF_UNIX) as idle:
            idle.connect(str(path))
            idle.setblocking(False)
            idle.send(b'{"jsonrpc":"2.0","id":1,"method":"events.subscribe"}\n')
            await until(lambda: node.bus.receivers)
            with anyio.fail_after(30), pytest.raises(OSError, match=r"Broken pipe|reset"):
                await asyncio.get_running_loop().sock_sendall(idle, HELLO % 1 * 200_000)
        await until(lambda: not node.bus.receivers)
        assert await alive(path)


async def vanish(path: Path, node: FakeNode, calls: int) -> None:
    """Begin calls that the node holds, and close with a reply unread, which resets the connection."""
    node.outbox.gate = anyio.Event()
    send = {"jsonrpc": "2.0", "id": 1, "method": "messages.send", "params": {"contact": BOB, "text": "x"}}
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(HELLO % 1 + (json.dumps(send).encode() + b"\n") * calls)
        await until(lambda: node.outbox.running == calls and select.select([client], [], [], 0)[0])
    assert await alive(path)


async def test_calls_are_finished_although_their_client_is_gone(
    served: Serve, node: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as path:
        await vanish(path, node, 10)
        assert node.outbox.gate
        node.outbox.gate.set()
        await until(lambda: len(node.store.rows) == 10)
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def test_a_stop_waits_for_the_calls_of_a_client_that_is_gone(served: Serve, node: FakeNode) -> None:
    async with served() as path:
        await vanish(path, node, 1)
        assert node.outbox.gate
        asyncio.get_running_loop().call_later(0.05, node.outbox.gate.set)
    assert len(node.store.rows) == 1


async def test_a_stop_with_idle_clients_takes_no_time(served: Serve) -> None:
    async with served() as path:
        stream = await anyio.connect_unix(path)
        await stream.send(HELLO % 1)
        await stream.receive()
        before = anyio.current_time()
    assert anyio.current_time() - before < GRACE_SECONDS / 2
    await stream.aclose()


async def test_a_client_that_only_stops_writing_still_gets_its_answers(served: Serve, node: FakeNode) -> None:
    async with served() as path:
        node.outbox.gate = anyio.Event()
        reader, writer = await asyncio.open_unix_connection(str(path))
        call = {"jsonrpc": "2.0", "id": 1, "method": "messages.send", "params": {"contact": BOB, "text": "x"}}
        writer.write(json.dumps(call).encode() + b"\n")
        writer.write_eof()
        await until(lambda: node.outbox.running)
        node.outbox.gate.set()
        with anyio.fail_after(30):
            assert json.loads(await reader.read())["result"] == {"message_id": "m0"}
        writer.close()
        await writer.wait_closed()


# -- life -------------------------------------------------------------------------------------------------------


async def test_a_stop_answers_what_was_begun_and_closes(served: Serve, node: FakeNode) -> None:
    node.outbox.gate = anyio.Event()
    async with anyio.create_task_group() as tasks:
        async with served() as path:
            stream = await anyio.connect_unix(path)
            client = RpcClient(stream)
            tasks.start_soon(client._read)
            call = await client.begin("messages.send", contact=BOB, text="x")
            await until(lambda: node.outbox.running)
            asyncio.get_running_loop().call_later(0.05, node.outbox.gate.set)
        await client.until_closed()
        assert call in client._replies
        await stream.aclose()
    assert not path.exists()


async def test_a_stop_does_not_wait_for_ever(served: Serve, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mepassad.rpc.server.GRACE_SECONDS", 0.05)
    node.outbox.gate = anyio.Event()
    with anyio.fail_after(30):
        async with served() as path:
            stream = await anyio.connect_unix(path)
            client = RpcClient(stream)
            await client.begin("messages.send", contact=BOB, text="x")
            await until(lambda: node.outbox.running)
    await stream.aclose()
    assert node.store.rows == []


async def test_a_second_server_on_the_socket_is_refused_and_the_first_lives(
    served: Serve, node: FakeNode, log: ListLog
) -> None:
    async with served() as path:
        with pytest.raises(SocketInUse):
            async with serve(node, Rpc(socket=path), log):
                pass
        assert await alive(path)
