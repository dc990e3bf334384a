"""Reads of events, settings and plugin state."""

# ruff: noqa: D102 - the methods are documented where they are promised, in mepassad.api.store

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from mepassad.api.types import Event
from mepassad.builtin.store_sqlite.reads.readers import Reads
from mepassad.builtin.store_sqlite.rows import select

_EVENTS = select(Event, "FROM event WHERE seq > ? ORDER BY seq LIMIT ?")
_SOME_EVENTS = select(
    Event, "FROM event WHERE seq > ? AND topic IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?"
)
_RANGE = "SELECT coalesce((SELECT min(seq) FROM event), 1), coalesce((SELECT max(seq) FROM event), 0)"
_SETTING = "SELECT value FROM setting WHERE account = ? AND key = ?"
_SETTINGS = "SELECT key, value FROM setting WHERE account = ?"
_PLUGIN_STATE = "SELECT value FROM plugin_state WHERE plugin = ? AND key = ?"


class JournalReads(Reads):
    """See `mepassad.api.store.Store`."""

    async def events(self, after: int, limit: int, topics: Collection[str] | None) -> Sequence[Event]:
        if topics is None:
            return await self._all(Event, _EVENTS, after, limit)
        return await self._all(Event, _SOME_EVENTS, after, msgspec.json.encode(list(topics)).decode(), limit)

    async def event_range(self) -> tuple[int, int]:
        oldest, newest = (await self._readers.fetch(_RANGE))[0]
        return oldest, newest

    async def setting(self, account: str, key: str) -> bytes | None:
        value: bytes | None = await self._value(_SETTING, account, key)
        return value

    async def settings(self, account: str) -> dict[str, bytes]:
        return dict(await self._readers.fetch(_SETTINGS, account))

    async def plugin_state(self, plugin: str, key: str) -> bytes | None:
        value: bytes | None = await self._value(_PLUGIN_STATE, plugin, key)
        return value
