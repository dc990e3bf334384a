"""A directory of one process, for tests: all its nodes publish and find in one place, which the test can look into."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mepassad.api import Component, MepassaError, PluginContext, Unreachable, hookimpl
from mepassad.api.directory import Check, Directory, Record


class SharedDirectory:
    """A plugin, and what all nodes that load it share. `records` are those that are kept, by name."""

    def __init__(self) -> None:
        self.records: dict[bytes, Record] = {}
        self.published: list[tuple[bytes, Record]] = []
        self.asked: list[bytes] = []
        self.answer: Callable[[bytes], Record | None] = self.records.get
        self.down = False

    @hookimpl
    def provide_directory(self, config: Any) -> Component[Directory]:
        """The shared directory, as one node sees it."""
        return self.component

    @asynccontextmanager
    async def component(self, context: PluginContext) -> AsyncIterator[Directory]:
        """One node's part in it."""
        yield Part(self)


class Part:
    """One node's part in a shared directory. Implements `mepassad.api.directory.Directory`."""

    name = "shared"

    def __init__(self, shared: SharedDirectory) -> None:
        self._shared = shared
        self._check: Check

    def admit(self, check: Check) -> None:
        self._check = check

    async def publish(self, key: bytes, record: Record, lifetime: int) -> None:
        if self._shared.down:
            raise Unreachable
        self._shared.published.append((key, record))
        try:
            version = self._check(key, record.value)
        except MepassaError as error:
            raise Unreachable("This is not a record.") from error
        kept = self._shared.records.get(key)
        if kept is None or kept.version < version:
            self._shared.records[key] = Record(record.value, version)

    async def find(self, key: bytes) -> Record | None:
        if self._shared.down:
            raise Unreachable
        self._shared.asked.append(key)
        return self._shared.answer(key)

    def stats(self) -> dict[str, int]:
        return {"records": len(self._shared.records)}
