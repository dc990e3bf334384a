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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import trio
from libp2p.abc import IHost, INetConn, INetStream
from libp2p.io.exceptions import IOException
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Limit, PeerId, Reservation, Status, StopMessage
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad_transport_libp2p.compat.circuit import HOP, STOP, Circuit, give_up, is_relayed, open_stream, receive, send
from mepassad_transport_libp2p.lent import Lent

CHUNK = 64 * 1024
"""Bytes read at once."""

STALL = 60.0
"""Seconds that a peer may take nothing of what its circuit has for it."""

GRACE = 10.0
"""Seconds that one direction may last longer than the other."""


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

    `addresses`: where the relay can be dialled, for its clients to tell others.
    """

    def __init__(self, host: IHost, limits: RelayLimits, addresses: Callable[[], Sequence[Multiaddr]]) -> None:
        self._host = host
        self._limits = limits
        self._addresses = addresses
        self._admits: Callable[[ID], bool] = lambda peer: True
        self._lent = Lent(limits.per_day)
        self._counts: Counter[str] = Counter()
        self._expiry: dict[ID, float] = {}
        self._sources: Counter[ID] = Counter()
        self._targets: Counter[ID] = Counter()

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
        return self._sources.total()

    def used(self) -> Mapping[ID, int]:
        """Bytes of the circuits from and to each peer since the start."""
        return self._lent.total

    def stats(self) -> dict[str, int]:
        """Places and circuits now, and what was lent and refused since the start."""
        counts = {name: self._counts[name] for name in ("circuits_made", "refused", "ended_at_a_limit")}
        return {"places": len(self.reserved()), "circuits": self.circuits, **counts, "bytes": self._lent.bytes}

    def reserved(self) -> tuple[ID, ...]:
        """The peers that can be reached through this relay now; the places of all others are free again."""
        now = time.time()
        for peer, expiry in list(self._expiry.items()):
            if expiry <= now or self._direct(peer) is None:
                del self._expiry[peer]
        return tuple(self._expiry)

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
        if self._direct(peer) is None:  # the specification forbids relays behind relays
            await self._answer(stream, Status.PERMISSION_DENIED)
        elif request.type == HopMessage.RESERVE:
            await self._reserve(stream, peer)
        elif request.type == HopMessage.CONNECT and request.peer.id:
            await self._connect(stream, peer, ID(request.peer.id))
        else:
            await self._answer(stream, Status.UNEXPECTED_MESSAGE)

    async def _reserve(self, stream: INetStream, peer: ID) -> None:
        """Give the asking peer, and no other, a place."""
        reserved = self.reserved()
        if not self._admits(peer):
            await self._answer(stream, Status.PERMISSION_DENIED)
            return
        if peer not in reserved and len(reserved) >= self._limits.reservations:
            await self._answer(stream, Status.RESERVATION_REFUSED)
            return
        expiry = int(time.time()) + self._limits.lifetime
        self._expiry[peer] = expiry
        own = Multiaddr(f"/p2p/{self._host.get_id()}")
        addresses = [address.encapsulate(own).to_bytes() for address in self._addresses()]
        await self._answer(stream, Status.OK, Reservation(expire=expiry, addrs=addresses))

    async def _connect(self, stream: INetStream, source: ID, target: ID) -> None:
        """Join two peers until one leaves or a limit is met."""
        connection = self._direct(target) if target in self.reserved() else None
        if connection is None:
            await self._answer(stream, Status.NO_RESERVATION)
            return
        if self._is_full(source, target):
            await self._answer(stream, Status.RESOURCE_LIMIT_EXCEEDED)
            return
        with self._counted(source, target):
            other = await self._invite(connection, source)
            if other is None:
                await self._answer(stream, Status.CONNECTION_FAILED)
                return
            clean = False
            try:
                await send(stream, HopMessage(type=HopMessage.STATUS, status=Status.OK, limit=self._limit()))
                self._counts["circuits_made"] += 1
                clean = await self._join(stream, other, source, target)
            finally:
                if not clean:
                    await give_up(stream, other)

    def _is_full(self, source: ID, target: ID) -> bool:
        most = self._limits.circuits_per_peer
        if self._lent.left(source, target) <= 0:
            return True
        return self.circuits >= self._limits.circuits or max(self._sources[source], self._targets[target]) >= most

    @contextmanager
    def _counted(self, source: ID, target: ID) -> Iterator[None]:
        """Count a circuit while it lasts."""
        self._sources[source] += 1
        self._targets[target] += 1
        try:
            yield
        finally:
            self._sources -= Counter([source])  # drops what is zero
            self._targets -= Counter([target])

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
        self._counts["refused"] += status != Status.OK
        answer = HopMessage(type=HopMessage.STATUS, status=status, reservation=given)
        if given is not None:
            answer.limit.CopyFrom(self._limit())
        try:
            await send(stream, answer)
            await stream.close()
        except Exception:
            await give_up(stream)

    async def _join(self, one: INetStream, other: INetStream, *peers: ID) -> bool:
        """Carry data both ways; whether both ended it by themselves."""
        flow = _Flow(self._limits.data or math.inf, lambda size: self._lent.lend(size, *peers))
        with trio.move_on_after(self._limits.duration or math.inf):
            async with trio.open_nursery() as nursery:
                for begin, end in ((one, other), (other, one)):
                    nursery.start_soon(_carry, Circuit(begin), Circuit(end), flow, nursery.cancel_scope)
        self._counts["ended_at_a_limit"] += flow.ended < 2 and (flow.left < 0 or self._lent.left(*peers) <= 0)
        return flow.ended == 2


@dataclass
class _Flow:
    """What a circuit may still carry, in bytes, and how many of its directions ended by themselves."""

    left: float
    lend: Callable[[int], bool]
    ended: int = 0


async def _carry(source: Circuit, sink: Circuit, flow: _Flow, circuit: trio.CancelScope) -> None:
    """Carry one direction to its end; anything else ends the whole circuit."""
    try:
        while data := await source.read(CHUNK):
            flow.left -= len(data)
            if flow.left < 0 or not flow.lend(len(data)):
                circuit.cancel()
                return
            with trio.fail_after(STALL):
                await sink.write(data)
        await sink.close()
        flow.ended += 1
        circuit.deadline = min(circuit.deadline, trio.current_time() + GRACE)
    except (IOException, trio.TooSlowError):
        circuit.cancel()
