"""Junk from the network: from strangers on the TCP port, and from a node with a good key inside our own protocols."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from mepassad.errors import StreamClosed, Unreachable
from mepassad.testing.transport_node import Node
from mepassad.wire.framing import pack
from mepassad.wire.messages_pb2 import Packet, PrekeyRequest, Refusal
from mepassad.wire.packets import MESSAGE_PROTOCOL, PREKEY_PROTOCOL
from tests.daemon import Daemon, Friends, answers, eventually, reaches
from tests.rogue import CHANCE, device, frame, opened, packet, rogue

MULTISTREAM = b"\x13/multistream/1.0.0\n"


@pytest.fixture
def target(friends: Friends) -> Iterator[Daemon]:
    """The daemon that is thrown at. After each test it answers a newcomer within 2 s, and its contact reaches it."""
    yield friends.ana
    assert answers(friends.ana.socket, within=2)
    anyio.run(write_to, friends)


async def write_to(friends: Friends) -> None:
    """Send a text to the target, and wait until it was delivered."""
    async with friends.bruno.session() as rpc:
        sent = await rpc.call("messages.send", contact=friends.ana_id, text="ainda aí?")
        await reaches(rpc, sent["message_id"], "delivered")


def stranger(daemon: Daemon, *pieces: bytes) -> bytes:
    """Speak to the port of a daemon byte by byte; what it says until it hangs up or falls silent."""
    with socket.create_connection(("127.0.0.1", daemon.port()), timeout=1) as client, suppress(OSError):
        heard = b""
        for piece in pieces:
            client.sendall(piece)
        with suppress(TimeoutError):
            while more := client.recv(65_536):
                heard += more
        return heard
    return b""


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + CHANCE.randbytes(500),),
        (b"SSH-2.0-OpenSSH_9.6\r\n",),
        (CHANCE.randbytes(1),),
        (CHANCE.randbytes(100_000),),
        (b"\xff" * 10_000,),
        (MULTISTREAM,),
        (MULTISTREAM, b"\x07/noise\n"),
        (MULTISTREAM, b"\x07/noise\n", CHANCE.randbytes(5_000)),
        (MULTISTREAM, b"\x07/noise\n", b"\x00\x20" + CHANCE.randbytes(32), b"\xff\xff"),
        (MULTISTREAM, b"\x0d/plaintext/2\n"),
        (MULTISTREAM * 1000,),
        (b"\xff\xff\xff\xff\x7f" + b"x" * 1000,),
    ],
    ids=range(13),
)
def test_a_stranger_who_speaks_junk_is_hung_up_on(target: Daemon, pieces: tuple[bytes, ...]) -> None:
    heard = stranger(target, *pieces)
    assert len(heard) < 100_000


def test_hundreds_of_half_open_connections_leave_room_for_a_newcomer(target: Daemon) -> None:
    half = []
    for _ in range(300):
        client = socket.create_connection(("127.0.0.1", target.port()), timeout=5)
        with suppress(OSError):
            client.sendall(MULTISTREAM)
        half.append(client)
    assert answers(target.socket, within=2)
    for client in half:
        client.close()


@pytest.fixture(name="rogue")
async def a_rogue(tmp_path: Path) -> AsyncIterator[Node]:
    """A libp2p node with a key of its own that keeps to no protocol of ours."""
    async with rogue(tmp_path) as node:
        yield node


async def throw(rogue: Node, daemon: Daemon, protocol: str, data: bytes) -> bytes:
    """Write bytes on a new stream; what comes back until the daemon ends it, or for a moment."""
    stream = await opened(rogue, daemon, protocol)
    heard = b""
    try:
        stream.write(data)
        with anyio.move_on_after(0.3):
            await stream.drain()
            while more := await stream.read():
                heard += more
    except StreamClosed:
        pass
    finally:
        stream.abort()
    return heard


PIECES = {
    "random bytes": lambda: CHANCE.randbytes(5_000),
    "a length of gigabytes": lambda: b"\xff\xff\xff\xff\x7f" + b"x" * 1000,
    "a length without end": lambda: b"\xff" * 1000,
    "a length above the limit": lambda: pack(b"x" * (8 << 20)),
    "a frame that never ends": lambda: pack(b"x" * (1 << 20))[:-1],
    "random frames": lambda: b"".join(pack(CHANCE.randbytes(CHANCE.randrange(200))) for _ in range(200)),
    "empty frames": lambda: pack(b"") * 20_000,
    "acks of what was never sent": lambda: frame(acks=[CHANCE.randbytes(32) for _ in range(5_000)]),
    "acks of a wrong length": lambda: frame(acks=[b"x"]),
    "refusals of what was never sent": lambda: frame(
        refusals=[Refusal(packet=CHANCE.randbytes(32), reason=reason) for reason in (0, 1, 2, 5, 99, 2**32 - 1)]
    ),
    "a junk packet": lambda: frame(packets=[CHANCE.randbytes(100)]),
    "an empty packet": lambda: frame(packets=[b""]),
    "a half packet": lambda: frame(packets=[Packet(sender=bytes(32)).SerializeToString()]),
}


@pytest.mark.parametrize("protocol", [MESSAGE_PROTOCOL, PREKEY_PROTOCOL])
@pytest.mark.parametrize("what", PIECES)
async def test_junk_inside_our_protocols_ends_its_stream_only(
    target: Daemon, rogue: Node, what: str, protocol: str
) -> None:
    heard = await throw(rogue, target, protocol, PIECES[what]())
    assert len(heard) < 1 << 20


async def test_junk_packets_to_our_device_are_refused_and_change_nothing(target: Daemon, rogue: Node) -> None:
    before = target.ask("SELECT count(*) FROM session"), target.ask("SELECT count(*) FROM message")
    own = device(target)
    session = target.ask("SELECT id FROM session")[0][0]
    packets = [packet(own, CHANCE.randbytes(size)) for size in (1, 50, 300, 1_500, 60_000)]
    packets += [packet(own, CHANCE.randbytes(300), session=bytes(session)) for _ in range(20)]
    packets += [packet(CHANCE.randbytes(32), CHANCE.randbytes(300)) for _ in range(20)]
    stream = await opened(rogue, target, MESSAGE_PROTOCOL)
    for one in packets:
        stream.write(frame(packets=[one]))
    heard = b""
    with anyio.fail_after(30):
        while heard.count(b"\x1a") < len(packets) and (more := await stream.read()):
            heard += more
    stream.abort()
    assert (target.ask("SELECT count(*) FROM session"), target.ask("SELECT count(*) FROM message")) == before


async def test_a_flood_of_junk_packets_does_not_starve_others(target: Daemon, rogue: Node) -> None:
    own = device(target)
    stream = await opened(rogue, target, MESSAGE_PROTOCOL)
    with anyio.move_on_after(3), suppress(StreamClosed):
        async with anyio.create_task_group() as tasks:

            async def flood() -> None:
                while True:
                    stream.write(frame(packets=[packet(own, CHANCE.randbytes(300)) for _ in range(50)]))
                    await stream.drain()

            async def drain() -> None:
                while await stream.read():
                    pass

            tasks.start_soon(flood)
            tasks.start_soon(drain)
            for _ in range(10):
                alive = await anyio.to_thread.run_sync(lambda: answers(target.socket, within=2))
                assert alive
                await anyio.sleep(0.05)
    stream.abort()


async def test_a_peer_that_opens_streams_without_end_is_bounded(target: Daemon, rogue: Node) -> None:
    streams = []
    with suppress(Unreachable, StreamClosed):
        while len(streams) < 200:
            streams += [await opened(rogue, target, MESSAGE_PROTOCOL)]
    assert answers(target.socket, within=2)
    for stream in streams:
        stream.abort()
    await eventually(lambda: links(target), lambda count: count <= 4)


async def links(daemon: Daemon) -> int:
    """How many links a daemon has."""
    async with daemon.session() as rpc:
        return int(str((await rpc.call("system.stats"))["links"]))


async def test_prekeys_are_given_only_to_those_who_know_a_number(target: Daemon, rogue: Node) -> None:
    for number in (b"", b"x", CHANCE.randbytes(32), CHANCE.randbytes(200)):
        heard = await throw(rogue, target, PREKEY_PROTOCOL, pack(PrekeyRequest(number=number).SerializeToString()))
        assert len(heard) < 32
        assert device(target) not in heard


async def test_somebody_who_asks_for_prekeys_without_end_is_cut_off(target: Daemon, rogue: Node) -> None:
    request = pack(PrekeyRequest(number=CHANCE.randbytes(32)).SerializeToString())
    heard = await throw(rogue, target, PREKEY_PROTOCOL, request * 1_000)
    assert len(heard) == 16 * 3  # a refusal has two bytes and its length
