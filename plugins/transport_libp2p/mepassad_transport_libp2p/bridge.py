"""A trio loop that runs as a guest of the asyncio loop, in the same thread, and the calls from one to the other.

A thread can have one trio loop only, so all transports of an asyncio loop share it; each has a scope of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar, TypeVar

import anyio
import outcome
import trio

from mepassad.api import StreamClosed

T = TypeVar("T")

STOP_TIMEOUT = 10.0
"""Seconds that trio has to end before it is left behind."""


class TransportFailed(RuntimeError):
    """The libp2p side of the transport ended by itself; `__cause__` says why."""


class Guest:
    """The trio tasks of one transport. All methods are called from asyncio."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = ended
        self._ready: asyncio.Future[trio.Nursery] = self._loop.create_future()
        self._result: asyncio.Future[outcome.Outcome[None]] = self._loop.create_future()
        self._scope = trio.CancelScope()
        self._root: trio.lowlevel.Task | None = None

    async def call(
        self, function: Callable[..., Awaitable[T]], *args: Any, discard: Callable[[T], None] | None = None
    ) -> T:
        """Await a trio function. Its exceptions pass; cancelling this cancels it.

        `discard` disposes of a result that comes too late, when the caller was already cancelled.
        Raises `StreamClosed` when the transport has stopped.
        """
        nursery = await self._ready
        if self._result.done():
            raise StreamClosed("The transport has stopped.")
        result: asyncio.Future[T] = self._loop.create_future()
        scope = trio.CancelScope()
        nursery.start_soon(_settle, scope, result, discard, function, args)
        try:
            return await result
        except asyncio.CancelledError:
            scope.cancel()
            if discard is not None and result.done() and not result.cancelled() and result.exception() is None:
                discard(result.result())
            raise

    async def start_task(self, function: Callable[..., Awaitable[Any]]) -> None:
        """Run a trio function in the background; wait for its `task_status.started`.

        An exception of it ends the transport.
        """
        nursery = await self._ready
        await self.call(nursery.start, function)

    def tasks(self) -> int:
        """How many tasks trio has, of all transports: listeners run in system tasks, which belong to nobody."""
        if self._root is None:
            return 0
        tasks, count = [self._root], 0
        while tasks:
            nurseries = tasks.pop().child_nurseries
            count += 1
            tasks += [task for nursery in nurseries for task in nursery.child_tasks]
        return count

    async def main(self) -> None:
        """Hold the transport's tasks until `stop`; runs in trio and never raises."""
        self.end(await outcome.acapture(self._hold))

    async def _hold(self) -> None:
        self._root = trio.lowlevel.current_root_task()
        with self._scope:
            async with trio.open_nursery() as nursery:
                self._ready.set_result(nursery)
                await trio.sleep_forever()

    async def stop(self) -> outcome.Outcome[None]:
        """Cancel the transport's tasks and wait for their end; how they ended."""
        with anyio.fail_after(STOP_TIMEOUT, shield=True):
            self._scope.cancel()
            return await asyncio.shield(self._result)

    def end(self, result: outcome.Outcome[None]) -> None:
        """The tasks have ended, as asked or not."""
        if not self._result.done():
            self._result.set_result(result)
            self._ended()


class _Trio:
    """The one trio loop of an asyncio loop; it runs while it has guests."""

    by_loop: ClassVar[dict[asyncio.AbstractEventLoop, _Trio]] = {}

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.guests: set[Guest] = set()
        self.done: asyncio.Future[None] = loop.create_future()
        self._ready: asyncio.Future[trio.Nursery] = loop.create_future()
        self._scope = trio.CancelScope()
        trio.lowlevel.start_guest_run(
            self._main,
            run_sync_soon_threadsafe=lambda function: _ignore(loop.call_soon_threadsafe(function)),
            run_sync_soon_not_threadsafe=lambda function: _ignore(loop.call_soon(function)),
            done_callback=self._end,
            host_uses_signal_set_wakeup_fd=True,
            restrict_keyboard_interrupt_to_checkpoints=True,
        )

    @classmethod
    async def enter(cls, guest: Guest) -> _Trio:
        """Run a guest's tasks in the loop, which is started for the first one."""
        loop = asyncio.get_running_loop()
        while (shared := cls.by_loop.get(loop)) is not None and not shared.guests:
            await asyncio.shield(shared.done)  # it is stopping, and only one can run
        if shared is None:
            shared = cls.by_loop[loop] = cls()
        shared.guests.add(guest)
        nursery = await asyncio.shield(shared._ready)
        nursery.start_soon(guest.main)
        return shared

    async def leave(self, guest: Guest) -> None:
        """Forget a guest that has stopped; the last one stops the loop."""
        self.guests.discard(guest)
        if not self.guests:
            self._scope.cancel()
            with anyio.move_on_after(STOP_TIMEOUT, shield=True):
                await asyncio.shield(self.done)

    async def _main(self) -> None:
        with self._scope:
            async with trio.open_nursery() as nursery:
                self._ready.set_result(nursery)
                await trio.sleep_forever()

    def _end(self, result: outcome.Outcome[None]) -> None:
        """Trio has ended; if it was not asked to, none of its guests knows yet."""
        self.by_loop.pop(self.done.get_loop(), None)
        self.done.set_result(None)
        for guest in tuple(self.guests):
            guest.end(result)


@asynccontextmanager
async def trio_guest() -> AsyncIterator[Guest]:
    """A place for trio tasks. If one fails, the body is cancelled and `TransportFailed` raised from here."""
    with anyio.CancelScope() as scope:
        stopping = False
        guest = Guest(lambda: None if stopping else scope.cancel())
        shared = await _Trio.enter(guest)
        try:
            yield guest
        finally:
            stopping = True
            result = await guest.stop()
            await shared.leave(guest)
    if isinstance(result, outcome.Error):
        first = _first(result.error)
        raise TransportFailed(f"The libp2p transport broke: {type(first).__name__}: {first}") from result.error


async def _settle(
    scope: trio.CancelScope,
    result: asyncio.Future[T],
    discard: Callable[[T], None] | None,
    function: Callable[..., Awaitable[T]],
    args: tuple[Any, ...],
) -> None:
    """Run a call and hand its outcome over; nothing escapes, so that one call cannot end the transport."""
    try:
        with scope:
            value = await function(*args)
            if not result.done():
                result.set_result(value)
            elif discard is not None:
                discard(value)
    except Exception as error:
        if not result.done():
            result.set_exception(error)
    finally:
        if not result.done():
            result.set_exception(StreamClosed("The transport has stopped."))


def _first(error: BaseException) -> BaseException:
    """Of exceptions that came together, the first: it is most likely why the others came."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _ignore(handle: object) -> None:
    """asyncio gives a handle where trio wants nothing."""
