"""A clock that stands still until a test moves it."""

from __future__ import annotations

import heapq
import itertools

import anyio
import anyio.lowlevel

START = 1_800_000_000.0
"""Where the wall clock begins: Unix seconds, in January 2027."""


class ManualClock:
    """Time that a test owns. Implements `mepassad.api.context.Clock`.

    `advance` is time going by; `jump` is somebody setting the wall clock, which wakes nobody; `suspend` is a lid that
    was closed for a while.
    """

    def __init__(self, now: float = START) -> None:
        """`now`: Unix seconds at the beginning; `monotonic` begins at 0."""
        self._now, self._monotonic, self._suspended = now, 0.0, 0.0
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Unix seconds."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that went by."""
        return self._monotonic

    def elapsed(self) -> float:
        """Those and the ones spent suspended."""
        return self._monotonic + self._suspended

    async def sleep(self, seconds: float) -> None:
        """Wait until a test has advanced this far; a sleep of nothing only lets others run."""
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        sleeper = (self._monotonic + seconds, next(self._order), anyio.Event())
        heapq.heappush(self._sleepers, sleeper)
        try:
            await sleeper[2].wait()
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    @property
    def waits(self) -> tuple[float, ...]:
        """Seconds that each sleeper has yet to wait, shortest first."""
        return tuple(due - self._monotonic for due, _, _ in sorted(self._sleepers))

    def advance(self, seconds: float) -> None:
        """Let time go by, and wake whoever has slept long enough; they run once the test waits for something."""
        if seconds < 0:
            raise ValueError("time does not go back; `jump` sets the wall clock back")
        self._now += seconds
        self._monotonic += seconds
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            heapq.heappop(self._sleepers)[2].set()

    def suspend(self, seconds: float) -> None:
        """Let time go by while the machine sleeps: nobody's waits go on."""
        self._now += seconds
        self._suspended += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or, below 0, back."""
        self._now += seconds
