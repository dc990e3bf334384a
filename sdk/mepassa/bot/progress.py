"""How far a bot is: the number up to which all events are dealt with, whichever conversation they are of."""

from __future__ import annotations

import heapq
from collections import Counter


class Progress:
    """Counts what is not dealt with yet, by its event's number; it may be finished in any order."""

    def __init__(self, place: int) -> None:
        """`place`: all events up to this number were dealt with before."""
        self._newest = place
        self._open: list[int] = []  # a heap; what is finished stays in it until it is the least
        self._finished: Counter[int] = Counter()

    def read(self, seq: int) -> None:
        """All events up to this one were looked at."""
        self._newest = max(self._newest, seq)

    def begin(self, seq: int) -> None:
        """Something is to be done about an event of this number, or about what follows it."""
        heapq.heappush(self._open, seq)

    def finish(self, seq: int) -> None:
        """What was begun under this number is done, for good."""
        self._finished[seq] += 1
        while self._open and (least := self._open[0]) in self._finished:
            heapq.heappop(self._open)
            self._finished[least] -= 1
            if not self._finished[least]:
                del self._finished[least]

    @property
    def place(self) -> int:
        """All events up to this number are dealt with."""
        return self._open[0] - 1 if self._open else self._newest

    def place_with(self, seq: int) -> int:
        """What `place` is at least, once an event of this number is dealt with as well."""
        return self._newest if self._open == [seq] else self.place
