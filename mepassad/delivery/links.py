"""All links of this node: opens them to others, serves those that others open, and keeps few of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from mepassad.api.context import Clock, Log
from mepassad.api.gauges import Gauge
from mepassad.api.transport import Stream, Transport
from mepassad.api.types import NodeId
from mepassad.delivery.limits import Allowances, Limits, Traffic
from mepassad.delivery.link import Link, Peer
from mepassad.delivery.worked import Worked
from mepassad.errors import MepassaError, OtherNode, StreamClosed, Unreachable
from mepassad.wire.addresses import may_dial
from mepassad.wire.packets import MESSAGE_PROTOCOL

LINKS_OF_A_NODE = 4  # beyond, the oldest is ended: a node that lost its links without a word comes back with new ones

LINGER = 1.0  # seconds that a link over a relay lives on beside a direct one

MAX_UNREACHED = 4096  # nodes remembered as told of in the log; above, they are told of again


class Links:
    """All live links, by node; opens new ones and serves those that others open."""

    def __init__(
        self, transports: Sequence[Transport], peer: Peer, clock: Clock, log: Log, limits: Limits, worked: Worked
    ) -> None:
        """`up` and `down` are called when a node's first link begins and its last one ends, `found` with a node that a
        transport discovered. `worked`: addresses that are tried first."""
        self._worked = worked
        self._transports, self._peer, self._clock, self._log, self._limits = transports, peer, clock, log, limits
        self._links: dict[NodeId, list[Link]] = {}
        self._allowances = Allowances(limits)
        self._preferred: frozenset[NodeId] = frozenset()
        self._unreached: set[NodeId] = set()  # told of in the log, and not reached since
        self._dialling: WeakValueDictionary[NodeId, asyncio.Lock] = WeakValueDictionary()  # while somebody dials
        self.traffic = Traffic(
            unacked=Gauge(limits.window, lambda: (len(link.window) for link in self.all())),
            unacked_bytes=Gauge(limits.window_bytes, lambda: (link.window.size for link in self.all())),
            arriving=Gauge(limits.window, lambda: (link.arriving for link in self.all())),
        )
        self.spawn: Callable[[Callable[[Link], Coroutine[Any, Any, None]], Link], object]
        self.up: Callable[[Link], None] = lambda link: None
        self.down: Callable[[Link], None] = lambda link: None
        self.found: Callable[[NodeId], None] = lambda node: None

    def serve(self) -> None:
        """Register for incoming links, and for nodes that are found, with all transports."""
        for transport in self._transports:
            transport.handle(MESSAGE_PROTOCOL, self.run)
            transport.discover(self.found)

    def prefer(self, nodes: Collection[str]) -> None:
        """Have all transports keep places for these nodes; told once, until they change."""
        wanted = frozenset(map(NodeId, nodes))
        if wanted != self._preferred:
            self._preferred = wanted
            for transport in self._transports:
                transport.prefer(wanted)

    def prefers(self, nodes: Collection[str]) -> bool:
        """Whether places are kept for all of these."""
        return self._preferred.issuperset(nodes)

    async def run(self, stream: Stream) -> None:
        """Live with a stream until it ends. Each keeps a frame that is not whole yet, so a node has only so many."""
        live = [link for link in self._links.get(stream.peer, ()) if not link.closed]
        if len(live) >= LINKS_OF_A_NODE:
            live[0].abort()
        await self._live(self._add(stream))

    def _add(self, stream: Stream) -> Link:
        allowance = self._allowances.of(stream.peer, self._clock.monotonic())
        link = Link(stream, self._peer, self._clock, self._limits, allowance, self.traffic)
        self._links.setdefault(link.node, []).append(link)
        return link

    async def _live(self, link: Link) -> None:
        self.up(link)
        self._leave_relays(link.node)
        try:
            await link.run()
        except MepassaError as error:
            self._log.info("a link was ended", node=link.node, reason=error.sentence)
        except Exception as error:
            # A mistake of ours that a peer's bytes can provoke must cost that link, never the node.
            self._log.error("a link failed", node=link.node, reason=f"{type(error).__name__}: {error}")
        finally:
            links = self._links[link.node]
            links.remove(link)
            if not links:
                del self._links[link.node]
            self.down(link)

    def of(self, nodes: Mapping[str, Sequence[str]]) -> Link | None:
        """A live link to one of these nodes, if there is any; a direct one before those over relays."""
        live = [link for node in nodes for link in self._links.get(NodeId(node), ()) if not link.closed]
        return min(live, key=lambda link: link.relayed, default=None)

    async def climb(self, node: NodeId) -> None:
        """Open a direct link to a node to which there are links over relays only. Raises `Unreachable`, `OtherNode`."""
        async with self._dialling.setdefault(node, asyncio.Lock()):
            found = self.of({node: ()})
            if found is None or not found.relayed:
                return
            stream = await self.stream(node, (), MESSAGE_PROTOCOL)
            if stream.route == "relayed":
                stream.abort()  # the direct way is gone again
                return
            self.spawn(self._live, self._add(stream))

    def _leave_relays(self, node: NodeId) -> None:
        """Where a node has a direct link, those over relays end once their answers have had time to come. What they
        leave unanswered is offered again on the direct one, and known by its id where it came already."""
        live = [link for link in self._links[node] if not link.closed]
        if not all(link.relayed for link in live):
            for link in filter(lambda link: link.relayed, live):
                self.spawn(self._end_later, link)

    async def _end_later(self, link: Link) -> None:
        await self._clock.sleep(LINGER)
        link.abort()

    def all(self) -> Sequence[Link]:
        """Every live link."""
        return [link for links in self._links.values() for link in links]

    async def open(self, nodes: Mapping[str, Sequence[str]]) -> Link:
        """A link to one of these nodes, dialled if need be. Raises `Unreachable`, `OtherNode`."""
        failure = Unreachable()
        for node, addresses in nodes.items():
            async with self._dialling.setdefault(NodeId(node), asyncio.Lock()):
                if (found := self.of({node: addresses})) is not None:
                    return found
                try:
                    stream = await self.stream(NodeId(node), addresses, MESSAGE_PROTOCOL)
                except Unreachable as error:
                    failure = error
                    continue
                link = self._add(stream)
                self.spawn(self._live, link)
                return link
        raise failure

    async def stream(self, node: NodeId, addresses: Sequence[str], protocol: str, told: bool = True) -> Stream:
        """A stream of a protocol to a node, over the first transport that gets through. `addresses` are without
        `/p2p`; those that worked before are tried first, and of those that others `told` not all may be dialled. Raises
        `Unreachable`, `OtherNode`."""
        failure, addresses, stopping = Unreachable(), self._worked.first(node, addresses), False
        for transport in self._transports:
            full = [f"{address}/p2p/{node}" for address in addresses if not told or may_dial(address)]
            usable = [address for address in full if transport.can_dial(address)]
            try:
                stream = await transport.open(node, usable, protocol)  # it may be connected, or know more addresses
                self._unreached.discard(node)
                self._worked.note(node, stream.address)
                return stream
            except (Unreachable, StreamClosed) as error:
                stopping = isinstance(error, StreamClosed)
                if not isinstance(failure, OtherNode):
                    failure = error if isinstance(error, Unreachable) else Unreachable(error.sentence)
        if node not in self._unreached and not stopping:
            if len(self._unreached) >= MAX_UNREACHED:
                self._unreached.clear()
            self._unreached.add(node)
            self._log.info("a node was not reached", node=node, reason=failure.sentence)
        raise failure
