"""What every transport must do: subclass `TransportContract` in a test module of your plugin."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from mepassad.api import StreamClosed, Unreachable
from mepassad.api.transport import Stream
from mepassad.api.types import NodeId
from mepassad.testing.transport_contract_network import NetworkContract
from mepassad.testing.transport_node import (
    CHUNK,
    ECHO,
    HOLD,
    TIMEOUT,
    Held,
    assert_echoes,
    fill,
    read_all,
    read_exactly,
    refuses,
    until,
)


class TransportContract(NetworkContract):
    """The suite. A subclass says which component makes the transport and with which configuration.

    What is promised of the network around stands in `transport_contract_network`.
    """

    most_in_flight = 8 * 1024 * 1024
    """Bytes that may be under way at most between a writer who drains and a reader who does not read."""

    # -- who is reached -----------------------------------------------------------------------------------------

    async def test_a_stream_carries_bytes_both_ways_whoever_opened_it(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            there, back = await a.open(b), await b.open(a)
            assert (there.peer, there.protocol, there.route) == (b.id, ECHO, "direct")
            await assert_echoes(there, b"from a")
            await assert_echoes(back, b"from b")

    async def test_a_handler_knows_who_opened_its_stream(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            met: list[tuple[NodeId, str, str]] = []

            async def meet(stream: Stream) -> None:
                met.append((stream.peer, stream.protocol, stream.route))

            b.transport.handle("/test/meet/1", meet)
            stream = await a.open(b, "/test/meet/1")
            assert await stream.read() == b""
            assert met == [(a.id, "/test/meet/1", "direct")]

    async def test_addresses_end_in_the_node_id_and_can_be_dialled(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 1) as (a,):
            assert a.transport.addresses()
            for address in a.transport.addresses():
                assert address.endswith(f"/p2p/{a.id}")
                assert a.transport.can_dial(address)
            for junk in ("", "/", "junk", "/nowhere/1/p2p/" + a.id, "\0", "/p2p/" + a.id):
                assert not a.transport.can_dial(junk)

    async def test_a_node_with_another_key_is_refused(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 3) as (a, b, c):
            await c.stop()
            own = b.transport.addresses()
            disguised = [address.replace(b.id, c.id) for address in own]
            bare = [address.removesuffix(f"/p2p/{b.id}") for address in own]
            for addresses in (own, disguised, bare):
                with pytest.raises(Unreachable):
                    await a.transport.open(c.id, addresses, ECHO)
            assert a.transport.connected() == ()

    async def test_a_node_nobody_answers_for_is_unreachable(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            addresses = b.transport.addresses()
            await b.stop()
            for tried in (addresses, [], ["junk", ""]):
                with pytest.raises(Unreachable):
                    await a.transport.open(b.id, tried, ECHO)

    async def test_a_node_does_not_reach_itself(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 1) as (a,):
            with pytest.raises(Unreachable):
                await a.open(a)

    async def test_an_unknown_protocol_is_unreachable_and_harms_no_other_stream(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            stream = await a.open(b)
            with pytest.raises(Unreachable):
                await a.open(b, "/test/unknown/1")
            await assert_echoes(stream)

    async def test_a_live_connection_needs_no_address(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            await a.open(b)
            await until(lambda: a.id in b.transport.connected())
            await assert_echoes(await a.transport.open(b.id, [], ECHO))
            await assert_echoes(await b.transport.open(a.id, [], ECHO))

    async def test_watchers_and_connected_follow_the_first_and_the_last_connection(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            for _ in range(3):
                await (await a.open(b)).close()
            await until(lambda: b.seen == [a.id])
            assert (a.seen, a.lost, a.transport.connected()) == ([b.id], [], (b.id,))
            await b.stop()
            await until(lambda: a.lost == [b.id])
            assert (a.seen, a.transport.connected()) == ([b.id], ())

    async def test_a_node_that_came_back_is_reached_again(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 1) as (a,), anyio.create_task_group() as tasks:
            for _ in range(2):
                b = await self.start(tasks, tmp_path, 7)
                await assert_echoes(await a.open(b))
                await b.stop()
                await until(lambda: not a.transport.connected())
            assert (a.seen, a.lost) == ([b.id] * 2, [b.id] * 2)

    async def test_streams_and_connections_that_ended_leave_no_task(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 1) as (a,), anyio.create_task_group() as tasks:
            before = a.transport.tasks()
            for number in range(1, 4):
                b = await self.start(tasks, tmp_path, number)
                for _ in range(3):
                    await assert_echoes(await b.open(a))
                await b.stop()
            await until(lambda: a.transport.tasks() <= before)

    # -- bytes --------------------------------------------------------------------------------------------------

    async def test_many_small_writes_arrive_in_order(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            held = Held(b)
            stream = await a.open(b, HOLD)
            parts = [b"%d," % number for number in range(5000)]
            for part in parts:
                stream.write(part)
            held.release.set()
            await stream.close()
            await until(lambda: bool(held.received))
            assert held.received == [b"".join(parts)]

    async def test_a_slow_reader_stops_its_sender_but_nobody_else(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 3) as (a, b, c):
            held = Held(b)
            stream = await a.open(b, HOLD)
            assert stream.room
            written = await fill(stream, self.most_in_flight)
            assert not stream.room
            await assert_echoes(await c.open(b))
            await assert_echoes(await a.open(c))
            await assert_echoes(await a.open(b))
            held.release.set()
            with anyio.fail_after(TIMEOUT):
                await stream.drain()
                assert stream.room
                await stream.close()
            await until(lambda: bool(held.received))
            assert held.received[0] == CHUNK * (written // len(CHUNK))

    async def test_a_large_transfer_arrives_whole_in_both_directions(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b), anyio.create_task_group() as tasks:
            stream = await a.open(b)

            async def send() -> None:
                for _ in range(256):
                    stream.write(CHUNK)
                    await stream.drain()

            tasks.start_soon(send)
            assert await read_exactly(stream, 256 * len(CHUNK)) == CHUNK * 256

    async def test_a_cancelled_read_loses_nothing(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            stream = await a.open(b)
            received = b""
            for number in range(100):
                stream.write(b"%02d" % number)
                with anyio.move_on_after(0.001):
                    received += await stream.read()
            with anyio.fail_after(TIMEOUT):
                received += await read_exactly(stream, 200 - len(received))
            assert received == b"".join(b"%02d" % number for number in range(100))

    async def test_many_streams_run_at_once(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b), anyio.create_task_group() as tasks:

            async def talk(data: bytes) -> None:
                stream = await a.open(b)
                await assert_echoes(stream, data * 1000)
                await stream.close()

            for number in range(20):
                tasks.start_soon(talk, b"%02d" % number)

    # -- ends ---------------------------------------------------------------------------------------------------

    async def test_closing_sends_what_is_queued_and_then_read_ends(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            held = Held(b)
            held.release.set()
            stream = await a.open(b, HOLD)
            stream.write(CHUNK * 32)
            await stream.close()
            await until(lambda: bool(held.received))
            assert held.received[0] == CHUNK * 32
            assert await held.streams[0].read() == b""

    async def test_a_closed_stream_takes_no_more_and_may_be_closed_again(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            stream = await a.open(b)
            await stream.close()
            with pytest.raises(StreamClosed):
                stream.write(b"late")
            await stream.close()
            stream.abort()
            assert await stream.read() == b""

    async def test_a_stream_ends_when_its_handler_returns(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):

            async def greet(stream: Stream) -> None:
                stream.write(b"hello and goodbye")

            b.transport.handle("/test/greet/1", greet)
            stream = await a.open(b, "/test/greet/1")
            assert await read_all(stream) == b"hello and goodbye"

    async def test_a_handler_that_raises_ends_its_own_stream_only(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):

            async def fail(stream: Stream) -> None:
                await stream.read()
                raise ValueError("a mistake in a handler")

            b.transport.handle("/test/fail/1", fail)
            failing, healthy = await a.open(b, "/test/fail/1"), await a.open(b)
            failing.write(b"go")
            assert await failing.read() == b""
            await assert_echoes(healthy)
            await assert_echoes(await b.open(a))

    async def test_an_aborted_stream_ends_at_once_for_both(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            held = Held(b)
            stream, healthy = await a.open(b, HOLD), await a.open(b)
            await until(lambda: bool(held.streams))
            stream.abort()
            assert await stream.read() == b""
            for broken in (stream.write, held.streams[0].write):
                await until(lambda write=broken: refuses(write))  # type: ignore[misc]
            assert await held.streams[0].read() == b""
            await assert_echoes(healthy)

    async def test_a_node_that_goes_ends_its_streams(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 3) as (a, b, c):
            doomed, healthy = await a.open(b), await a.open(c)
            await assert_echoes(doomed)
            await b.stop()
            with anyio.fail_after(TIMEOUT):
                assert await doomed.read() == b""
            await until(lambda: refuses(doomed.write))
            await assert_echoes(healthy)

    async def test_a_sender_who_waits_is_told_that_its_stream_broke(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            held = Held(b)
            stream = await a.open(b, HOLD)
            await fill(stream, self.most_in_flight)
            held.streams[0].abort()
            with anyio.fail_after(TIMEOUT), pytest.raises(StreamClosed):
                await stream.drain()
