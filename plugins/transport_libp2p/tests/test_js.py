"""js-libp2p, another implementation, and this transport understand each other, whoever dials."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from js_peer import NODE, JsPeer, js_peer
from libp2p.host.ping import PingService
from running import Running

from mepassad.api import StreamClosed
from mepassad.api.transport import Stream
from mepassad.testing.transport_node import (
    ECHO,
    HOLD,
    TIMEOUT,
    Held,
    Node,
    assert_echoes,
    fill,
    read_all,
    read_exactly,
    until,
)

pytestmark = [
    pytest.mark.skipif(not NODE.exists(), reason="js-libp2p is not installed: scripts/js-packages"),
    pytest.mark.timeout(120),
]
MIB = 1 << 20
SIZES = [1, 64 << 10, 8 * MIB]
WAYS = [("tcp", "noise"), ("tcp", "tls"), ("ws", "noise"), ("quic", "noise")]
LISTEN = {"tcp": "/ip4/127.0.0.1/tcp/0", "ws": "/ip4/127.0.0.1/tcp/0/ws", "quic": "/ip4/127.0.0.1/udp/0/quic-v1"}


@dataclass
class Pair:
    """Our node and a js peer, over one transport."""

    ours: Node
    js: JsPeer

    @property
    def address(self) -> str:
        return self.ours.transport.addresses()[0]

    async def open(self, protocol: str = ECHO) -> Stream:
        return await self.ours.transport.open(self.js.id, self.js.addresses, protocol)


@pytest.fixture(scope="module", params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A transport, and what secures it."""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture(scope="module")
def shared(way: tuple[str, str]) -> Iterator[JsPeer]:
    """A js peer for many tests."""
    with js_peer(*way) as js:
        yield js


@pytest.fixture
async def pair(running: Running, way: tuple[str, str], shared: JsPeer) -> AsyncIterator[Pair]:
    async with running(1, listen=(LISTEN[way[0]],)) as (ours,):
        yield Pair(ours, shared)
        await shared.call("leave")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def echoed(stream: Stream, data: bytes) -> bytes:
    """What comes back of data that is written while it is read."""
    async with anyio.create_task_group() as tasks:

        async def write() -> None:
            for at in range(0, len(data), 64 << 10):
                stream.write(data[at : at + (64 << 10)])
                await stream.drain()

        tasks.start_soon(write)
        with anyio.fail_after(TIMEOUT):
            return await read_exactly(stream, len(data))


# -- who is it


async def test_js_learns_by_identify_who_we_are_and_what_we_serve(pair: Pair, way: tuple[str, str]) -> None:
    found = await pair.js.call("identify", to=pair.address)
    assert found["peer"] == pair.ours.id
    assert {ECHO, "/ipfs/ping/1.0.0", "/ipfs/id/1.0.0"} <= set(found["protocols"])
    assert found["agent"]
    assert found["addresses"]
    if way[0] != "quic":
        assert (way[1] in found["encryption"], found["multiplexer"]) == (True, "/yamux/1.0.0")


async def test_js_pings_us(pair: Pair) -> None:
    assert (await pair.js.call("ping", to=pair.address))["milliseconds"] >= 0


async def test_we_ping_js(pair: Pair) -> None:
    await pair.open()
    transport: Any = pair.ours.transport
    host = transport._host

    async def ping() -> list[int]:
        return await PingService(host._host).ping(host.reaching.target(pair.js.id), 3)

    assert len(await transport._guest.call(ping)) == 3


# -- bytes


@pytest.mark.parametrize("size", SIZES)
async def test_bytes_come_back_from_js_as_they_were(pair: Pair, size: int) -> None:
    data = os.urandom(size)
    assert await echoed(await pair.open(), data) == data


@pytest.mark.parametrize("size", SIZES)
async def test_bytes_of_js_go_back_as_they_were(pair: Pair, size: int) -> None:
    found = await pair.js.call("echo", to=pair.address, size=size)
    assert (found["size"], found["same"]) == (size, True)


async def test_both_sides_open_streams_on_one_connection(pair: Pair) -> None:
    stream = await pair.open()
    await assert_echoes(stream, b"ours")
    assert (await pair.js.call("echo", to=pair.address, size=1000))["same"]
    await assert_echoes(stream, b"ours again")
    assert pair.ours.seen == [pair.js.id]
    assert pair.ours.lost == []


# -- slow readers


async def test_js_that_does_not_read_stops_our_writer_and_gets_all_in_the_end(pair: Pair, way: tuple[str, str]) -> None:
    stream = await pair.open(HOLD)
    if way[0] == "quic":  # of js, cannot pause: it gives the stream up when it holds 4 MiB
        with pytest.raises(StreamClosed):
            await fill(stream, 64 * MIB)
        await assert_echoes(await pair.open(), b"other streams go on")
        return
    written = await fill(stream, 8 * MIB)
    await assert_echoes(await pair.open(), b"other streams go on")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stream.close)
        found = await pair.js.call("release")
    assert found["size"] == written


async def test_we_who_do_not_read_stop_js_and_get_all_in_the_end(pair: Pair) -> None:
    held = Held(pair.ours)
    found = await pair.js.call("fill", to=pair.address, limit=8 * MIB)
    assert found["size"] < 8 * MIB
    assert (await pair.js.call("echo", to=pair.address, size=1000))["same"], "other streams go on"
    held.release.set()
    await pair.js.call("finish")
    await until(lambda: bool(held.received))
    assert (len(held.received[0]), sha256(held.received[0])) == (found["size"], found["sha256"])


# -- ends


async def test_js_ends_its_side_and_still_hears_ours(pair: Pair) -> None:
    answers: list[bytes] = []

    async def answer_at_the_end(stream: Stream) -> None:
        answers.append(await read_all(stream))
        stream.write(answers[0])

    pair.ours.transport.handle(ECHO, answer_at_the_end)
    assert (await pair.js.call("echo", to=pair.address, size=100_000))["same"]
    assert len(answers[0]) == 100_000


async def test_a_stream_that_we_abort_is_reset_for_js_and_the_connection_lives(
    pair: Pair, way: tuple[str, str]
) -> None:
    stream = await pair.open(HOLD)
    stream.write(b"?")
    await stream.drain()
    while not (await pair.js.call("held"))["status"]:
        pass
    stream.abort()
    with anyio.fail_after(TIMEOUT):
        over = "ended" if way[0] == "quic" else "reset"  # QUIC of js does not tell one from the other
        while (await pair.js.call("held"))["status"][-1] != over:
            pass
    await assert_echoes(await pair.open())
    assert pair.ours.lost == []


async def test_a_stream_that_js_resets_ends_for_us_and_the_connection_lives(pair: Pair) -> None:
    ended = anyio.Event()

    async def watch(stream: Stream) -> None:
        while data := await stream.read():
            stream.write(data)
        ended.set()

    pair.ours.transport.handle(ECHO, watch)
    await pair.js.call("reset", to=pair.address)
    with anyio.fail_after(TIMEOUT):
        await ended.wait()
    await assert_echoes(await pair.open())
    assert pair.ours.lost == []


async def test_js_that_is_killed_ends_its_streams_and_is_lost(running: Running, way: tuple[str, str]) -> None:
    async with running(1, listen=(LISTEN[way[0]],)) as (ours,):
        with js_peer(*way) as js:
            stream = await Pair(ours, js).open()
            await assert_echoes(stream)
            js.kill()
            with anyio.fail_after(TIMEOUT):
                assert await stream.read() == b""
            await until(lambda: ours.lost == [js.id])
