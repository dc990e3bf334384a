"""Cure: a relay cut circuits that it should have kept, and served who should not have been.

Stock 0.8.1 keeps one circuit for each destination, so that the end of one closes another's; reserves in the name of
whomever a stranger names; looks at a circuit's duration only when data comes; writes its status into the data of the
peers when a limit is met; keeps the places of peers that left; takes "no limit" (0) of data for a limit of 0; dials
destinations. Hence this relay is our own, with the library's messages. Not needed once `CircuitV2Protocol` does none
of that.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import trio
from libp2p.abc import IHost, INetConn, INetStream
from libp2p.io.exceptions import IOException
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Limit, PeerId, Reservation, Status, StopMessage
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad_transport_libp2p.circuits import Carried, Circuits
from mepassad_transport_libp2p.compat.circuit import (
    HOP,
    MAX_ADDRESSES,
    STOP,
    Circuit,
    give_up,
    is_relayed,
    open_stream,
    receive,
    send,
)
from mepassad_transport_libp2p.compat.identify import parse_seen
from mepassad_transport_libp2p.compat.punch import is_public
from mepassad_transport_libp2p.lent import Lent

CHUNK = 64 * 1024
"""Bytes read at once."""

STALL = 60.0
"""Seconds that a peer may take nothing of what its circuit has for it."""

GRACE = 10.0
"""Seconds that one direction may last longer than the other."""

LOOK = 1.0
"""Seconds between two looks, when no place is left, at whose node has left."""


@dataclass(frozen=True)
class RelayLimits:
    """What a relay gives away."""

    reservations: int = 128
    """Peers that may be reached through the relay at once."""
    lifetime: int = 3600
    """Seconds until a reservation must be renewed."""
    circuits: int = 256
    """Circuits at once."""
    circuits_per_peer: int = 16
    """Circuits at once from one peer, and to one peer."""
    duration: int = 0
    """Seconds that a circuit may last; 0: no limit."""
    data: int = 0
    """Bytes that a circuit may carry, both directions together; 0: no limit."""
    per_day: int = 0
    """Bytes that the circuits from and to one peer may carry in a day; 0: no limit."""


class RelayServer:
    """Relays circuits between the peers that are connected to `host`.

    `addresses`: where the relay can be dialled, for its clients to tell others. `network`: from where a connection
    comes; circuits are shared out among networks, since node keys cost nothing.
    """

    def __init__(
        self,
        host: IHost,
        limits: RelayLimits,
        addresses: Callable[[], Sequence[Multiaddr]],
        network: Callable[[INetConn], Hashable] = lambda connection: connection.muxed_conn.peer_id,
    ) -> None:
        self._host = host
        self._limits = limits
        self._addresses, self._network = addresses, network
        self._admits: Callable[[ID], bool] = lambda peer: True
        self._lent = Lent(limits.per_day)
        self._counts: Counter[str] = Counter()
        self._expiry: dict[ID, float] = {}  # by trio's clock, which nobody sets
        self._looked = -math.inf
        self.carried = Circuits(limits.circuits, limits.circuits_per_peer)

    def start(self, admits: Callable[[ID], bool] = lambda peer: True) -> None:
        """Begin to serve; `admits` says who gets a place."""
        self._admits = admits
        self._host.set_stream_handler(HOP, self._handle)

    def stop(self) -> None:
        """Take no more requests; circuits live on until their limits."""
        self._host.remove_stream_handler(HOP)
        self._expiry.clear()

    @property
    def circuits(self) -> int:
        """How many circuits there are now."""
        return len(self.carried)

    def used(self) -> Mapping[ID, int]:
        """Bytes of the circuits from and to each peer since the start."""
        return self._lent.total

    def stats(self) -> dict[str, int]:
        """Places and circuits now; what was lent and refused since the start, `no_place` to callers of who has none."""
        counts = {name: self._counts[name] for name in ("circuits_made", "refused", "no_place", "ended_at_a_limit")}
        now = {"places": len(self.reserved()), "circuits": self.circuits}
        return {**now, **counts, "gave_way": self.carried.gave_way, "bytes": self._lent.bytes}

    def reserved(self) -> tuple[ID, ...]:
        """The peers that can be reached through this relay now; the places of all others are free again."""
        for peer in [peer for peer in self._expiry if not self._has_place(peer)]:
            del self._expiry[peer]
        return tuple(self._expiry)

    def holds(self, peer: ID) -> bool:
        """Whether a peer was given a place that has not ended, whether it is connected or not."""
        return self._expiry.get(peer, -math.inf) > trio.current_time()

    def _has_place(self, peer: ID) -> bool:
        return self.holds(peer) and self._direct(peer) is not None

    def _is_taken(self) -> bool:
        """Whether no place is left. To look at all of them takes a while, so strangers do not make it happen often."""
        if len(self._expiry) >= self._limits.reservations and self._looked + LOOK <= trio.current_time():
            self._looked = trio.current_time()
            self.reserved()
        return len(self._expiry) >= self._limits.reservations

    def _direct(self, peer: ID) -> INetConn | None:
        """A live connection to a peer that is not itself relayed."""
        connections = self._host.get_network().get_connections(peer)
        return next((one for one in connections if not one.is_closed and not is_relayed(one)), None)

    async def _handle(self, stream: INetStream) -> None:
        """Serve one request: one message, or one circuit until it ends."""
        try:
            request = await receive(stream, HopMessage)
        except Exception:
            await self._answer(stream, Status.MALFORMED_MESSAGE)
            return
        peer = stream.muxed_conn.peer_id
        direct = self._direct(peer)
        if direct is None:  # the specification forbids relays behind relays
            await self._answer(stream, Status.PERMISSION_DENIED)
        elif request.type == HopMessage.RESERVE:
            await self._reserve(stream, peer)
        elif request.type == HopMessage.CONNECT and request.peer.id:
            await self._connect(stream, peer, ID(request.peer.id), self._network(direct))
        else:
            await self._answer(stream, Status.UNEXPECTED_MESSAGE)

    async def _reserve(self, stream: INetStream, peer: ID) -> None:
        """Give the asking peer, and no other, a place."""
        if not self._admits(peer):
            await self._answer(stream, Status.PERMISSION_DENIED)
            return
        if not self._has_place(peer) and self._is_taken():
            await self._answer(stream, Status.RESERVATION_REFUSED)
            return
        self._expiry[peer] = trio.current_time() + self._limits.lifetime
        expiry = int(time.time()) + self._limits.lifetime
        await self._answer(stream, Status.OK, Reservation(expire=expiry, addrs=self._told()))

    def _told(self) -> list[bytes]:
        """Where the relay can be dialled; public addresses first, and no more than clients read."""
        own = Multiaddr(f"/p2p/{self._host.get_id()}")
        found = sorted(self._addresses(), key=_is_local)[:MAX_ADDRESSES]
        return [address.encapsulate(own).to_bytes() for address in found]

    async def _connect(self, stream: INetStream, source: ID, target: ID, network: Hashable) -> None:
        """Join two peers until one leaves or a limit is met."""
        connection = self._direct(target) if self._has_place(target) else None
        if connection is None:
            await self._answer(stream, Status.NO_RESERVATION)
            return
        if self._lent.left(source, target) <= 0 or not self.carried.make_room(source, target, network):
            await self._answer(stream, Status.RESOURCE_LIMIT_EXCEEDED)
            return
        with self.carried.carry(source, target, network) as circuit:
            other: INetStream | None = None
            clean = False
            try:
                with circuit.scope:
                    other = await self._invite(connection, source)
                    if other is None:
                        await self._answer(stream, Status.CONNECTION_FAILED)
                        clean = True
                        return
                    await send(stream, HopMessage(type=HopMessage.STATUS, status=Status.OK, limit=self._limit()))
                    self._counts["circuits_made"] += 1
                    clean = await self._join(stream, other, circuit)
            finally:
                if not clean:
                    await give_up(*filter(None, (stream, other)))

    async def _invite(self, connection: INetConn, source: ID) -> INetStream | None:
        """A stream to the target that it agreed to be reached on."""
        stream: INetStream | None = None
        agreed = False
        try:
            stream = await open_stream(connection, STOP)
            peer = PeerId(id=source.to_bytes())
            await send(stream, StopMessage(type=StopMessage.CONNECT, peer=peer, limit=self._limit()))
            agreed = (await receive(stream, StopMessage)).status == Status.OK
        except Exception:
            return None
        finally:
            if stream is not None and not agreed:
                await give_up(stream)
        return stream if agreed else None

    def _limit(self) -> Limit:
        return Limit(duration=self._limits.duration, data=self._limits.data)

    async def _answer(self, stream: INetStream, status: Status.ValueType, given: Reservation | None = None) -> None:
        """Answer a request, and be done with it."""
        if status != Status.OK:  # that a node is away is ordinary, and hides no wrong pass and no low limit
            self._counts["no_place" if status == Status.NO_RESERVATION else "refused"] += 1
        answer = HopMessage(type=HopMessage.STATUS, status=status, reservation=given)
        if given is not None:
            answer.limit.CopyFrom(self._limit())
        try:
            await send(stream, answer)
            await stream.close()
        except Exception:
            await give_up(stream)

    async def _join(self, one: INetStream, other: INetStream, circuit: Carried) -> bool:
        """Carry data both ways; whether both ended it by themselves."""
        peers = circuit.source, circuit.target
        circuit.streams.update(zip(peers, (one, other), strict=True))
        flow = _Flow(self._limits.data or math.inf, lambda size: self._lent.lend(size, *peers), circuit.blocked)
        with trio.move_on_after(self._limits.duration or math.inf):
            async with trio.open_nursery() as nursery:
                for peer, begin, end in zip(peers, (one, other), (other, one), strict=True):
                    nursery.start_soon(_carry, peer, begin, Circuit(end), flow, nursery.cancel_scope)
        self._counts["ended_at_a_limit"] += flow.ended < 2 and (flow.left < 0 or self._lent.left(*peers) <= 0)
        return flow.ended == 2


@dataclass
class _Flow:
    """What a circuit may still carry, in bytes; since when what an end said is not taken; and how many of its
    directions ended by themselves."""

    left: float
    lend: Callable[[int], bool]
    blocked: dict[ID, float]
    ended: int = 0


async def _carry(peer: ID, source: INetStream, sink: Circuit, flow: _Flow, circuit: trio.CancelScope) -> None:
    """Carry one direction, what `peer` says, to its end; anything else ends the whole circuit."""
    begin = Circuit(source)
    try:
        while data := await begin.read(CHUNK):
            flow.left -= len(data)
            if flow.left < 0 or not flow.lend(len(data)):
                circuit.cancel()
                return
            flow.blocked[peer] = trio.current_time()
            with trio.fail_after(STALL):
                await sink.write(data)
            del flow.blocked[peer]
        await sink.close()
        flow.ended += 1
        circuit.deadline = min(circuit.deadline, trio.current_time() + GRACE)
    except (IOException, trio.TooSlowError):
        circuit.cancel()


def _is_local(address: Multiaddr) -> bool:
    """Whether an address is of no use in the net."""
    seen = parse_seen(address.to_bytes())
    return seen is None or not is_public(seen)
