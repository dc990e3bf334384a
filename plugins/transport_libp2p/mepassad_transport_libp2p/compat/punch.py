"""Cure: hole punching told peers addresses that nobody had seen, and dialled whatever a peer named.

Stock 0.8.1 tells its listening port at the observed address, for TCP only; both sides drive; a peer makes it dial, and
send UDP packets to, any number of addresses, private ones among them. Not needed once `DCUtRProtocol` tells observed
addresses, lets the dialled side drive alone, and bounds what it is told.

https://github.com/libp2p/specs/blob/master/relay/DCUtR.md
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio
from libp2p.abc import IHost, INetConn, INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch

from mepassad.api import Unreachable
from mepassad_transport_libp2p.compat import source_port
from mepassad_transport_libp2p.compat.circuit import give_up, is_relayed, open_stream, receive, send
from mepassad_transport_libp2p.compat.identify import Seen, parse_seen
from mepassad_transport_libp2p.door import Bucket

DCUTR = TProtocol("/libp2p/dcutr")

MAX_ADDRESSES = 4
"""Addresses of a peer that are dialled."""

MAX_PUNCHES = 8
"""Peers at whose wish this node dials at once."""

ROUND = 8.0
"""Seconds for one try."""

TRIES = 6
"""Tries with one peer at once: so a contact who names the addresses of others has little sent there."""

AGAIN = 120.0
"""Seconds until there may be one more."""

MAX_DELAY = 2.0
"""Seconds that the driving side waits at most, so that both dial at once."""

HEAD_START = 0.2
"""Seconds that the other side's dial has before ours, so that where it gets through only one begins the handshake."""

RETRY = 0.2
"""Seconds after a failed dial until the next: some NATs answer the first with a refusal."""


def is_public(seen: Seen) -> bool:
    """Whether an address is one of the net, not of somebody's network at home."""
    return ipaddress.ip_address(seen.host).is_global


