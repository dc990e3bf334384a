"""The circuits that a relay carries: how many each node has, which makes room, and which end takes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio
from libp2p.abc import INetStream
from libp2p.peer.id import ID


@dataclass(eq=False)
class Carried:
    """One circuit. `network`: from where it was asked for; `blocked`: whose streams have something that the other end
    does not take now."""

    source: ID
    target: ID
    network: Hashable
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    blocked: dict[ID, INetStream] = field(default_factory=dict)


class Circuits:
    """All circuits of a relay, oldest first. Used in trio."""

    def __init__(self, most: int, most_per_peer: int) -> None:
        """`most`: circuits at once; `most_per_peer`: from one node, and to one node."""
        self._most, self._most_per_peer = most, most_per_peer
        self._all: dict[Carried, None] = {}
        self.gave_way = 0  # ended for others' sake

    def __len__(self) -> int:
        return len(self._all)

    def make_room(self, source: ID, target: ID, network: Hashable) -> bool:
        """Whether there is room for one more circuit. Where all are taken, the network that has most of them gives up
        its oldest, if it has more than the newcomer's would have: so nobody keeps others from a node, or from the
        relay, by many circuits of their own."""
        if sum(one.source == source for one in self._all) >= self._most_per_peer:
            return False
        there = [one for one in self._all if one.target == target]
        for rivals, most in ((there, self._most_per_peer), (list(self._all), self._most)):
            if len(rivals) >= most and not self._give_up_one(rivals, network):
                return False
        return True

    def _give_up_one(self, rivals: list[Carried], newcomer: Hashable) -> bool:
        counts = Counter(one.network for one in rivals)
        network, count = counts.most_common(1)[0]
        if count <= counts[newcomer] + 1:
            return False
        leaver = next(one for one in rivals if one.network == network)
        self._end(leaver)
        return True

    def _end(self, circuit: Carried) -> None:
        circuit.scope.cancel()
        self.gave_way += 1
        self._all.pop(circuit, None)  # it is over, though its streams take a moment to end

    @contextmanager
    def carry(self, source: ID, target: ID, network: Hashable) -> Iterator[Carried]:
        """Count a circuit while it lasts."""
        circuit = Carried(source, target, network)
        self._all[circuit] = None
        try:
            yield circuit
        finally:
            self._all.pop(circuit, None)

    def relieve(self, peer: ID, held: Callable[[INetStream], int]) -> int:
        """End the circuits on which a node has most that their other ends do not take, until half of all that is gone;
        the bytes. So whoever does not read makes a relay cut the circuit, and not the node that wrote. `held`: bytes
        of a stream that wait here."""
        sizes = {one: held(one.blocked[peer]) for one in self._all if peer in one.blocked}
        freed, enough = 0, sum(sizes.values()) / 2
        for one, size in sorted(sizes.items(), key=lambda item: -item[1]):
            if freed >= enough:
                break
            self._end(one)
            freed += size
        return freed
