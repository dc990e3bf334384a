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

SLOW = 1.0
"""Seconds after which one that has not answered holds up nobody: another is asked beside it, and in its place."""

TOLD = 4
"""Addresses of one node that are taken from one answer, and four times as many from all: so who tells wrong ones does
not keep those of others out."""

MOST = 64
"""Questions of one look-up, and four times as many that it remembers as told of."""

SUBNET_ASKED = 4
"""Nodes of one subnet that one look-up asks."""

DOUBTED = 4
"""Nodes told of that did not answer, after which whoever told of them is doubted: the others of whom nobody else tells
are asked last."""

Ask = Callable[[Peer], Awaitable[Reply | None]]
"""A node's answer, None where it does not answer."""


class LookUp:
    """One way to one place. Runs in trio."""

    def __init__(self, own: NodeId, place: bytes, ask: Ask, subnet: Subnet) -> None:
        self._own, self._place, self._ask, self._subnet = own, place, ask, subnet
        self._known: dict[NodeId, Peer] = {}
        self._asked: set[NodeId] = set()
        self._slow: set[NodeId] = set()
        self._failed: dict[NodeId, set[str]] = {}  # the addresses at which a node did not answer
        self._tellers: dict[NodeId, set[NodeId]] = {}  # who told of a node
        self._blame: Counter[NodeId] = Counter()  # of whom they told that did not answer
        self._questions = self._under_way = self._busy = 0
        self._crowds: Counter[str] = Counter()
        self._changed = trio.Event()
        self._answered: list[Peer] = []

    def nearest(self) -> list[Peer]:
        """Those that answered until now, the nearest first."""
        return self._sorted(self._answered)

    async def run(self, start: Iterable[Peer], wanted: int) -> None:
        """Ask, beginning with these nodes, until the `wanted` nearest that answer were asked; may be called again, for
        more."""
        self._hear(start, None)
        async with trio.open_nursery() as nursery:
            while True:
                peer = self._next(wanted) if self._busy < PARALLEL else None
                if peer is not None:
                    self._begin(peer)
                    nursery.start_soon(self._one, peer)
                elif self._under_way:
                    await self._changed.wait()
                else:
                    return

    def _begin(self, peer: Peer) -> None:
        self._asked.add(peer.id)
        self._crowds.update(subnets(peer, self._subnet))
        self._questions += 1
        self._under_way += 1
        self._busy += 1

    async def _one(self, peer: Peer) -> None:
        """Ask one node, which holds a place among the `PARALLEL` until it answers or is slow."""
        async with trio.open_nursery() as waiting:
            waiting.start_soon(self._wait, peer)
            reply = await self._ask(peer)
            waiting.cancel_scope.cancel()
        self._busy -= peer.id not in self._slow
        self._slow.discard(peer.id)
        self._under_way -= 1
        if reply is None:
            self._failed.setdefault(peer.id, set()).update(peer.addresses)
            self._asked.discard(peer.id)
            del self._known[peer.id]
            self._blame.update(self._tellers.pop(peer.id, ()))
        else:
            self._answered.append(peer)
            self._hear(reply.nodes, peer.id)
        self._stir()

    async def _wait(self, peer: Peer) -> None:
        await trio.sleep(SLOW)
        self._slow.add(peer.id)
        self._busy -= 1
        self._stir()

    def _stir(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _hear(self, peers: Iterable[Peer], teller: NodeId | None) -> None:
        """Remember nodes that were told of, whoever did not answer only where they are said to be elsewhere; of too
        many, the farthest are forgotten that were not asked."""
        for peer in peers:
            if peer.id == self._own or peer.id in self._asked:
                continue
            before = self._known[peer.id].addresses if peer.id in self._known else ()
            failed = self._failed.get(peer.id, ())
            fresh = [text for text in peer.addresses if text not in before and text not in failed]
            if fresh and len(failed) < 4 * TOLD:
                self._known[peer.id] = Peer(peer.id, (*before, *fresh[:TOLD])[: 4 * TOLD])
            if teller is not None and peer.id in self._known:
                self._tellers.setdefault(peer.id, set()).add(teller)
        for peer in self._sorted(self._known.values())[4 * MOST :]:
            if peer.id not in self._asked:
                del self._known[peer.id]
                self._tellers.pop(peer.id, None)

    def _next(self, wanted: int) -> Peer | None:
        """Whom to ask next, and where: the nearest who was not, as long as few nearer ones may answer."""
        if self._questions >= MOST:
            return None
        known = [peer for peer in self._sorted(self._known.values()) if peer.id not in self._slow]
        near = [peer for one in known if (peer := self._uncrowded(one)).addresses]
        for some in ([peer for peer in near if not self._doubted(peer)], near):
            for peer in some[:wanted]:
                if peer.id not in self._asked:
                    return peer
        return None

    def _doubted(self, peer: Peer) -> bool:
        """Whether only those told of a node who told of others that did not answer."""
        tellers = self._tellers.get(peer.id, set())
        known = peer.id in self._asked or not tellers
        return not known and all(self._blame[one] >= DOUBTED for one in tellers)

    def _uncrowded(self, peer: Peer) -> Peer:
        """A node with such of its addresses only as are in subnets of which few were asked."""
        if peer.id in self._asked:
            return peer
        return Peer(
            peer.id, tuple(text for text in peer.addresses if self._crowds[self._subnet(text) or ""] < SUBNET_ASKED)
        )

    def _sorted(self, peers: Iterable[Peer]) -> list[Peer]:
        return sorted(peers, key=lambda peer: distance(self._place, place_of_node(peer.id)))
