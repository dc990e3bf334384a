"""The reading connections, over aiosqlite: each has a thread of its own, none can write."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import anyio

from mepassad.api.types import Row
from mepassad.builtin.store_sqlite.failures import translate
from mepassad.builtin.store_sqlite.rows import from_values

READERS = 2  # a long search does not keep the others waiting

R = TypeVar("R", bound=Row)

# aiosqlite logs each statement with its values at debug level: ids and search words have no place in a log.
logging.getLogger("aiosqlite").setLevel(logging.WARNING)


class Readers:
    """A few reading connections, lent one statement at a time."""

    def __init__(self, path: Path, connections: Sequence[aiosqlite.Connection]) -> None:
        self._path = path
        self._free: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(connection)

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """All result rows as tuples. Raises `StoreBroken`, `StoreBusy`, ValueError for text that is no Unicode."""
        connection = await self._free.get()
        try:
            return list(await connection.execute_fetchall(sql, values))
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise translate(error, self._path) from None
        finally:
            self._free.put_nowait(connection)


class Reads:
    """What the modules of reads have in common."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def _all(self, row_type: type[R], sql: str, *values: Any) -> list[R]:
        return [from_values(row_type, row) for row in await self._readers.fetch(sql, *values)]

    async def _one(self, row_type: type[R], sql: str, *values: Any) -> R | None:
        rows = await self._readers.fetch(sql, *values)
        return from_values(row_type, rows[0]) if rows else None

    async def _value(self, sql: str, *values: Any) -> Any:
        rows = await self._readers.fetch(sql, *values)
        return rows[0][0] if rows else None


@asynccontextmanager
async def open_readers(path: Path) -> AsyncIterator[Readers]:
    """Readers of an existing database. Leaving waits for their threads, also when it is cancelled: else one would
    answer a loop that is no more."""
    stack = AsyncExitStack()
    try:
        connections = []
        for _ in range(READERS):
            connection = await stack.enter_async_context(aiosqlite.connect(path, isolation_level=None))
            await connection.execute_fetchall("PRAGMA query_only = ON")
            connections.append(connection)
        yield Readers(path, connections)
    finally:
        with anyio.CancelScope(shield=True):
            await stack.aclose()
