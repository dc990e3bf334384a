"""The loop's side of a thread that writes: jobs gather on the event loop, the thread makes each batch durable.

Whenever the thread is idle it is handed all that gathered in this tick of the loop, without waiting for more; what
comes meanwhile is the next batch. So batches grow with the load, and a lonely job waits for nothing.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from anyio import to_thread

from mepassad.api import Gauge, StoreBusy

Job = TypeVar("Job")
Done = TypeVar("Done")
Job_contra = TypeVar("Job_contra", contravariant=True)
Done_co = TypeVar("Done_co", covariant=True)


class Work(Protocol[Job_contra, Done_co]):
    """What the thread does; used by it alone."""

    def apply(self, jobs: Sequence[Job_contra], /) -> Sequence[Done_co | Exception]:
        """What became of each job; those without an error are durable."""
        ...

    def close(self) -> None:
        """No job will come any more."""
        ...


class Group(Generic[Job, Done]):
    """Jobs on their way to the thread and back; made, used and closed on the loop that is running."""

    def __init__(self, work: Work[Job, Done], limit: int, name: str) -> None:
        """At most `limit` jobs wait for the next batch; more are refused with `StoreBusy`. `name`: the thread's."""
        self.batches = 0
        self._hands = work
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._waiting: list[tuple[Job, asyncio.Future[Done]]] = []
        self.queue = Gauge(limit, lambda: (len(self._waiting),))
        self._busy = False  # the thread has a batch, or is given one at the end of this tick
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._handed: queue.SimpleQueue[list[tuple[Job, asyncio.Future[Done]]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> asyncio.Future[Done]:
        """Take a job at once; the future ends when it is durable, or with its error."""
        future: asyncio.Future[Done] = self._loop.create_future()
        if self._closed:
            raise RuntimeError("the store is closed")
        if len(self._waiting) >= self._limit:
            future.set_exception(StoreBusy())
            return future
        self._waiting.append((job, future))
        self.queue.note(len(self._waiting))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._hand_over)
        return future

    async def close(self) -> None:
        """Let every job that was taken become durable, then end the thread."""
        self._closed = True
        await self._idle.wait()
        self._handed.put(None)
        await to_thread.run_sync(self._thread.join)

    def _hand_over(self) -> None:
        batch, self._waiting = self._waiting, []
        self._handed.put(batch)

    def _work(self) -> None:
        while (batch := self._handed.get()) is not None:
            self._do(batch)
        self._hands.close()

    def _do(self, batch: Sequence[tuple[Job, asyncio.Future[Done]]]) -> None:
        results = self._hands.apply([job for job, _ in batch])
        self._loop.call_soon_threadsafe(self._came_back, batch, results)

    def _came_back(
        self, batch: Sequence[tuple[Job, asyncio.Future[Done]]], results: Sequence[Done | Exception]
    ) -> None:
        self.batches += 1
        if self._waiting:
            self._hand_over()
        else:
            self._busy = False
            self._idle.set()
        for (job, future), result in zip(batch, results, strict=True):
            if not isinstance(result, Exception):
                self._count(job)
            if future.done():  # its caller went away; the job is done all the same
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _count(self, job: Job) -> None:
        """A job is durable."""
