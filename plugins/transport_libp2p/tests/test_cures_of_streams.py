"""Cures of flow control and of negotiation: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import anyio
import pytest
import trio
import trio.testing
from inside import within
from libp2p.exceptions import ParseError
from libp2p.io.abc import Reader
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.exceptions import RawConnError
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.stream_muxer.yamux import yamux
from libp2p.utils.varint import read_delim
from mepassad_transport_libp2p import compat
from mepassad_transport_libp2p.compat.flow_control import PatientStream, WindowOverrun
from mepassad_transport_libp2p.compat.negotiation import MAX_MESSAGE, read_message
from mepassad_transport_libp2p.compat.pings import SparingYamux
from mepassad_transport_libp2p.config import WINDOW
from running import Running
from stock import in_trio

from mepassad.api.transport import Stream
from mepassad.testing.transport_node import TIMEOUT, assert_echoes, until

STOCK_STREAM = PatientStream.__mro__[1]


class Wire:
    """The part of a Yamux connection that a stream writes to."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    async def _write_frame(self, frame: bytes) -> None:
        self.frames.append(frame)


def write_to_a_reader_who_takes_nothing(kind: type[yamux.YamuxStream], seconds: float) -> list[bytes]:
    """Write with no window left, in virtual time; the window opens after `seconds`. What was sent."""
    wire = Wire()

    async def main() -> None:
        stream = kind(1, wire, True)  # type: ignore[arg-type]
        stream.send_window = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.write, b"patience")
            await trio.sleep(seconds)
            stream.send_window += 100

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return wire.frames


def pings_within(kind: type[yamux.Yamux], seconds: float) -> int:
    """How many pings an idle connection sends, in virtual time."""
    wire = Wire()
    connection = kind(wire, b"peer", True)  # type: ignore[arg-type]
    setattr(connection, "_write_frame", wire._write_frame)  # noqa: B010 mypy forbids assigning to a method

    async def main() -> None:
        with trio.move_on_after(seconds):
            await connection._measure_rtt_loop()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return len(wire.frames)


def test_a_stock_muxer_pings_for_as_long_as_it_lives() -> None:
    assert pings_within(yamux.Yamux, 600) > 10


def test_the_muxer_pings_once() -> None:
    assert pings_within(SparingYamux, 600) == 1


async def test_who_asks_a_peer_sends_one_frame_and_all_who_ask_are_answered(running: Running) -> None:
    async with running(2) as (a, b):
        await a.open(b)
        host = a.transport._host  # type: ignore[attr-defined]
        (connection,) = host._swarm.get_connections(host.reaching.target(b.id))
        muxed, wire = connection.muxed_conn, Wire()
        await until(lambda: muxed.rtt() > 0)  # it has pinged by itself
        write = muxed._write_frame

        async def note(frame: bytes) -> None:
            await wire._write_frame(frame)
            await write(frame)

        async def two_ask() -> None:
            with trio.fail_after(10):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(muxed.answered)
                    nursery.start_soon(muxed.answered)
                await muxed.answered()

        muxed._write_frame = note
        await within(a, two_ask)
        assert [frame[1] for frame in wire.frames].count(yamux.TYPE_PING) == 3


async def test_the_round_trip_time_is_known_all_the_same(running: Running) -> None:
    async with running(2) as (a, b):
        await a.open(b)
        host = a.transport._host  # type: ignore[attr-defined]
        (connection,) = host._swarm.get_connections(host.reaching.target(b.id))
        await until(lambda: connection.muxed_conn.rtt() > 0)


def test_a_stock_stream_gives_a_slow_reader_up_after_five_seconds() -> None:
    with pytest.RaisesGroup(MuxedStreamError):
        write_to_a_reader_who_takes_nothing(STOCK_STREAM, 6)


def test_a_write_waits_for_a_slow_reader_as_long_as_it_takes() -> None:
    assert [frame[12:] for frame in write_to_a_reader_who_takes_nothing(PatientStream, 86_400)] == [b"patience"]


def test_a_write_that_waits_ends_with_its_stream() -> None:
    async def main() -> None:
        stream = PatientStream(1, Wire(), True)  # type: ignore[arg-type]
        stream.send_window = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.write, b"?")
            await trio.testing.wait_all_tasks_blocked()
            stream.closed = True

    with pytest.RaisesGroup(MuxedStreamError):
        trio.run(main)


def test_a_stock_stream_lets_its_window_be_overrun() -> None:
    async def main() -> None:
        STOCK_STREAM(1, Wire(), True).recv_window = -1

    trio.run(main)


def test_an_overrun_window_is_refused_at_its_edge() -> None:
    async def main() -> None:
        stream = PatientStream(1, Wire(), True)  # type: ignore[arg-type]
        stream.recv_window = 0
        with pytest.raises(WindowOverrun):
            stream.recv_window = -1

    trio.run(main)


