"""Bad connections: below our protocols, from strangers who speak TCP, Noise, Yamux or the negotiation badly.

Whatever comes, two friends chat meanwhile and notice nothing, and nothing of it stays (`tests/bad_days.py`).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from libp2p.stream_muxer.yamux import yamux

from mepassad.api.transport import Stream
from mepassad.errors import StreamClosed, Unreachable
from mepassad.testing.transport_node import Node
from mepassad.wire.packets import MESSAGE_PROTOCOL, PREKEY_PROTOCOL
from tests.bad_days import bad_day
from tests.daemon import Fleet, Friends
from tests.rogue import CHANCE, below, frame, hang_up, negotiate, number_of, opened, packet, rogue, until_lost

HANDSHAKE = 1.0  # seconds that a newcomer has to prove its key, and a stream to name its protocol
STREAMS = 8  # that one node may have open
MULTISTREAM = b"\x13/multistream/1.0.0\n"
NOBODY = 0x7FFFFFF1  # a stream that was never opened


@pytest.fixture(scope="module")
def friends(shared: Fleet) -> Friends:
    """Ana, who is strict with strangers, and bruno."""
    strict = {"handshake_timeout": HANDSHAKE, "max_streams_per_peer": STREAMS}
    return Friends(*shared.start("ana", "bruno", transport_libp2p=strict, delivery={"packet_rate": 500}))


@pytest.fixture
async def villain(tmp_path: Path) -> AsyncIterator[Node]:
    """A stranger's node, not connected yet."""
    async with rogue(tmp_path) as node:
        yield node


# -- TCP and Noise


async def silent(port: int, *pieces: bytes, every: float = 0.3) -> None:
    """Say these pieces, then a byte now and then, until the node hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
        while True:
            with anyio.move_on_after(every):
                while await reader.read(65_536):
                    pass
                break
            writer.write(b"\x00")
    writer.close()


HALF = {
    "nothing": (),
    "half a negotiation": (MULTISTREAM,),
    "half a handshake": (MULTISTREAM, b"\x07/noise\n", b"\x00\x20" + CHANCE.randbytes(32)),
    "half a message of the handshake": (MULTISTREAM, b"\x07/noise\n", b"\xff\xff" + CHANCE.randbytes(100)),
}


async def test_three_hundred_who_say_next_to_nothing_keep_no_newcomer_out_and_are_dropped(
    friends: Friends, villain: Node
) -> None:
    async with bad_day(friends) as chat:
        began, kinds = anyio.current_time(), list(HALF.values())
        async with anyio.create_task_group() as tasks:
            for number in range(300):
                tasks.start_soon(silent, friends.ana.port(), *kinds[number % len(kinds)])
            await newcomer_is_served(friends, villain)
            await chat.more()
        assert anyio.current_time() - began < HANDSHAKE + 10
        await villain.stop()


async def newcomer_is_served(friends: Friends, newcomer: Node) -> None:
    """A node that was never connected gets a stream in time, if need be at the second try."""
    with anyio.fail_after(15):
        while True:
            with suppress(Unreachable):
                await opened(newcomer, friends.ana, MESSAGE_PROTOCOL)
                return
            await anyio.sleep(0.1)


# -- negotiations and streams


NEGOTIATIONS = (b"", b"\x13/mep", b"\x07/mepas\n", b"\x03ls\n", MULTISTREAM)


async def test_negotiations_that_never_end_are_ended_in_time(friends: Friends, villain: Node) -> None:
    async with bad_day(friends) as chat:
        await opened(villain, friends.ana, MESSAGE_PROTOCOL)
        began = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            for said in NEGOTIATIONS:
                tasks.start_soon(negotiate, villain, friends.ana, MULTISTREAM + said, said, 0.2)
            await chat.more()
        assert anyio.current_time() - began < HANDSHAKE + 5
        await villain.stop()


async def test_streams_without_end_are_refused_beyond_the_limit(friends: Friends, villain: Node) -> None:
    async with bad_day(friends) as chat:
        streams: list[Stream] = []
        with suppress(Unreachable, StreamClosed):
            while len(streams) <= STREAMS:
                streams.append(await opened(villain, friends.ana, PREKEY_PROTOCOL))
        assert len(streams) == STREAMS
        await chat.more()
        await villain.stop()


# -- Yamux


def header(kind: int, flags: int = 0, stream: int = 0, length: int = 0) -> bytes:
    """The header of a Yamux frame."""
    return struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, kind, flags, stream, length)


FATAL: dict[str, Callable[[], bytes]] = {
    "a frame of gigabytes": lambda: header(yamux.TYPE_DATA, 0, 1, 0xFFFFFFFF),
    "a first frame of gigabytes": lambda: header(yamux.TYPE_DATA, yamux.FLAG_SYN, 99, 0xFFFFFFFF),
    "a go-away of a reason that there is not": lambda: header(yamux.TYPE_GO_AWAY, 0, 0, 0xFFFFFFFF),
}


@pytest.mark.parametrize("what", FATAL)
async def test_what_no_muxer_may_send_ends_its_connection(friends: Friends, villain: Node, what: str) -> None:
    async with bad_day(friends) as chat:
        await opened(villain, friends.ana, MESSAGE_PROTOCOL)
        await below(villain, friends.ana, FATAL[what]())
        await until_lost(villain)
        await chat.more()


async def test_who_sends_more_than_its_window_is_hung_up_on(friends: Friends, villain: Node) -> None:
    async with bad_day(friends) as chat:
        await opened(villain, friends.ana, MESSAGE_PROTOCOL)
        number = await number_of(villain, MESSAGE_PROTOCOL)
        busy = frame(packets=[packet(CHANCE.randbytes(32), b"x") for _ in range(500)])
        piece = header(yamux.TYPE_DATA, 0, number, len(busy)) + busy  # ana reads on when a second went by for each
        await below(villain, friends.ana, *[piece] * 200)
        await until_lost(villain)
        await chat.more()


FLOODS: dict[str, Callable[[], bytes]] = {
    "pings": lambda: header(yamux.TYPE_PING, yamux.FLAG_SYN, 0, 7) * 5_000,
    "pongs to no ping": lambda: header(yamux.TYPE_PING, yamux.FLAG_ACK, 0, 7) * 5_000,
    "frames of streams that there are not": lambda: (header(yamux.TYPE_DATA, 0, NOBODY, 100) + bytes(100)) * 5_000,
    "windows of streams that there are not": lambda: header(yamux.TYPE_WINDOW_UPDATE, 0, NOBODY, 0xFFFFFFFF) * 5_000,
    "windows without end": lambda: header(yamux.TYPE_WINDOW_UPDATE, 0, 1, 0xFFFFFFFF) * 5_000,
    "resets of streams that there are not": lambda: header(yamux.TYPE_DATA, yamux.FLAG_RST, NOBODY) * 5_000,
    "frames of a kind that there is not": lambda: header(77, 0xFFFF, NOBODY) * 5_000,
    "streams that are opened and never used": lambda: b"".join(
        header(yamux.TYPE_WINDOW_UPDATE, yamux.FLAG_SYN, 2 * number + 101) for number in range(1_000)
    ),
}


@pytest.mark.parametrize("what", FLOODS)
async def test_frames_of_the_muxer_without_end_disturb_nobody(friends: Friends, villain: Node, what: str) -> None:
    async with bad_day(friends) as chat:
        await opened(villain, friends.ana, MESSAGE_PROTOCOL)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(below, villain, friends.ana, FLOODS[what]())
            await chat.more()
        await below(villain, friends.ana, FLOODS[what]())
        await hang_up(villain)  # while most of it waits to be read
