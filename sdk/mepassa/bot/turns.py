"""Whose turn it is: workers take conversations in turn, so that no message needs a task of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup

from mepassa.bot.attend import Seat
from mepassa.bot.count import Count
from mepassa.bot.lanes import Lane


class Turns:
    """A bounded number of workers, begun as they are needed; a lane is worked on by one of them at a time."""

    def __init__(self, most: int) -> None:
        """`most`: workers at most."""
        self.seats: list[Seat] = []
        self._most = most
        self._lanes: deque[Lane] = deque()
        self._due = anyio.Semaphore(0, fast_acquire=True)
        self._resting = 0  # workers that wait, or have not begun yet
        self.at_work = Count()
        self._tasks: TaskGroup
        self._work: Callable[[Seat, Lane], Awaitable[None]]

    def begin(self, tasks: TaskGroup, work: Callable[[Seat, Lane], Awaitable[None]]) -> None:
        """Work from now on, in tasks of this group."""
        self._tasks, self._work = tasks, work

    def ready(self, lane: Lane) -> None:
        """Let a lane have a turn, unless it has one coming."""
        if lane.queued:
            return
        lane.queued = True
        self._lanes.append(lane)
        if len(self._lanes) > self._resting and len(self.seats) < self._most:
            seat = Seat()
            self.seats.append(seat)
            self._resting += 1
            self._tasks.start_soon(self._run, seat)
        self._due.release()

    async def _run(self, seat: Seat) -> None:
        while True:
            await self._due.acquire()
            self._resting -= 1
            self.at_work.up()
            seat.lane = self._lanes.popleft()
            await self._work(seat, seat.lane)
            seat.lane = None
            self.at_work.down()
            self._resting += 1
