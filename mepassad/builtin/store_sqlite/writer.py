"""The one writer: commits gather on the event loop, a thread makes each batch durable.

Whenever the thread is idle it is handed all that gathered in this tick of the loop, without waiting for more; what
comes meanwhile is the next batch. So batches grow with the load, and a lonely commit waits for nothing.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence

from anyio import to_thread

from mepassad.api import Gauge, StoreBusy
from mepassad.api.store import Commit, Committed
from mepassad.builtin.store_sqlite.batches import Batches, Result
from mepassad.builtin.store_sqlite.plan import IndexText

# The search index is brought up to date when the store is idle, or when so many commits would make it a long wait.
INDEX_AFTER_SECONDS = 0.05
INDEX_AFTER_COMMITS = 128

_INDEX = Commit((IndexText(),))

Waiting = tuple[Commit, "asyncio.Future[Committed]"]


class Writer:
    """The loop's side of the writer's thread; made, used and closed on the loop that is running."""

    def __init__(self, batches: Batches, limit: int) -> None:
        """At most `limit` commits wait for the next batch; more are refused with `StoreBusy`."""
        self.commits = self.writes = self.batches = 0
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._waiting: list[Waiting] = []
        self.queue = Gauge(limit, lambda: (len(self._waiting),))
        self._busy = False  # the thread has a batch, or is given one at the end of this tick
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._handed: queue.SimpleQueue[list[Waiting] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, args=(batches,), name="store-writer", daemon=True)
        self._thread.start()

    def commit(self, commit: Commit) -> asyncio.Future[Committed]:
        """Take a commit at once; the future ends when it is durable, or with its error."""
        future: asyncio.Future[Committed] = self._loop.create_future()
        if self._closed:
            raise RuntimeError("the store is closed")
        if len(self._waiting) >= self._limit:
            future.set_exception(StoreBusy())
            return future
        self._waiting.append((commit, future))
        self.queue.note(len(self._waiting))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._hand_over)
        return future

    async def close(self) -> None:
        """Let every commit that was taken become durable, then end the thread."""
        self._closed = True
        await self._idle.wait()
        self._handed.put(None)
        await to_thread.run_sync(self._thread.join)

    def _hand_over(self) -> None:
        batch, self._waiting = self._waiting, []
        self._handed.put(batch)

    def _work(self, batches: Batches) -> None:
        unindexed = 0
        while (batch := self._next_batch(idle_seconds=INDEX_AFTER_SECONDS if unindexed else None)) is not None:
            if batch:
                results = batches.apply([commit for commit, _ in batch])
                self._loop.call_soon_threadsafe(self._came_back, batch, results)
                unindexed += len(batch)
            if not batch or unindexed >= INDEX_AFTER_COMMITS:
                batches.apply([_INDEX])  # what fails now is tried again after later batches, and before a search
                unindexed = 0
        batches.close()

    def _next_batch(self, idle_seconds: float | None) -> list[Waiting] | None:
        """The batch that is handed over; empty when none was for a time, None at the end."""
        try:
            return self._handed.get(timeout=idle_seconds)
        except queue.Empty:
            return []

    def _came_back(self, batch: Sequence[Waiting], results: Sequence[Result]) -> None:
        self.batches += 1
        if self._waiting:
            self._hand_over()
        else:
            self._busy = False
            self._idle.set()
        for (commit, future), result in zip(batch, results, strict=True):
            if isinstance(result, Committed):
                self.commits += 1
                self.writes += len(commit.writes)
            if future.done():  # its caller went away; the commit holds all the same
                continue
            if isinstance(result, Committed):
                future.set_result(result)
            else:
                future.set_exception(result)
