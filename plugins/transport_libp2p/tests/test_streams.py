"""What a libp2p stream does beyond the contract: batches, bounds, time limits, and peers that die."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest
from libp2p.stream_muxer.yamux import yamux
from mepassad_transport_libp2p.config import WINDOW
from running import Running

from mepassad.api import StreamClosed, Unreachable
from mepassad.api.transport import Stream
from mepassad.api.types import NodeId
from mepassad.testing.transport_node import ECHO, HOLD, TIMEOUT, Held, assert_echoes, fill, until

PEER = """
import pathlib, anyio
from mepassad.testing.transport_node import run_node
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component

async def main():
    config = Config(listen=("/ip4/127.0.0.1/tcp/0",))
    async with anyio.create_task_group() as tasks:
        node = await tasks.start(run_node, component, config, b"p" * 32, pathlib.Path())
        print(node.transport.addresses()[0], flush=True)

anyio.run(main)
"""


@contextmanager
def process() -> Iterator[tuple[subprocess.Popen[str], NodeId, str]]:
    """A node in a process of its own: the process, its node id and address."""
    with subprocess.Popen([sys.executable, "-c", PEER], stdout=subprocess.PIPE, text=True) as peer:
        try:
            assert peer.stdout is not None
            address = peer.stdout.readline().strip()
            yield peer, NodeId(address.rpartition("/")[2]), address
        finally:
            peer.kill()


async def test_a_thousand_writes_become_a_few_frames(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[int] = []
    write_frame = yamux.Yamux._write_frame

    async def counted(self: yamux.Yamux, data: bytes) -> None:
        if data[1] == yamux.TYPE_DATA:
            frames.append(len(data))
        await write_frame(self, data)

    async with running(2) as (a, b):
        held = Held(b)
        stream = await a.open(b, HOLD)
        monkeypatch.setattr(yamux.Yamux, "_write_frame", counted)
        for _ in range(1000):
            stream.write(b"x" * 100)
        held.release.set()
        await stream.close()
        await until(lambda: bool(held.received))
        assert len(held.received[0]) == 100_000
        assert len(frames) <= 4


async def test_what_has_arrived_is_read_without_waiting(running: Running) -> None:
    async with running(2) as (a, b):
        stream = await a.open(b)
        stream.write(b"hello")
        await until(lambda: stream.unread == 5)  # type: ignore[attr-defined]
        read = stream.read()
        with pytest.raises(StopIteration) as returned:
            read.send(None)
        assert returned.value.value == b"hello"


async def test_unread_bytes_are_bounded_by_the_configured_marks(running: Running) -> None:
    async with running(2, write_high_water=65536, read_high_water=65536) as (a, b):
        held = Held(b)
        stream = await a.open(b, HOLD)
        assert await fill(stream, 4 * WINDOW) < 2 * WINDOW
        waiting = held.streams[0]
        assert waiting.unread < 65536 + WINDOW  # type: ignore[attr-defined]


async def test_closing_towards_a_reader_who_does_not_read_ends_in_time(running: Running) -> None:
    async with running(2, close_timeout=0.2) as (a, b):
        Held(b)
        stream = await a.open(b, HOLD)
        await fill(stream, 8 * WINDOW)
        with anyio.fail_after(TIMEOUT):
            await stream.close()
        await assert_echoes(await a.open(b))


async def test_a_cancelled_close_still_sends_what_is_queued(running: Running) -> None:
    async with running(2) as (a, b):
        held = Held(b)
        stream = await a.open(b, HOLD)
        stream.write(b"x" * 3_000_000)
        with anyio.move_on_after(0.01):
            await stream.close()
        held.release.set()
        await until(lambda: bool(held.received))
        assert len(held.received[0]) == 3_000_000


async def test_an_open_that_is_cancelled_at_the_last_moment_leaves_no_stream(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(2) as (a, b):
        await a.open(b)
        make = a.transport._stream  # type: ignore[attr-defined]

        def make_and_cancel(*args: str) -> Stream:
            asyncio.get_running_loop().call_soon(opening.cancel)
            return make(*args)  # type: ignore[no-any-return]

        monkeypatch.setattr(a.transport, "_stream", make_and_cancel)
        opening = asyncio.ensure_future(a.open(b))
        with pytest.raises(asyncio.CancelledError):
            await opening
        for node in (a, b):
            await until(lambda node=node: len(node.transport._streams) == 1)  # type: ignore[misc]


async def test_streams_that_come_and_go_leave_nothing_behind(running: Running) -> None:
    async with running(2) as (a, b):
        for _ in range(300):
            stream = await a.open(b)
            stream.write(b"hello")
            assert await stream.read() == b"hello"
            await stream.close()
        for node, peer in ((a, b), (b, a)):
            host = node.transport._host  # type: ignore[attr-defined]
            (connection,) = host._swarm.get_connections(host.reaching.target(peer.id))
            await until(lambda node=node: not node.transport._streams)  # type: ignore[misc]
            await until(lambda connection=connection: not connection.muxed_conn.streams)  # type: ignore[misc]


async def test_a_failing_handler_is_one_line_in_the_log_without_its_words(running: Running) -> None:
    async def fail(stream: Stream) -> None:
        raise ValueError("my secret")

    async with running(2) as (a, b):
        b.transport.handle("/test/fail/1", fail)
        with pytest.raises((Unreachable, StreamClosed)):  # noqa: PT012 it may fail at once or after the opening
            stream = await a.open(b, "/test/fail/1")
            assert await stream.read() == b""
            raise StreamClosed
        await until(lambda: any(level == "warning" for level, *_ in b.log.lines))
        warnings = [line for line in b.log.lines if line[0] == "warning"]
        assert warnings == [("warning", "a stream handler failed", {"protocol": "/test/fail/1", "error": "ValueError"})]


async def test_a_killed_peer_ends_its_streams_at_once(running: Running) -> None:
    with process() as (peer, peer_id, address):
        # Nothing but the end of its socket can tell of the peer before an hour has passed.
        async with running(1, dead_peer_timeout=3600, keep_alive=3600) as (a,):
            stream = await a.transport.open(peer_id, [address], ECHO)
            await assert_echoes(stream)
            peer.send_signal(signal.SIGKILL)
            with anyio.fail_after(TIMEOUT):
                assert await stream.read() == b""
            await until(lambda: a.lost == [peer_id])
            with pytest.raises(StreamClosed):
                stream.write(b"?")
            with pytest.raises(Unreachable):
                await a.transport.open(peer_id, [address], ECHO)


async def test_a_peer_that_hangs_is_unreachable_in_time_and_served_when_it_wakes(running: Running) -> None:
    with process() as (peer, peer_id, address):
        async with running(1, handshake_timeout=0.5, dial_timeout=0.5) as (a,):
            stream = await a.transport.open(peer_id, [address], ECHO)
            await assert_echoes(stream)
            peer.send_signal(signal.SIGSTOP)
            with anyio.fail_after(30), pytest.raises(Unreachable):
                await a.transport.open(peer_id, [address], ECHO)
            peer.send_signal(signal.SIGCONT)
            await assert_echoes(stream)
            await assert_echoes(await a.transport.open(peer_id, [address], ECHO))
