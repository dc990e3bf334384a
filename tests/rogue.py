"""A node that keeps to no protocol of ours: a libp2p node with a good key that says whatever a test wants."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import trio
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.stream.exceptions import StreamEOF, StreamReset
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component

from mepassad.api.transport import Stream
from mepassad.api.types import NodeId
from mepassad.errors import StreamClosed
from mepassad.testing.transport_node import Node, run_node
from mepassad.wire.framing import pack
from mepassad.wire.messages_pb2 import Frame, Packet
from tests.daemon import PATIENCE, Daemon

CHANCE = random.Random(9)
PIECE = 60_000  # bytes that surely fit one Noise message


@asynccontextmanager
async def rogue(folder: Path, key: bytes | None = None) -> AsyncIterator[Node]:
    """A rogue that runs. `key`: the node key of somebody whose place it takes; None: a stranger's."""
    async with anyio.create_task_group() as tasks:
        config = Config(listen=("/ip4/127.0.0.1/tcp/0",))
        node: Node = await tasks.start(run_node, component, config, key or CHANCE.randbytes(32), folder)
        yield node
        await node.stop()


async def address(daemon: Daemon) -> tuple[NodeId, str]:
    """A daemon's node id, and where it listens."""
    async with daemon.session() as rpc:
        (found,) = (await rpc.call("identity.show"))["addresses"]
    return NodeId(found.rpartition("/")[2]), found


async def opened(node: Node, daemon: Daemon, protocol: str) -> Stream:
    """A stream of a protocol to a daemon."""
    peer, where = await address(daemon)
    return await node.transport.open(peer, [where], protocol)


async def ended(stream: Stream, within: float = 5) -> bool:
    """Whether the other end ends a stream in so many seconds; what it says until then is dropped."""
    with anyio.move_on_after(within):
        try:
            while await stream.read():
                pass
        except StreamClosed:
            pass
        return True
    return False


async def below(node: Node, daemon: Daemon, *frames: bytes) -> None:
    """Send bytes to a daemon beside the muxer, on a connection that is up; however many, in one go."""
    host, guest = node.transport._host, node.transport._guest  # type: ignore[attr-defined]
    (connection,) = host._swarm.get_connections(host.reaching.target((await address(daemon))[0]))
    data = b"".join(frames)

    async def send() -> None:
        with suppress(ConnectionClosedError):  # the daemon may hang up in the middle
            for start in range(0, len(data), PIECE):
                await connection.muxed_conn._write_frame(data[start : start + PIECE])

    await guest.call(send)


async def number_of(node: Node, protocol: str) -> int:
    """The number that the muxer gave to a node's only stream of a protocol."""
    host = node.transport._host  # type: ignore[attr-defined]
    streams = [stream for connection in host._swarm.get_connections() for stream in connection.get_streams()]
    (number,) = [stream.muxed_stream.stream_id for stream in streams if stream.get_protocol() == protocol]
    return int(number)


def device(daemon: Daemon) -> bytes:
    """The device key of a daemon's account."""
    ((key,),) = daemon.ask("SELECT device FROM account")
    return bytes(key)


def frame(**fields: object) -> bytes:
    """A frame of `/mepassa/message/1` with its length."""
    return pack(Frame(**fields).SerializeToString())


def packet(recipient: bytes, message: bytes, session: bytes | None = None, sender: bytes | None = None) -> bytes:
    """A packet that was not encrypted by anybody; by default from nobody, in no session."""
    session = CHANCE.randbytes(16) if session is None else session
    sender = CHANCE.randbytes(32) if sender is None else sender
    return Packet(sender=sender, recipient=recipient, session=session, message=message).SerializeToString()


async def hang_up(node: Node) -> None:
    """Close a rogue's connections without a word, as when its process is killed."""
    host, guest = node.transport._host, node.transport._guest  # type: ignore[attr-defined]

    async def close() -> None:
        for connection in host._swarm.get_connections():
            await connection.muxed_conn.secured_conn.close()

    await guest.call(close)
    await node.stop()


async def until_lost(node: Node) -> None:
    """Wait until the daemon has closed the connection."""
    with anyio.fail_after(PATIENCE):
        while not node.lost:
            await anyio.sleep(0.01)


async def negotiate(node: Node, daemon: Daemon, said: bytes, again: bytes, every: float) -> None:
    """Say something on a new stream that has no protocol yet, then more now and then, until it is reset."""
    host, guest = node.transport._host, node.transport._guest  # type: ignore[attr-defined]
    (connection,) = host._swarm.get_connections(host.reaching.target((await address(daemon))[0]))

    async def talk() -> None:
        stream = await connection.new_stream()
        with suppress(StreamReset, StreamEOF):
            await stream.write(said)
            while True:
                with trio.move_on_after(every):
                    while await stream.read(65_536):
                        pass
                await stream.write(again)

    await guest.call(talk)