def window_after_small_reads(kind: type[yamux.YamuxStream]) -> tuple[int, int]:
    """What a peer may send, and the target, after it sent a thousand times a little that was read at once."""
    wire: Any = Wire()
    wire.stream_buffers, wire.rtt = {}, lambda: 0.0

    async def main() -> tuple[int, int]:
        stream = kind(1, wire, True)
        for _ in range(1000):
            stream.recv_window -= 1000
            await stream._auto_tune_and_send_window_update(bytes_read=1000)
        return stream.recv_window, stream.target_recv_window

    return trio.run(main)


def test_a_stock_window_grows_beyond_its_target_with_small_reads() -> None:
    window, target = window_after_small_reads(STOCK_STREAM)
    assert window > target


def test_a_window_is_never_more_than_its_target() -> None:
    window, target = window_after_small_reads(PatientStream)
    assert target // 2 < window <= target


async def never_read(stream: Stream) -> None:
    await anyio.sleep_forever()


@pytest.mark.parametrize(("announced", "frames"), [(60_000, 80), (WINDOW + 1, 1), (0xFFFFFFFF, 1)])
async def test_a_peer_that_overruns_its_window_loses_its_connection_and_nobody_else(
    running: Running, announced: int, frames: int
) -> None:
    async with running(3) as (a, b, c):
        healthy, other = await c.open(b), await a.open(b)
        b.transport.handle("/test/hold/1", never_read)
        host, guest = a.transport._host, a.transport._guest  # type: ignore[attr-defined]

        async def overrun() -> None:
            stream = (await host.open(b.id, [], "/test/hold/1")).muxed_stream
            header = struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, 0, stream.stream_id, announced)
            for _ in range(frames):
                with suppress(ConnectionClosedError):
                    await stream.conn._write_frame(header + bytes(min(announced, 60_000)))

        await guest.call(overrun)
        with anyio.fail_after(TIMEOUT):
            assert await other.read() == b""
        await assert_echoes(healthy)


class Text(Reader):
    """Bytes to read."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def read(self, n: int | None = None) -> bytes:
        size = len(self.data) if n is None else n
        head, self.data = self.data[:size], self.data[size:]
        return head


def varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80, number >> 7]) if number > 127 else bytes([number])


@in_trio
async def test_a_stock_negotiation_reads_messages_of_any_length_and_encoding() -> None:
    assert len(await read_delim(Text(varint(5000) + b"x" * 4999 + b"\n"))) == 4999
    assert await read_delim(Text(b"\x02\xff\n")) == b"\xff"


@in_trio
async def test_a_negotiation_message_is_bounded_and_utf_8() -> None:
    longest = b"x" * (MAX_MESSAGE - 1) + b"\n"
    assert await read_message(Text(varint(MAX_MESSAGE) + longest)) == longest[:-1]
    for junk in (varint(MAX_MESSAGE + 1) + b"x" + longest, b"\x02\xff\n", b"\x00", b"\x01x", b"\xff" * 20):
        with pytest.raises(ParseError):
            await read_message(Text(junk))


async def test_a_stream_whose_negotiation_is_not_utf_8_ends_alone(running: Running) -> None:
    async with running(2) as (a, b):
        healthy = await a.open(b)
        host, guest = a.transport._host, a.transport._guest  # type: ignore[attr-defined]

        async def babble() -> None:
            (connection,) = host._swarm.get_connections(host.reaching.target(b.id))
            stream = await connection.new_stream()
            await stream.write(b"\x03\xff\xfe\n")
            with suppress(StreamError):  # it is reset, or ends
                while True:
                    await stream.read(100)

        await guest.call(babble)
        await assert_echoes(healthy)


class BrokenWire:
    """A secured connection on which pings wait to be read, and whose other end is gone."""

    is_initiator = False

    def __init__(self, pings: int) -> None:
        self._unread = struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_PING, yamux.FLAG_SYN, 0, 0) * pings

    async def read(self, n: int) -> bytes:
        read, self._unread = self._unread[:n], self._unread[n:]
        return read

    async def write(self, data: bytes) -> None:
        raise ConnectionClosedError("reset")

    async def close(self) -> None:
        """There is nothing to close."""


def lifetime_of_a_broken_connection(monkeypatch: pytest.MonkeyPatch, ending: object) -> float:
    """Seconds, in virtual time, that a connection outlives its peer, who left 1,000 pings."""
    monkeypatch.setattr(yamux, "RawConnError", ending)

    async def main() -> float:
        muxer = yamux.Yamux(BrokenWire(1_000), ID(b"peer"), is_initiator=False)  # type: ignore[arg-type]
        await muxer.handle_incoming()
        return trio.current_time()

    clock = trio.testing.MockClock(autojump_threshold=0)
    began = clock.current_time()
    return trio.run(main, clock=clock) - began


def test_a_stock_connection_outlives_its_peer_by_all_the_frames_it_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lifetime_of_a_broken_connection(monkeypatch, RawConnError) > 9


def test_a_connection_ends_at_the_first_write_that_finds_it_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    compat.apply()
    assert lifetime_of_a_broken_connection(monkeypatch, yamux.RawConnError) == 0  # type: ignore[attr-defined]
