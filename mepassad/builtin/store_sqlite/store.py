"""The store itself: commits go to the one writer, reads to the readers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio import to_thread

from mepassad.api import StoreBusy, StoreFull
from mepassad.api.store import Commit, Committed, Page
from mepassad.api.types import AccountId
from mepassad.builtin.store_sqlite import database
from mepassad.builtin.store_sqlite.batches import Batches
from mepassad.builtin.store_sqlite.failures import translate
from mepassad.builtin.store_sqlite.migrate import drop_old_backups, migrate, shipped
from mepassad.builtin.store_sqlite.plan import Forget, IndexText
from mepassad.builtin.store_sqlite.reads.delivery import DeliveryReads
from mepassad.builtin.store_sqlite.reads.journal import JournalReads
from mepassad.builtin.store_sqlite.reads.messages import MessageReads
from mepassad.builtin.store_sqlite.reads.people import PeopleReads
from mepassad.builtin.store_sqlite.reads.readers import Readers, open_readers
from mepassad.builtin.store_sqlite.writer import Writer


class SqliteStore(PeopleReads, MessageReads, DeliveryReads, JournalReads):
    """Implements `mepassad.api.store.Store` on one SQLite file."""

    name = "sqlite"

    def __init__(self, path: Path, writer: Writer, readers: Readers) -> None:
        super().__init__(readers)
        self._path = path
        self._writer = writer

    def commit(self, commit: Commit) -> Awaitable[Committed]:
        """Keep a commit; also raises `StoreBusy` while too many wait."""
        return self._writer.commit(commit)

    async def search(self, account: AccountId, query: str, limit: int, before: str | None) -> Page:
        """See `mepassad.api.store.Store`."""
        with suppress(StoreFull, StoreBusy):  # then all but the newest messages are found
            await self.commit(Commit((IndexText(),)))
        return await super().search(account, query, limit, before)

    async def forget(self, seen_before: int, events_before_ms: int, events_keep: int) -> None:
        """See `mepassad.api.store.Store`."""
        await self.commit(Commit((Forget(seen_before, events_before_ms, events_keep),)))

    def stats(self) -> dict[str, int]:
        """Counters since the store was opened; `bytes` is the size on disk."""
        writer = self._writer
        return {
            "commits": writer.commits,
            "writes": writer.writes,
            "batches": writer.batches,
            **writer.queue.show("queued"),
            "bytes": database.size(self._path),
        }


@asynccontextmanager
async def open_store(
    path: Path, *, cache_mb: int, queue_limit: int, backups_made_before: float, migrations: Sequence[str] | None = None
) -> AsyncIterator[SqliteStore]:
    """The store on this file, made or migrated as needed; leaving waits until all commits taken are durable.

    Raises `StoreTooNew`, `StoreBroken`, `StoreFull`, `StoreBusy`.
    """
    steps = shipped() if migrations is None else migrations
    batches = await to_thread.run_sync(_open_batches, path, cache_mb, steps, backups_made_before)
    writer = Writer(batches, queue_limit)
    try:
        async with open_readers(path) as readers:
            yield SqliteStore(path, writer, readers)
    finally:
        with anyio.CancelScope(shield=True):
            await writer.close()


def _open_batches(path: Path, cache_mb: int, migrations: Sequence[str], backups_made_before: float) -> Batches:
    try:
        database.make_private(path)
        connection = database.connect(path, cache_mb)
        try:
            migrate(connection, path, migrations)
            drop_old_backups(path, backups_made_before)
            return Batches(connection, path)
        except BaseException:
            connection.close()
            raise
    except Exception as error:
        raise translate(error, path) from error