class Puncher:
    """Turns relayed connections into direct ones.

    `seen`: as whom others see the ports on which this node listens. `allowed`: which of a peer's addresses are dialled.
    `admits`: at which peers' wish this node dials at all.
    """

    def __init__(
        self,
        host: IHost,
        swarm: Swarm,
        seen: Callable[[], Sequence[Seen]],
        allowed: Callable[[Seen], bool] = is_public,
        admits: Callable[[ID], bool] = lambda peer: True,
    ) -> None:
        self._host = host
        self._swarm = swarm
        self._seen = seen
        self._allowed, self._admits = allowed, admits
        self._punching: set[ID] = set()
        self._tries: dict[ID, Bucket] = {}

    def start(self) -> None:
        """Begin to dial at the wish of peers that are connected through a relay."""
        self._host.set_stream_handler(DCUTR, self._answer)

    def stop(self) -> None:
        """Dial at nobody's wish any more."""
        self._host.remove_stream_handler(DCUTR)

    def direct(self, peer: ID) -> INetConn | None:
        """A live connection to a peer that is not relayed."""
        connections = self._swarm.get_connections(peer)
        return next((one for one in connections if not one.is_closed and not is_relayed(one)), None)

    async def punch(self, relayed: INetConn) -> INetConn:
        """A direct connection to the peer of a relayed one; called by the side that was dialled.

        Raises `Unreachable` when one try failed.
        """
        peer = relayed.muxed_conn.peer_id
        if not self._may_try(peer):
            raise Unreachable(f"To punch a hole to the node {peer} was tried often enough for now.")
        stream: INetStream | None = None
        try:
            stream = await open_stream(relayed, DCUTR)
            started = trio.current_time()
            await send(stream, self._connect())
            addresses = self._addresses(await receive(stream, HolePunch))
            trip = trio.current_time() - started
            await send(stream, HolePunch(type=HolePunch.SYNC))
            found = await self._wait(peer, min(trip / 2, MAX_DELAY) + HEAD_START)
            found = found or await self._try(peer, addresses, drives=True)
        except Exception as error:
            raise Unreachable(f"The node {peer} did not join in punching a hole.") from error
        finally:
            if stream is not None:
                await give_up(stream)
        if found is None:
            raise Unreachable(f"No hole could be punched to the node {peer}.")
        return found

    async def _answer(self, stream: INetStream) -> None:
        """Join in punching, once for each peer at a time."""
        peer = stream.muxed_conn.peer_id
        relayed = any("/p2p-circuit" in str(one) for one in stream.muxed_conn.get_transport_addresses())
        if (
            not relayed
            or not self._admits(peer)
            or self.direct(peer)
            or peer in self._punching
            or len(self._punching) >= MAX_PUNCHES
            or not self._may_try(peer)
        ):
            await give_up(stream)
            return
        self._punching.add(peer)
        try:
            addresses = self._addresses(await receive(stream, HolePunch), fewest=0)
            await send(stream, self._connect())
            if (await receive(stream, HolePunch)).type == HolePunch.SYNC:
                await self._try(peer, addresses, drives=False)
        finally:
            self._punching.discard(peer)
            await give_up(stream)

    def _may_try(self, peer: ID) -> bool:
        """Whether there may be one more try with a peer now, whoever asked for it."""
        now = trio.current_time()
        self._tries = {one: tries for one, tries in self._tries.items() if not tries.full(now)}
        tries = self._tries.setdefault(peer, Bucket(1 / AGAIN, TRIES))
        if tries.left(now) < 1:
            return False
        tries.take(now)
        return True

    def network_changed(self) -> None:
        """What failed may work now."""
        self._tries.clear()

    def _connect(self) -> HolePunch:
        """The message that tells as whom we are seen."""
        encoded = [seen.address().to_bytes() for seen in self._seen()[:MAX_ADDRESSES]]
        return HolePunch(type=HolePunch.CONNECT, ObsAddrs=encoded)

    def _addresses(self, message: HolePunch, fewest: int = 1) -> list[Seen]:
        """The addresses of a peer that may be dialled. Raises ValueError when there are fewer than that: a peer that
        dials and has none may get through to us nevertheless."""
        parsed = [parse_seen(encoded) for encoded in message.ObsAddrs[:MAX_ADDRESSES]]
        found = [seen for seen in dict.fromkeys(parsed) if seen is not None and self._allowed(seen)]
        if message.type != HolePunch.CONNECT or len(found) < fewest:
            raise ValueError("a peer that names no address")
        return found

    async def _wait(self, peer: ID, seconds: float) -> INetConn | None:
        """A direct connection to a peer, as soon as there is one, whoever dialled it."""
        with trio.move_on_after(seconds):
            while self.direct(peer) is None:  # noqa: ASYNC110 the swarm tells of none
                await trio.sleep(0.02)
        return self.direct(peer)

    async def _try(self, peer: ID, addresses: Sequence[Seen], drives: bool) -> INetConn | None:
        """Dial all addresses at once, or open the NAT for the peer's QUIC, until there is a direct connection.

        The side that drives dials from any port too: that leads there where the peer is no or an open NAT's, or where
        the NAT here gives each connection another port and the peer's lets in whom it has sent something.
        """
        async with trio.open_nursery() as nursery:
            for there in addresses:
                if drives:
                    nursery.start_soon(self._dial_plainly, there, peer)
                if drives and there.transport == "udp":
                    nursery.start_soon(source_port.spray, self._swarm, there)
                else:
                    nursery.start_soon(self._dial, there, peer, drives)
            found = await self._wait(peer, ROUND)
            nursery.cancel_scope.cancel()
        return found

    async def _dial_plainly(self, there: Seen, peer: ID) -> None:
        """Dial one address from any port, again and again until cancelled."""
        while True:
            await trio.sleep(RETRY)
            with suppress(Exception):
                await self._swarm.dial_addr(there.address(), peer)

    async def _dial(self, there: Seen, peer: ID, respond: bool) -> None:
        """Dial one address again and again until cancelled; that it fails is nothing to tell."""
        while True:
            with suppress(Exception):
                await source_port.dial_from_listener(self._swarm, there, peer, respond)
            await trio.sleep(RETRY)
