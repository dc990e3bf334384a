"""Cures of turns wasted: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

from typing import Any

import trio
import trio.testing
from libp2p.io.trio import TrioTCPStream
from libp2p.stream_muxer.yamux import yamux
from mepassad_transport_libp2p.compat import flow_control
from mepassad_transport_libp2p.compat.flow_control import PatientStream
from mepassad_transport_libp2p.compat.turns import QuickLock, ReadAhead
from mepassad_transport_libp2p.config import WINDOW
from stock import in_trio

STOCK_STREAM = PatientStream.__mro__[1]


async def turns_of(lock: Any) -> int:
    """How often others get a turn while a lock that nobody holds is taken a hundred times."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        for _ in range(100):
            async with lock:
                pass
        taken = turns
        nursery.cancel_scope.cancel()
    return taken


@in_trio
async def test_a_stock_lock_gives_the_turn_away_and_ours_does_not() -> None:
    assert await turns_of(trio.Lock()) > 50
    assert await turns_of(QuickLock()) == 0


@in_trio
async def test_a_quick_lock_is_held_by_one_at_a_time_in_the_order_they_came() -> None:
    lock, order = QuickLock(), list[str]()

    async def hold(number: int) -> None:
        async with lock:
            order.append(f"in {number}")
            await trio.testing.wait_all_tasks_blocked()
            order.append(f"out {number}")

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(hold, number)
            await trio.testing.wait_all_tasks_blocked(0.0)
    assert [step.split()[0] for step in order] == ["in", "out"] * 3


@in_trio
async def test_a_quick_lock_that_is_waited_for_in_vain_is_free_afterwards() -> None:
    lock = QuickLock()

    async def wait() -> None:
        with trio.move_on_after(0):
            async with lock:
                raise AssertionError("it is held")

    async with lock, trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
    async with lock:
        pass


async def reads_of(kind: type[TrioTCPStream]) -> tuple[int, bytes]:
    """How often a socket is read for a hundred small pieces that arrived at once, and what came."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    near = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
    far = await listener.accept()
    await near.send_all(bytes(range(200)) * 2)
    await near.aclose()
    stream, reads, receive = kind(far), 0, far.receive_some

    async def counted(size: int | None = None) -> bytes:
        nonlocal reads
        reads += 1
        return bytes(await receive(size))

    far.receive_some = counted  # type: ignore[method-assign]
    got = bytearray()
    while data := await stream.read(4):
        assert len(data) <= 4
        got += data
    await far.aclose()
    await listener.aclose()
    return reads, bytes(got)


@in_trio
async def test_a_stock_connection_reads_the_socket_for_every_piece_and_ours_for_all_that_came() -> None:
    everything = bytes(range(200)) * 2
    assert await reads_of(TrioTCPStream) == (101, everything)
    reads, got = await reads_of(ReadAhead)
    assert (reads <= 4, got) == (True, everything)


async def after_a_cancelled_write(kind: type[TrioTCPStream]) -> bool:
    """Whether what is written after a write that was cancelled arrives behind all of that one."""
    one, other = trio.socket.socketpair()
    writer = kind(trio.SocketStream(one))
    first, second = bytes(range(256)) * 8000, b"the next frame"
    with trio.move_on_after(0.05):
        await writer.write(first)
    read = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.write, second)
        while not read.endswith(second):
            read += await other.recv(1 << 20)
    other.close()
    await writer.close()
    return read == first + second


@in_trio
async def test_a_stock_connection_sends_half_a_frame_whose_writer_was_cancelled_and_ours_sends_the_rest() -> None:
    assert not await after_a_cancelled_write(TrioTCPStream)
    assert await after_a_cancelled_write(ReadAhead)


class Connection:
    """The part of a Yamux connection that a stream is read through."""

    def __init__(self) -> None:
        self.updates: list[int] = []
        self.stream_buffers = {1: bytearray()}

    def rtt(self) -> float:
        return 1000.0  # seconds: whatever the machine does, a window is read quickly, and so it grows

    async def read_stream(self, stream_id: int, size: int) -> bytes:
        buffer = self.stream_buffers[stream_id]
        data = bytes(buffer[:size])
        del buffer[:size]
        return data

    async def _write_frame(self, frame: bytes) -> None:
        self.updates.append(int.from_bytes(frame[8:12], "big"))


async def read_kibibytes(kind: type[yamux.YamuxStream], count: int) -> tuple[Connection, yamux.YamuxStream]:
    """A stream on which so many KiB came and were read one by one."""
    connection = Connection()
    stream = kind(1, connection, True)  # type: ignore[arg-type]
    for _ in range(count):
        connection.stream_buffers[1] += bytes(1024)
        stream.recv_window -= 1024
        assert len(await stream.read(1024)) == 1024
    return connection, stream


@in_trio
async def test_a_stock_stream_answers_every_read_with_an_update() -> None:
    connection, _ = await read_kibibytes(STOCK_STREAM, 10)
    assert len(connection.updates) == 10


@in_trio
async def test_an_update_goes_out_once_half_of_the_window_was_read_and_not_a_byte_earlier() -> None:
    half = yamux.DEFAULT_WINDOW_SIZE // 2048
    connection, _ = await read_kibibytes(PatientStream, half - 1)
    assert connection.updates == []
    connection, stream = await read_kibibytes(PatientStream, half)
    assert len(connection.updates) == 1
    assert connection.updates[0] >= yamux.DEFAULT_WINDOW_SIZE // 2
    assert stream.recv_window == stream.target_recv_window


@in_trio
async def test_what_is_buffered_and_what_may_come_are_never_more_than_the_window() -> None:
    flow_control.apply()
    connection, stream = await read_kibibytes(PatientStream, 3000)
    assert stream.target_recv_window == WINDOW  # it grew as far as it may
    assert yamux.DEFAULT_WINDOW_SIZE + sum(connection.updates) - 3000 * 1024 == stream.recv_window <= WINDOW
