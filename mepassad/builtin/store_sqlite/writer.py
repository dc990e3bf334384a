"""The one writer of the store: a group of commits, and the search index that follows them."""

from __future__ import annotations

import asyncio
import queue

from mepassad.api.store import Commit, Committed
from mepassad.builtin.store_sqlite.batches import Batches
from mepassad.builtin.store_sqlite.group import Group
from mepassad.builtin.store_sqlite.plan import IndexText

# The search index is brought up to date when the store is idle, or when so many commits would make it a long wait.
INDEX_AFTER_SECONDS = 0.05
INDEX_AFTER_COMMITS = 128

_INDEX = Commit((IndexText(),))

Waiting = tuple[Commit, "asyncio.Future[Committed]"]


class Writer(Group[Commit, Committed]):
    """The loop's side of the writer's thread."""

    def __init__(self, batches: Batches, limit: int) -> None:
        """At most `limit` commits wait for the next batch; more are refused with `StoreBusy`."""
        self.commits = self.writes = 0
        self._batches = batches
        super().__init__(batches, limit, "store-writer")

    def commit(self, commit: Commit) -> asyncio.Future[Committed]:
        """Take a commit at once; the future ends when it is durable, or with its error."""
        return self.submit(commit)

    def _work(self) -> None:
        unindexed = 0
        while (batch := self._next_batch(idle_seconds=INDEX_AFTER_SECONDS if unindexed else None)) is not None:
            if batch:
                self._do(batch)
                unindexed += len(batch)
            if not batch or unindexed >= INDEX_AFTER_COMMITS:
                self._batches.apply([_INDEX])  # what fails now is tried again after later batches, before a search
                unindexed = 0
        self._batches.close()

    def _next_batch(self, idle_seconds: float | None) -> list[Waiting] | None:
        """The batch that is handed over; empty when none was for a time, None at the end."""
        try:
            return self._handed.get(timeout=idle_seconds)
        except queue.Empty:
            return []

    def _count(self, job: Commit) -> None:
        self.commits += 1
        self.writes += len(job.writes)
