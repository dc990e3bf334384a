"""The circuits that a relay carries: how many each node has, which makes room, and which end takes nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import trio
from libp2p.abc import INetStream
from libp2p.peer.id import ID

MUCH = 64 * 1024
"""Bytes that wait on a circuit, behind those that are being written, from which on it counts as not read."""


class Unread(Protocol):
    """What is known of bytes that wait here."""

    def waiting(self, stream: INetStream) -> int:
        """How many there are of a stream."""

    def clear(self, stream: INetStream) -> None:
        """Forget those of a stream that is about to end."""


@dataclass(eq=False)
class Carried:
    """One circuit. `network`: from where it was asked for; `streams`: those of its two ends; `blocked`: since when what
    an end said is not taken by the other."""

    source: ID
    target: ID
    network: Hashable
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    streams: dict[ID, INetStream] = field(default_factory=dict)
    blocked: dict[ID, float] = field(default_factory=dict)


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

    def relieve(self, peer: ID, unread: Unread) -> int:
        """End circuits on which much of a node waits, those that were not read for longest first, half of them; the
        bytes. So whoever does not read makes a relay cut the circuit, and not the node that wrote."""
        sizes = {one: unread.waiting(one.streams[peer]) for one in self._all if peer in one.streams}
        stuck = [one for one, size in sizes.items() if size >= MUCH]
        stuck.sort(key=lambda one: one.blocked.get(peer, math.inf))
        leavers = stuck[: (len(stuck) + 1) // 2]
        for one in leavers:
            unread.clear(one.streams[peer])
            self._end(one)
        return sum(sizes[one] for one in leavers)
