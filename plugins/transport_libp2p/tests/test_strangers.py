"""What strangers on the port cost a node: a line in its debug log, and nothing else."""

import asyncio
import gc
import logging
import os
import time

import anyio
import psutil  # type: ignore[import-untyped]
import pytest
from mepassad_transport_libp2p.compat.logs import MAX_LINE, NOWHERE
from mepassad_transport_libp2p.compat.negotiation import MAX_MESSAGE
from raw import MULTISTREAM, answer, closed, connect, message
from running import Running

from mepassad.testing.transport_node import TIMEOUT, Node, assert_echoes

JUNK = {
    "random": os.urandom(4096),
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "zeros": bytes(4096),
    "varint without end": b"\xff" * 4096,
    "huge message": b"\xff\xff\xff\xff\x7f" + b"x" * 200_000,
    "not utf-8": b"\x05\xff\xfe\xfd\xfc\n",
    "half a negotiation": message(MULTISTREAM),
    "a message cut short": b"\x13/multist",
    "noise then junk": message(MULTISTREAM) + message("/noise") + os.urandom(300),
    "noise with a huge frame": message(MULTISTREAM) + message("/noise") + b"\xff\xff" + bytes(65535),
    "nothing": b"",
}


class Records(logging.Handler):
    """Keeps what the root logger gets of py-libp2p."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "libp2p" in record.name + record.pathname:
            self.lines.append(record.getMessage())


async def newcomer_is_served(a: Node, b: Node) -> None:
    """A node that was never connected gets an echo within 2 seconds."""
    started = time.monotonic()
    stream = await a.open(b)
    await assert_echoes(stream)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("kind", JUNK)
async def test_junk_is_dropped_and_a_newcomer_served(running: Running, kind: str) -> None:
    async with running(2, handshake_timeout=0.3) as (a, b):
        connections = [await connect(b) for _ in range(10)]
        for _, writer in connections:
            writer.write(JUNK[kind])
        await newcomer_is_served(a, b)
        with anyio.fail_after(TIMEOUT):
            for reader, writer in connections:
                assert await closed(reader)
                writer.close()
        lines = [line for line in b.log.lines if line[1] != "libp2p says"]
        assert len(lines) <= len(connections)
        assert {level for level, *_ in b.log.lines} <= {"debug"}
        assert len(b.log.lines) <= 2 * len(connections)
        assert not any("Traceback" in str(line) for line in b.log.lines)


async def test_junk_leaves_no_line_on_stderr_or_in_the_root_log(
    running: Running, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Records()
    monkeypatch.setattr(logging.root, "handlers", [root])
    async with running(2, handshake_timeout=0.3) as (_, b):
        for junk in JUNK.values():
            reader, writer = await connect(b)
            writer.write(junk)
            assert await closed(reader)
            writer.close()
    assert capfd.readouterr().err == ""
    assert root.lines == []


async def test_a_message_too_long_to_name_a_protocol_is_not_waited_for(running: Running) -> None:
    async with running(1, handshake_timeout=60.0) as (a,):
        reader, writer = await connect(a)
        writer.write(bytes([(MAX_MESSAGE + 1) & 0x7F | 0x80, (MAX_MESSAGE + 1) >> 7]))
        with anyio.fail_after(TIMEOUT):
            assert await closed(reader)
        writer.close()


async def test_what_the_library_warns_of_is_one_debug_line_without_traceback(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Records()
    async with running(1) as (a,):
        monkeypatch.setattr(logging.root, "handlers", [root])
        try:
            raise ValueError("deep inside")
        except ValueError:
            logging.getLogger("libp2p.network.swarm").exception("x" * 300 + "\nTraceback: of an inner error")
        assert a.log.lines == [("debug", "libp2p says", {"source": "libp2p.network.swarm", "line": "x" * MAX_LINE})]
    assert NOWHERE in logging.getLogger("libp2p").handlers
    logging.getLogger("libp2p.network.swarm").warning("nobody listens any more")
    assert root.lines == []
    assert len(a.log.lines) == 1


@pytest.mark.parametrize("protocol", ["/plaintext/2.0.0", "/secio/1.0.0", "/tls/0", "/noise/0", "ls"])
async def test_nothing_but_noise_and_then_tls_is_offered(running: Running, protocol: str) -> None:
    async with running(1) as (a,):
        reader, writer = await connect(a)
        writer.write(message(MULTISTREAM) + message(protocol))
        assert await answer(reader) == MULTISTREAM
        assert await answer(reader) == ("/noise\n/tls/1.0.0" if protocol == "ls" else "na")
        writer.close()


async def test_a_hundred_idle_connections_keep_nobody_out_and_are_dropped_in_time(running: Running) -> None:
    async with running(2, handshake_timeout=1.0, max_handshakes=64) as (a, b):
        idle = [await connect(b) for _ in range(100)]
        for _, writer in idle:
            writer.write(b"\x13")
        started = time.monotonic()
        await newcomer_is_served(a, b)
        with anyio.fail_after(TIMEOUT):
            for reader, writer in idle:
                assert await closed(reader)
                writer.close()
        assert time.monotonic() - started < 3


async def test_of_too_many_handshakes_the_oldest_is_dropped_at_once(running: Running) -> None:
    async with running(2, handshake_timeout=60.0, max_handshakes=3) as (a, b):
        idle = [await connect(b) for _ in range(4)]
        for reader, _ in idle:
            with anyio.fail_after(TIMEOUT):
                assert await answer(reader) == MULTISTREAM
        with anyio.fail_after(TIMEOUT):
            assert await closed(idle[0][0])
        await newcomer_is_served(a, b)
        with anyio.fail_after(TIMEOUT):
            assert await closed(idle[1][0])
        for _, writer in idle:
            writer.close()


async def test_memory_stays_bounded_whatever_is_sent(running: Running) -> None:
    async def pour(node: Node, junk: bytes) -> None:
        reader, writer = await connect(node)
        try:
            for _ in range(64):
                writer.write(junk)
                await asyncio.wait_for(writer.drain(), 5)
        except (ConnectionError, TimeoutError):
            pass
        await closed(reader)
        writer.close()

    async with running(2, handshake_timeout=1.0) as (a, b):
        await newcomer_is_served(a, b)
        gc.collect()
        before = psutil.Process().memory_info().rss
        megabyte = b"\xff\xff\xff\xff\x07" + os.urandom(1 << 20)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(pour, b, megabyte)
                tasks.start_soon(pour, b, message(MULTISTREAM) + message("/noise") + megabyte)
        gc.collect()
        assert psutil.Process().memory_info().rss - before < 64 << 20
        assert await b.transport.open(a.id, [], "/test/echo/1")
