"""Letting all that can happen now happen, before a test lets time go by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel

from mepassad.api import Component, ConfigRegister, PluginContext, hookimpl
from mepassad.api.mailbox import Mailbox
from mepassad.api.store import Store
from mepassad.builtin.mailbox_sqlite import plugin as mailbox_sqlite
from mepassad.builtin.store_sqlite import plugin as sqlite

SOON = 0.05
"""Seconds of real time within which a timer of the loop is waited for, such as the lag of an ack."""


LOOKS = 3
"""Turns of the loop in which nothing may happen: what one writes to a socket, another can read a turn later."""


class Settling:
    """The plugin `sqlite`, of whose stores it is known whether they are at work, and `mailbox`, the same of
    `mailbox_sqlite`. Give them to a catalogue in place of those."""

    def __init__(self) -> None:
        self._under_way = 0
        self.mailbox = _SettlingMailbox(self._watch)

    @hookimpl
    def register_config(self, register: ConfigRegister) -> None:
        sqlite.register_config(register)

    @hookimpl
    def provide_store(self, config: Any) -> Component[Store] | None:
        return self._component if sqlite.provide_store(config) else None

    @asynccontextmanager
    async def _component(self, context: PluginContext) -> AsyncIterator[Store]:
        async with sqlite.sqlite_store(context) as store:
            watched: Any = _Watched(store, self._watch)
            yield watched

    def _watch(self, call: Awaitable[Any]) -> asyncio.Future[Any]:
        future = asyncio.ensure_future(call)
        self._under_way += 1
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _: asyncio.Future[Any]) -> None:
        self._under_way -= 1

    async def settled(self) -> None:
        """Wait until the loop has nothing to run, no timer that is due soon, and no store that is at work."""
        loop: Any = asyncio.get_running_loop()
        quiet = 0
        while quiet < LOOKS:
            await anyio.lowlevel.checkpoint()
            wait = None if loop._ready else 0.001 if self._under_way else _soonest(loop)  # no public way to ask
            quiet = 0 if loop._ready or wait is not None else quiet + 1
            if wait is not None:
                await anyio.sleep(wait)


class _SettlingMailbox:
    """The plugin `mailbox_sqlite`; `watch` is told of each call while it is under way."""

    def __init__(self, watch: Callable[[Awaitable[Any]], asyncio.Future[Any]]) -> None:
        self._watch = watch

    @hookimpl
    def register_config(self, register: ConfigRegister) -> None:
        mailbox_sqlite.register_config(register)

    @hookimpl
    def provide_mailbox(self, config: Any) -> Component[Mailbox] | None:
        component = mailbox_sqlite.provide_mailbox(config)

        @asynccontextmanager
        async def watched(context: PluginContext) -> AsyncIterator[Mailbox]:
            assert component is not None
            async with component(context) as mailbox:
                found: Any = _Watched(mailbox, self._watch)
                yield found

        return watched if component is not None else None


def _soonest(loop: Any) -> float | None:
    """Seconds until the loop's next timer, if it is due soon."""
    waits = [timer.when() - loop.time() for timer in loop._scheduled if not timer.cancelled()]
    return max(0.0, min(waits)) if waits and min(waits) < SOON else None


class _Watched:
    """A store or mailbox whose calls are watched while under way, as one that does the same."""

    def __init__(self, store: Store | Mailbox, watch: Callable[[Awaitable[Any]], asyncio.Future[Any]]) -> None:
        self._store, self._watch = store, watch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found) or name == "stats":
            return found
        return lambda *args, **named: self._watch(found(*args, **named))
