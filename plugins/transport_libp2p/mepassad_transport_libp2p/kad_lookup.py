"""Asking one's way through the DHT to the nodes nearest to a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

import trio

from mepassad.api.types import NodeId
from mepassad_transport_libp2p.kad_table import Subnet, subnets
from mepassad_transport_libp2p.kad_wire import Peer, Reply, distance, place_of_node

PARALLEL = 4
"""Nodes that are asked at the same time: the α of Kademlia."""

MOST = 64
"""Nodes that one look-up asks, and four times as many that it remembers as told of."""

SUBNET_ASKED = 4
"""Nodes of one subnet that one look-up asks."""

Ask = Callable[[Peer], Awaitable[Reply | None]]
"""A node's answer, None where it does not answer."""


class LookUp:
    """One way to one place. Runs in trio."""

    def __init__(self, own: NodeId, place: bytes, ask: Ask, wanted: int, subnet: Subnet) -> None:
        """It is over once the `wanted` nearest nodes that answer were asked."""
        self._own, self._place, self._ask, self._wanted, self._subnet = own, place, ask, wanted, subnet
        self._known: dict[NodeId, Peer] = {}
        self._asked: set[NodeId] = set()
        self._under_way = 0
        self._crowds: Counter[str] = Counter()
        self._changed = trio.Event()
        self.answered: list[Peer] = []

    async def run(self, start: Iterable[Peer]) -> list[Peer]:
        """Ask, beginning with these nodes; those that answered, the nearest first."""
        self._hear(start)
        async with trio.open_nursery() as nursery:
            for _ in range(PARALLEL):
                nursery.start_soon(self._work)
        return self._sorted(self.answered)

    async def _work(self) -> None:
        while True:
            peer = self._next()
            if peer is not None:
                await self._one(peer)
            elif self._under_way:
                await self._changed.wait()
            else:
                return

    async def _one(self, peer: Peer) -> None:
        self._asked.add(peer.id)
        self._crowds.update(subnets(peer, self._subnet))
        self._under_way += 1
        try:
            reply = await self._ask(peer)
        finally:
            self._under_way -= 1
            self._changed.set()
            self._changed = trio.Event()
        if reply is None:
            del self._known[peer.id]
            return
        self.answered.append(peer)
        self._hear(reply.nodes)

    def _hear(self, peers: Iterable[Peer]) -> None:
        """Remember nodes that were told of; of too many, the farthest are forgotten that were not asked."""
        for peer in peers:
            if peer.id != self._own and peer.id not in self._known and peer.id not in self._asked:
                self._known[peer.id] = peer
        for peer in self._sorted(self._known.values())[4 * MOST :]:
            if peer.id not in self._asked:
                del self._known[peer.id]

    def _next(self) -> Peer | None:
        """Whom to ask next: the nearest who was not, as long as they are among the nearest that may answer."""
        if len(self._asked) >= MOST:
            return None
        candidates = [peer for peer in self._sorted(self._known.values()) if self._may_ask(peer)]
        for peer in candidates[: self._wanted]:
            if peer.id not in self._asked:
                return peer
        return None

    def _may_ask(self, peer: Peer) -> bool:
        if peer.id in self._asked:
            return True
        return all(self._crowds[one] < SUBNET_ASKED for one in subnets(peer, self._subnet))

    def _sorted(self, peers: Iterable[Peer]) -> list[Peer]:
        return sorted(peers, key=lambda peer: distance(self._place, place_of_node(peer.id)))
