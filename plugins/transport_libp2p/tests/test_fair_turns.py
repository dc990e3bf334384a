"""However small the pieces are that a peer cuts its bytes into, others get their turn while they are taken."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from libp2p.stream_muxer.yamux import yamux
from mepassad_transport_libp2p.compat.turns import MAX_STEPS, QuickYamux, ReadAhead
from mepassad_transport_libp2p.compat.websocket import WebSocket
from running import Running
from stock import in_trio
from test_cures_of_websocket import upgraded
from wsproto.events import BytesMessage

from mepassad.testing.transport_node import HOLD, Held, Node, until

MANY = 1000


class Turns:
    """Counts how often a method is called within one turn of another task of the same loop."""

    def __init__(self) -> None:
        self.now = 0
        self.calls: Counter[int] = Counter()

    async def pass_by(self) -> None:
        while True:
            self.now += 1
            await trio.lowlevel.checkpoint()

    def counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.calls[self.now] += 1
            return method(*args)

        return call


@asynccontextmanager
async def counting(node: Node) -> AsyncIterator[Turns]:
    """Turns of a task beside a node's own."""
    found, scope = Turns(), trio.CancelScope()

    async def run() -> None:
        with scope:
            await found.pass_by()

    node.transport._host.start_soon(run)  # type: ignore[attr-defined]
    try:
        yield found
    finally:
        scope.cancel()


async def test_frames_that_came_at_once_leave_turns_to_others(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(2) as (a, b):
        Held(b)
        await a.open(b, HOLD)
        (connection,) = a.transport._host._swarm.get_connections()  # type: ignore[attr-defined]
        number = max(connection.muxed_conn.streams)
        frame = struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, 0, number, 1) + b"x"
        async with counting(b) as found:
            monkeypatch.setattr(QuickYamux, "_read_data_body", found.counted(QuickYamux._read_data_body))
            await a.transport._guest.call(connection.muxed_conn._write_frame, frame * MANY)  # type: ignore[attr-defined]
            await until(lambda: found.calls.total() >= MANY)
        assert max(found.calls.values()) <= 2 * MAX_STEPS + 1  # trio takes its tasks in any order


async def test_messages_of_a_websocket_that_came_at_once_leave_turns_to_others(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(1, listen=("/ip4/127.0.0.1/tcp/0/ws",), handshake_timeout=60.0) as (a,):
        async with counting(a) as found:
            _, writer, web = await upgraded(a)
            monkeypatch.setattr(WebSocket, "_handle", found.counted(WebSocket._handle))
            begin = [b"\xff", b"\x07"]  # of a message of 1023 bytes, which are waited for
            writer.write(b"".join(web.send(BytesMessage(piece)) for piece in (*begin, *[b"x"] * MANY)))
            await until(lambda: found.calls.total() >= MANY)
            writer.close()
        assert max(found.calls.values()) <= 2 * MAX_STEPS + 1  # trio takes its tasks in any order


@in_trio
async def test_bytes_read_ahead_leave_turns_to_others() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    near = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
    far, found = ReadAhead(await listener.accept()), Turns()
    await near.send_all(bytes(MANY))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(found.pass_by)
        read = found.counted(far.read)
        for _ in range(MANY):
            await read(1)
        nursery.cancel_scope.cancel()
    for stream in (near, far.stream, listener):
        await stream.aclose()
    assert max(found.calls.values()) <= 2 * MAX_STEPS + 1
