"""Strangers for one daemon: bare libp2p connections, many to a process. python -m bench.crowd ADDRESS KIND COUNT

No host, no swarm, no identify: TCP, Noise, Yamux, each with a key of its own, so that a thousand cost a client little
and the daemon what any peer costs. What a kind does is said at its function; JSON lines on stdout.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from libp2p.abc import IMuxedConn
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.peer.peerinfo import PeerInfo, info_from_p2p_addr
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.tcp.tcp import TCP
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api.node_id import key_from_node_id
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.mailbox import MAILBOX_PROTOCOL, MAX_FRAME, Listener, Operation
from mepassad.wire.messages_pb2 import MailboxAnswer, MailboxHello, MailboxRequest
from mepassad.wire.packets import MESSAGE_PROTOCOL

BOXES = 10  # that each client opens
AT_ONCE = 16  # handshakes of this process at a time: below the daemon's max_handshakes with two processes


@asynccontextmanager
async def connected(daemon: PeerInfo) -> AsyncIterator[IMuxedConn]:
    """A connection of somebody new."""
    keys = create_new_key_pair()
    noise = Noise(keys, noise_privkey=create_noise_key_pair().private_key)
    upgrader = TransportUpgrader({NOISE: noise}, {TProtocol(YAMUX): Yamux})
    raw = await TCP().dial(daemon.addrs[0])
    try:
        secured = await upgrader.upgrade_security(raw, True, daemon.peer_id)
        muxed = await upgrader.upgrade_connection(secured, daemon.peer_id)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(muxed.start)
            yield muxed
            await muxed.close()
            nursery.cancel_scope.cancel()
    finally:
        await raw.close()


async def talk(muxed: IMuxedConn) -> None:
    """Open a stream of the message protocol, have it answered, end it."""
    stream = await muxed.open_stream()
    await MultiselectClient().select_one_of([TProtocol(MESSAGE_PROTOCOL)], MultiselectCommunicator(stream))
    await stream.close()


async def hold(daemon: PeerInfo, count: int) -> None:
    """Connect, tell when all are, and idle until standard input ends."""
    await _stay(daemon, count, lambda muxed: trio.lowlevel.checkpoint())


async def boxes(daemon: PeerInfo, count: int) -> None:
    """The same of those who opened and watch boxes."""
    node = key_from_node_id(str(daemon.peer_id))
    await _stay(daemon, count, lambda muxed: _watch(muxed, node))


async def _stay(daemon: PeerInfo, count: int, greet: Callable[[IMuxedConn], Awaitable[None]]) -> None:
    places, here = trio.CapacityLimiter(AT_ONCE), trio.Semaphore(0)

    async def idle() -> None:
        async with AsyncExitStack() as stack:
            async with places:
                await greet(await stack.enter_async_context(connected(daemon)))
            here.release()
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(idle)
        for _ in range(count):
            await here.acquire()
        tell(connected=count)
        await trio.to_thread.run_sync(sys.stdin.read)
        nursery.cancel_scope.cancel()


async def _watch(muxed: IMuxedConn, node: bytes) -> None:
    stream = await muxed.open_stream()
    await MultiselectClient().select_one_of([TProtocol(MAILBOX_PROTOCOL)], MultiselectCommunicator(stream))
    splitter, frames = Splitter(MAX_FRAME), list[bytes]()

    async def answer() -> bytes:
        while not frames:
            frames.extend(splitter.feed(await stream.read(1 << 16)))
        return frames.pop(0)

    listener = Listener(node, MailboxHello.FromString(await answer()).challenge)
    keys = [Ed25519PrivateKey.generate() for _ in range(BOXES)]
    for identifier, operation in ((1, Operation.OPEN), (2, Operation.WATCH)):
        request = MailboxRequest(id=identifier)
        asked = request.open if operation is Operation.OPEN else request.watch
        for key in keys:
            number = key.public_key().public_bytes_raw()
            asked.boxes.add(number=number, signature=listener.sign(key, operation, identifier, number, b""))
        await stream.write(pack(request.SerializeToString()))
        if MailboxAnswer.FromString(await answer()).refusal:
            raise RuntimeError("The mailbox refused.")


async def arrive(daemon: PeerInfo, count: int) -> None:
    """One after the other, newcomers who connect, have a stream answered and go: milliseconds until it was."""
    for _ in range(count):
        begin = time.perf_counter()
        async with connected(daemon) as muxed:
            await talk(muxed)
            tell(ms=(time.perf_counter() - begin) * 1e3)


async def churn(daemon: PeerInfo, count: int) -> None:
    """The same for each line of standard input, some at a time; told when all are gone."""
    places = trio.CapacityLimiter(AT_ONCE)

    async def pass_by() -> None:
        async with places, connected(daemon) as muxed:
            await talk(muxed)

    while await trio.to_thread.run_sync(sys.stdin.readline):
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(pass_by)
        tell(gone=count)


KINDS: dict[str, Callable[[PeerInfo, int], Awaitable[None]]] = {
    "hold": hold,
    "boxes": boxes,
    "arrive": arrive,
    "churn": churn,
}


def tell(**facts: float) -> None:
    """A line for who started this."""
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    trio.run(KINDS[sys.argv[2]], info_from_p2p_addr(Multiaddr(sys.argv[1])), int(sys.argv[3]))
