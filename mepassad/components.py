"""Brings up the components that plugins provide, each with what it may use, and tells which one failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec

from mepassad.api.context import Clock, Component, PluginContext
from mepassad.api.store import Commit, Store
from mepassad.api.types import Secret
from mepassad.api.writes import SetPluginState
from mepassad.config.load import Loaded
from mepassad.errors import ComponentFailed, MepassaError, PluginBroken, PluginClash, PluginMissing
from mepassad.log import StructuredLog
from mepassad.plugins import Plugins


class State:
    """A plugin's key-value area in the store. Implements `mepassad.api.context.PluginState`."""

    def __init__(self, store: Store, plugin: str) -> None:
        """Values are kept under the plugin's name."""
        self._store, self._plugin = store, plugin

    async def get(self, key: str) -> bytes | None:
        """The value, or None."""
        return await self._store.plugin_state(self._plugin, key)

    async def set(self, key: str, value: bytes | None) -> None:
        """Keep a value, or drop the key with None. Raises `StoreFull`."""
        await self._store.commit(Commit((SetPluginState(self._plugin, key, value),)))


class Components:
    """Enters components by hook, with a context of their own."""

    def __init__(self, loaded: Loaded, plugins: Plugins, clock: Clock, node_key: Secret) -> None:
        """`store` is given to contexts once there is one."""
        self._loaded, self._plugins, self._clock, self.node_key = loaded, plugins, clock, node_key
        self.store: Store | None = None
        self._shared: defaultdict[str, dict[str, Any]] = defaultdict(dict)

    def provided(self, hook: str) -> Sequence[tuple[str, Any]]:
        """(plugin name, what it gives) of all plugins that a hook has something from, in the order of `plugins`.

        Raises `PluginBroken`.
        """
        found = []
        for impl in reversed(getattr(self._plugins.manager.hook, hook).get_hookimpls()):
            try:
                component = impl.function(self._loaded.config)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                raise PluginBroken(f"The plugin '{impl.plugin_name}' failed in {hook}: {reason}") from error
            if component is not None:
                found.append((impl.plugin_name, component))
        return found

    def one(self, hook: str) -> tuple[str, Component[Any]]:
        """The only plugin that a hook has something from. Raises `PluginMissing`, `PluginClash`."""
        found = self.provided(hook)
        if not found:
            raise PluginMissing(f"No enabled plugin answers {hook}; see `mepassad plugins`.")
        if len(found) > 1:
            raise PluginClash(f"More than one plugin answers {hook}: {', '.join(name for name, _ in found)}.")
        return found[0]

    @asynccontextmanager
    async def live(self, name: str, component: Component[Any]) -> AsyncIterator[Any]:
        """A component while it lives. When it, or a task of its own, fails, what happens inside is cancelled and
        `ComponentFailed` is raised; its own `MepassaError` at the start passes as it is."""
        started, inside = False, None
        try:
            async with anyio.create_task_group() as tasks:
                async with component(self._context(name, tasks)) as value:
                    started = True
                    try:
                        yield value
                    except Exception as error:
                        inside = error
                        raise
                tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            cause = first_error(group if inside is None else inside)
            if inside is not None or (isinstance(cause, MepassaError) and not started):
                raise cause from None
            reason = f"{type(cause).__name__}: {cause}"
            raise ComponentFailed(f"The plugin '{name}' failed: {reason}", plugin=name, reason=reason) from group

    def _context(self, name: str, tasks: anyio.abc.TaskGroup) -> PluginContext:
        config = self._loaded.config
        folder: Path = config.node.data_dir if name == config.store.plugin else config.node.data_dir / "plugins" / name
        return PluginContext(
            name=name,
            config=self._loaded.sections.get(name, msgspec.Struct()),
            log=StructuredLog(name),
            clock=self._clock,
            tasks=tasks,
            data_dir=folder,
            node_key=self.node_key if self._plugins.permitted(name, "node_key") else None,
            state=State(self.store, name) if self.store else None,
            shared=self._shared[name],
        )


def first_error(error: BaseException) -> BaseException:
    """The first plain exception in what may be a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
