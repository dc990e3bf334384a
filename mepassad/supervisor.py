"""Keeps optional components alive: one that fails is told as a fact and started again with back-off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import anyio

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock, Component
from mepassad.api.types import AccountId
from mepassad.bus import Bus, Change
from mepassad.components import Components
from mepassad.errors import ComponentFailed, MepassaError
from mepassad.log import StructuredLog

T = TypeVar("T")

OPTIONAL = ("mailbox", "blobs", "relay", "push", "media", "directory")
RESTART_MIN, RESTART_MAX = 1.0, 300.0  # seconds
NODE = AccountId("")  # the account of facts about the whole node
STEADY = 60.0  # seconds after which a component counts as started well


async def tell_failure(bus: Bus, clock: Clock, plugin: str, reason: str) -> None:
    """Keep the fact that a component of the node failed, which is about no account. Raises `StoreFull`."""
    change = Change()
    data: dict[str, object] = {"account": "", "plugin": plugin, "reason": reason}
    change.fact(NODE, "plugin.failed", f"{plugin}: {reason}", data, int(clock.now() * 1000))
    await bus.keep(change)


class Supervisor:
    """Runs optional components; `live` shows those that are up, by noun and plugin name. `begin` is called, by noun,
    with each that came up."""

    def __init__(self, components: Components, bus: Bus, clock: Clock) -> None:
        """`bus`: where failures are told."""
        self._components, self._bus, self._clock = components, bus, clock
        self._log = StructuredLog("supervisor")
        self.begin: dict[str, Callable[[Any], None]] = {}
        self.live: Mapping[str, dict[str, Any]] = {noun: {} for noun in (*OPTIONAL, "bot")}
        self._came_up = anyio.Event()

    async def run(self) -> None:
        """Keep all optional components alive until cancelled. Raises `PluginBroken`."""
        found = [(noun, *one) for noun in OPTIONAL for one in self._components.provided(f"provide_{noun}")]
        async with anyio.create_task_group() as tasks:
            for noun, name, component in found:
                tasks.start_soon(self.keep, name, component, partial(self._rest, noun, name))

    def one(self, noun: str) -> Any | None:
        """The component of a noun of which there is at most one; None while it is down."""
        return next(iter(self.live[noun].values()), None)

    async def until_up(self, noun: str) -> None:
        """Wait until a component of that noun is up."""
        while not self.live[noun]:
            await self._came_up.wait()

    async def _rest(self, noun: str, name: str, value: Any) -> None:
        """Let a component live; it needs nothing further."""
        self.live[noun][name] = value
        self._came_up.set()
        self._came_up = anyio.Event()
        try:
            if noun in self.begin:
                self.begin[noun](value)
            await anyio.sleep_forever()
        finally:
            del self.live[noun][name]

    async def keep(self, plugin: str, component: Component[T], use: Callable[[T], Awaitable[None]]) -> None:
        """Keep a component alive while `use` runs with it; over and over, as long as it ends by failing."""
        backoff = Backoff(RESTART_MIN, RESTART_MAX, 0.25)
        while True:
            began = self._clock.monotonic()
            try:
                async with self._components.live(plugin, component) as value:
                    await use(value)
                return
            except Exception as error:
                await self._failed(plugin, error)
            if self._clock.monotonic() - began > STEADY:
                backoff.reset()
            await self._clock.sleep(backoff.wait())

    async def _failed(self, name: str, error: Exception) -> None:
        if isinstance(error, ComponentFailed):
            reason = str(error.data["reason"])
        else:
            reason = error.sentence if isinstance(error, MepassaError) else f"{type(error).__name__}: {error}"
        self._log.error("a component failed, it is started again", plugin=name, reason=reason)
        try:
            await tell_failure(self._bus, self._clock, name, reason)
        except MepassaError as full:
            self._log.error("the failure could not be kept", reason=full.sentence)
