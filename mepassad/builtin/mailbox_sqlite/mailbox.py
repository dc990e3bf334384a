"""The mailbox itself: what changes goes to the one writer, what is read to the readers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from mepassad.api import MailboxClosed
from mepassad.api.mailbox import Deposit, Envelope, Kept, Quotas
from mepassad.builtin.mailbox_sqlite import statements as sql
from mepassad.builtin.mailbox_sqlite.shelf import ROWS, Job, Shelf
from mepassad.builtin.store_sqlite import database
from mepassad.builtin.store_sqlite.failures import translate
from mepassad.builtin.store_sqlite.group import Group
from mepassad.builtin.store_sqlite.migrate import migrate, shipped
from mepassad.builtin.store_sqlite.reads.readers import Readers, open_readers

MIGRATIONS = "mepassad.builtin.mailbox_sqlite.migrations"
_CURSORS = (1 << ROWS) - 1


class SqliteMailbox:
    """Implements `mepassad.api.mailbox.Mailbox` on one SQLite file."""

    name = "mailbox_sqlite"

    def __init__(self, path: Path, shelf: Shelf, writer: Group[Job, Any], readers: Readers) -> None:
        """`writer` works with `shelf`."""
        self._path, self._shelf, self._writer, self._readers = path, shelf, writer, readers

    async def open(self, opener: bytes, numbers: Sequence[bytes], now: int, fresh: int) -> tuple[Sequence[int], int]:
        """See `mepassad.api.mailbox.Mailbox`."""
        opened: tuple[Sequence[int], int] = await self._do(Shelf.open, opener, numbers, now, fresh)
        return opened

    async def holds(self, numbers: Sequence[bytes]) -> Sequence[bool]:
        """See `mepassad.api.mailbox.Mailbox`."""
        places = ", ".join("?" * len(numbers))
        found = {number for (number,) in await self._readers.fetch(sql.HOLDS.format(places), *numbers)}
        return [number in found for number in numbers]

    async def close(self, number: bytes) -> None:
        """See `mepassad.api.mailbox.Mailbox`."""
        await self._do(Shelf.shut, number)

    async def put(self, deposits: Sequence[Deposit]) -> Sequence[Sequence[int]]:
        """See `mepassad.api.mailbox.Mailbox`."""
        refusals: Sequence[Sequence[int]] = await self._do(Shelf.put, deposits)
        return refusals

    async def fetch(self, number: bytes, after: int, limit: int, room: int) -> Sequence[Envelope]:
        """See `mepassad.api.mailbox.Mailbox`."""
        rows = await self._readers.fetch(sql.FETCH, number, min(after, _CURSORS), _CURSORS, limit, room)
        if not rows:
            raise MailboxClosed
        return [Envelope(digest, sealed, expires_at, row) for row, digest, sealed, expires_at in rows if row]

    async def ack(self, number: bytes, ids: Sequence[bytes]) -> None:
        """See `mepassad.api.mailbox.Mailbox`."""
        await self._do(Shelf.ack, number, ids)

    async def publish(self, number: bytes, one_time: Sequence[bytes], last_resort: bytes, replace: bool) -> int:
        """See `mepassad.api.mailbox.Mailbox`."""
        left: int = await self._do(Shelf.publish, number, one_time, last_resort, replace)
        return left

    async def take(self, number: bytes, one_time: bool) -> bytes | None:
        """See `mepassad.api.mailbox.Mailbox`."""
        blob: bytes | None = await self._do(Shelf.take, number, one_time)
        return blob

    async def keep_record(self, key: bytes, record: Kept) -> bool:
        """See `mepassad.api.mailbox.Mailbox`."""
        kept: bool = await self._do(Shelf.keep_record, key, record)
        return kept

    async def record(self, key: bytes) -> Kept | None:
        """See `mepassad.api.mailbox.Mailbox`."""
        rows = await self._readers.fetch(sql.RECORD, key)
        return Kept(*rows[0]) if rows else None

    async def expire(self, now: int, idle_before: int) -> int:
        """See `mepassad.api.mailbox.Mailbox`."""
        gone = 0
        while some := await self._do(Shelf.expire, now, idle_before):
            gone += some
        return gone

    def stats(self) -> dict[str, int]:
        """See `mepassad.api.mailbox.Mailbox`; and how the writer fares, and the size of the file."""
        shelf, writer = self._shelf, self._writer
        return {
            "boxes": shelf.boxes,
            "envelopes": shelf.envelopes,
            "bytes": shelf.bytes,
            "records": shelf.records,
            "batches": writer.batches,
            **writer.queue.show("queued"),
            "file_bytes": database.size(self._path),
        }

    async def _do(self, job: Any, *values: Any) -> Any:
        return await self._writer.submit(lambda shelf: job(shelf, *values))


@asynccontextmanager
async def open_mailbox(path: Path, quotas: Quotas, *, cache_mb: int, queue_limit: int) -> AsyncIterator[SqliteMailbox]:
    """The mailbox on this file, made or migrated as needed; leaving waits until all that was taken is durable.

    Raises `StoreTooNew`, `StoreBroken`, `StoreFull`, `StoreBusy`.
    """
    shelf = await to_thread.run_sync(partial(_open_shelf, path, quotas, cache_mb))
    writer: Group[Job, Any] = Group(shelf, queue_limit, "mailbox-writer")
    try:
        async with open_readers(path) as readers:
            yield SqliteMailbox(path, shelf, writer, readers)
    finally:
        with anyio.CancelScope(shield=True):
            await writer.close()


def _open_shelf(path: Path, quotas: Quotas, cache_mb: int) -> Shelf:
    try:
        database.make_private(path)
        connection = database.connect(path, cache_mb)
        try:
            migrate(connection, path, shipped(MIGRATIONS))
            return Shelf(connection, path, quotas)
        except BaseException:
            connection.close()
            raise
    except Exception as error:
        raise translate(error, path) from error
