"""What a relay has lent to each node: bytes, of this day and since the start."""

from __future__ import annotations

import math
from collections.abc import Callable

import trio
from libp2p.peer.id import ID

DAY = 86_400.0
"""Seconds after which a node may be lent as much again."""

MAX_NODES = 65_536
"""Nodes whose bytes are counted; beyond, those counted longest are forgotten."""


class Lent:
    """Counts, and says how much is left. A day begins with the relay, and again whenever one is over."""

    def __init__(self, per_day: int, now: Callable[[], float] = trio.current_time) -> None:
        """`per_day`: bytes that one node may be lent in a day; 0: no limit. `now`: monotonic seconds."""
        self._per_day, self._now = per_day, now
        self._day: dict[ID, int] = {}
        self._ends: float | None = None
        self.total: dict[ID, int] = {}
        self.bytes = 0

    def left(self, *peers: ID) -> float:
        """Bytes that may still be lent today to the one of these nodes that has had most."""
        self._turn()
        most = max((self._day.get(peer, 0) for peer in peers), default=0)
        return self._per_day - most if self._per_day else math.inf

    def lend(self, size: int, *peers: ID) -> bool:
        """Count bytes that pass between nodes; whether it stays within the day's limit."""
        self._turn()
        self.bytes += size
        for peer in peers:
            for counted in (self._day, self.total):
                counted[peer] = counted.get(peer, 0) + size
                if len(counted) > MAX_NODES:
                    del counted[next(iter(counted))]
        return self.left(*peers) >= 0

    def _turn(self) -> None:
        now = self._now()
        if self._ends is None or now >= self._ends:
            self._ends = now + DAY
            self._day.clear()
