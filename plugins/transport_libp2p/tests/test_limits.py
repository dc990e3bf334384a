"""The limits that keep one peer, or many, from exhausting a node: each at its edge."""

from pathlib import Path

import anyio
import pytest
from running import Running

from mepassad.api import Unreachable
from mepassad.api.transport import Stream
from mepassad.testing.transport_node import ECHO, TIMEOUT, assert_echoes, until


async def test_one_connection_too_many_is_refused_and_a_place_that_is_free_again_is_given(running: Running) -> None:
    async with running(4, max_connections=2, idle_timeout=60.0) as (a, b, c, d):
        streams = [await b.open(a), await c.open(a)]
        for stream in streams:
            await assert_echoes(stream)
        with pytest.raises(Unreachable):
            await d.open(a)
        await b.stop()
        await until(lambda: b.id not in a.transport.connected())
        await assert_echoes(await d.open(a))
        await assert_echoes(streams[1])


async def test_a_full_node_closes_what_idles_longest_for_a_newcomer(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mepassad_transport_libp2p.host.IDLE_INTERVAL", 0.01)
    async with running(4, max_connections=2, idle_timeout=0.05) as (a, b, c, d):
        busy = await b.open(a)
        await assert_echoes(busy)
        await (await c.open(a)).close()

        async def arrive() -> None:
            while True:
                try:
                    await assert_echoes(await d.open(a))
                except Unreachable:
                    await anyio.sleep(0.05)  # the other connection has not idled long enough yet
                else:
                    return

        with anyio.fail_after(TIMEOUT):
            await arrive()
        await until(lambda: c.id not in a.transport.connected())
        await assert_echoes(busy)


async def test_a_full_node_says_so_when_it_dials(running: Running) -> None:
    async with running(3, max_connections=1) as (a, b, c):
        await assert_echoes(await a.open(b))
        with pytest.raises(Unreachable, match="max_connections"):
            await a.open(c)


async def test_one_stream_too_many_of_a_peer_is_refused_and_harms_no_other(running: Running) -> None:
    async with running(3, max_streams_per_peer=3) as (a, b, c):
        streams = [await a.open(b) for _ in range(3)]
        with pytest.raises(Unreachable):
            await a.open(b)
        for stream in [*streams, await c.open(b), await b.open(a)]:
            await assert_echoes(stream)
        await streams.pop().close()

        async def again() -> Stream:
            while True:
                try:
                    return await a.open(b)
                except Unreachable:
                    await anyio.sleep(0.01)  # the place is free once both ends have closed

        with anyio.fail_after(TIMEOUT):
            await assert_echoes(await again())


async def test_streams_that_name_no_protocol_are_dropped_in_time(running: Running) -> None:
    async with running(2, handshake_timeout=1.0) as (a, b):
        await assert_echoes(await a.open(b))
        host = a.transport._host  # type: ignore[attr-defined]
        connection = host._swarm.get_connections(host.reaching.target(b.id))[0]

        async def silent() -> bytes:
            stream = await connection.new_stream()
            await stream.write(b"\x13")
            try:
                while True:
                    await stream.read(1024)
            except Exception as error:
                return type(error).__name__.encode()

        with anyio.fail_after(TIMEOUT):
            assert await a.transport._guest.call(silent) in (b"StreamReset", b"StreamEOF")  # type: ignore[attr-defined]


async def test_a_peer_with_too_many_connections_loses_its_oldest(running: Running, tmp_path: Path) -> None:
    async with running(2, max_connections_per_peer=2) as (a, b):
        first = await a.open(b)
        host, guest = a.transport._host, a.transport._guest  # type: ignore[attr-defined]
        for _ in range(2):
            connections = host._swarm.get_connections(host.reaching.target(b.id))
            await guest.call(host.connect, b.id, b.transport.addresses(), connections)
        with anyio.fail_after(TIMEOUT):
            assert await first.read() == b""
        await assert_echoes(await a.transport.open(b.id, [], ECHO))
        assert a.lost == []
