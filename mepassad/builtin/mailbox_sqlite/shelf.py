"""What the writer's thread does with the tables: each method is one job, all or nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mepassad.api import MailboxBusy, MailboxClosed, MailboxFull, MepassaError
from mepassad.api.mailbox import Deposit, Kept, MailboxReason, Quotas
from mepassad.builtin.mailbox_sqlite import statements as sql
from mepassad.builtin.store_sqlite.transactions import Transactions

Job = Callable[["Shelf"], Any]

ROWS = 32  # bits of a row's id that count within its box
MOST_ROWS = (1 << ROWS) - 1_000_000  # that a box may ever have had: those of the next begin after
CHUNK = 500  # rows that one look for what expired deletes: deposits wait for no more
DAY = 86_400


class Box(NamedTuple):
    """A box without what lies in it."""

    id: int
    next: int
    envelopes: int
    bytes: int
    blobs: int
    blob_bytes: int

    @property
    def rows(self) -> tuple[int, int]:
        """The first and the last id that a row of it can have."""
        return self.id << ROWS, ((self.id + 1) << ROWS) - 1


class Shelf(Transactions[Job, Any]):
    """The tables, with what they hold in all; belongs to one thread at a time. A refusal changes nothing."""

    def __init__(self, connection: sqlite3.Connection, path: Path, quotas: Quotas) -> None:
        """`path` is for errors."""
        super().__init__(connection, path)
        self._quotas = quotas
        self.boxes, self.envelopes, self.bytes = self._row(sql.TOTALS)
        self.records, size = self._row(sql.RECORD_TOTALS)
        self.bytes += size

    # -- boxes

    def open(self, numbers: Sequence[bytes], now: int, fresh: int) -> tuple[list[int], int]:
        """See `mepassad.api.mailbox.Mailbox`."""
        found = {number: self._find(number) for number in numbers}
        new = [number for number, box in found.items() if box is None]
        if self.boxes + len(new) > self._quotas.boxes:
            raise MailboxFull
        if len(new) > fresh:
            raise MailboxBusy
        day = now // DAY
        self._cursor.executemany(sql.OPEN_NEW, [(number, day) for number in new])
        self._cursor.executemany(sql.OPEN_AGAIN, [(day, box.id, day) for box in found.values() if box])
        self.boxes += len(new)
        return [box.blobs if (box := found[number]) else 0 for number in numbers], len(new)

    def shut(self, number: bytes) -> None:
        """`close` of `mepassad.api.mailbox.Mailbox`."""
        if (box := self._find(number)) is None:
            return
        self._cursor.execute(sql.DELETE_ENVELOPES, box.rows)
        self._cursor.execute(sql.DELETE_BLOBS, box.rows)
        self._cursor.execute(sql.DELETE_BOX, (box.id,))
        self.boxes -= 1
        self._gone(box.envelopes, box.bytes + box.blob_bytes)

    # -- envelopes

    def put(self, deposits: Sequence[Deposit]) -> list[list[int]]:
        """See `mepassad.api.mailbox.Mailbox`."""
        return [self._deposit(*one) for one in deposits]

    def _deposit(self, numbers: Sequence[bytes], sealed: bytes, expires_at: int) -> list[int]:
        digest = hashlib.sha256(sealed).digest()
        return [self._put(number, sealed, digest, expires_at) for number in numbers]

    def _put(self, number: bytes, sealed: bytes, digest: bytes, expires_at: int) -> int:
        size, quotas = len(sealed), self._quotas
        if (box := self._find(number)) is None:
            return MailboxReason.CLOSED
        crowded = box.envelopes >= quotas.box_envelopes or box.bytes + size > quotas.box_bytes or box.next > MOST_ROWS
        if crowded or self.bytes + size > quotas.bytes:
            return 0 if self._row(sql.LIES_THERE, box.id, digest) else MailboxReason.FULL
        row = (box.id << ROWS) + box.next
        self._cursor.execute(sql.PUT, (row, box.id, size, expires_at, digest, sealed))
        if self._cursor.rowcount:
            self._cursor.execute(sql.COUNT_PUT, (size, box.id))
            self._gone(-1, -size)
        return 0

    def ack(self, number: bytes, ids: Sequence[bytes]) -> None:
        """See `mepassad.api.mailbox.Mailbox`."""
        box, sizes = self._open(number), []
        for one in ids:
            sizes += self._cursor.execute(sql.ACK, (box.id, one)).fetchall()
        if sizes:
            freed = sum(size for (size,) in sizes)
            self._cursor.execute(sql.COUNT_GONE, (len(sizes), freed, box.id))
            self._gone(len(sizes), freed)

    # -- blobs

    def publish(self, number: bytes, one_time: Sequence[bytes], last_resort: bytes, replace: bool) -> int:
        """See `mepassad.api.mailbox.Mailbox`."""
        box = self._open(number)
        before: bytes = self._row(sql.LAST_RESORT, box.id)[0]
        last = last_resort or before
        blobs = len(one_time) + (0 if replace else box.blobs)
        size = sum(map(len, one_time)) + len(last) + (0 if replace else box.blob_bytes - len(before))
        if blobs > self._quotas.box_blobs or size > self._quotas.box_blob_bytes or box.next > MOST_ROWS:
            raise MailboxFull
        if self.bytes + size - box.blob_bytes > self._quotas.bytes:
            raise MailboxFull
        if replace:
            self._cursor.execute(sql.DELETE_BLOBS, box.rows)
        rows = [((box.id << ROWS) + box.next + place, blob) for place, blob in enumerate(one_time)]
        self._cursor.executemany(sql.PUT_BLOB, rows)
        self._cursor.execute(sql.COUNT_BLOBS, (box.next + len(rows), blobs, size, last, box.id))
        self._gone(0, box.blob_bytes - size)
        return blobs

    def take(self, number: bytes, one_time: bool) -> bytes | None:
        """See `mepassad.api.mailbox.Mailbox`."""
        box = self._open(number)
        if one_time and box.blobs:
            row, blob = self._row(sql.OLDEST_BLOB, *box.rows)
            self._cursor.execute(sql.DELETE_BLOB, (row,))
            self._cursor.execute(sql.COUNT_TAKEN, (len(blob), box.id))
            self._gone(0, len(blob))
            return bytes(blob)
        return self._row(sql.LAST_RESORT, box.id)[0] or None

    # -- records

    def keep_record(self, key: bytes, record: Kept) -> bool:
        """See `mepassad.api.mailbox.Mailbox`."""
        kept = self._cursor.execute(sql.RECORD, (key,)).fetchone()
        if kept and (kept[1] > record.version or (kept[1] == record.version and kept[0] != record.value)):
            return False
        grown = len(record.value) - (len(kept[0]) if kept else 0)
        if (not kept and self.records >= self._quotas.records) or self.bytes + grown > self._quotas.bytes:
            raise MailboxFull
        self._cursor.execute(sql.KEEP_RECORD, (key, record.version, record.expires_at, record.value))
        self.records += not kept
        self._gone(0, -grown)
        return True

    # -- time

    def expire(self, now: int, idle_before: int) -> int:
        """Some of what `mepassad.api.mailbox.Mailbox.expire` deletes; how many, 0 when nothing is left."""
        rows = self._cursor.execute(sql.EXPIRED, (now, CHUNK)).fetchall()
        self._cursor.executemany(sql.DELETE_ENVELOPE, [(row,) for row, _, _ in rows])
        counts, sizes = Counter(box for _, box, _ in rows), Counter[int]()
        for _, box, size in rows:
            sizes[box] += size
        self._cursor.executemany(sql.COUNT_GONE, [(counts[box], sizes[box], box) for box in counts])
        self._gone(len(rows), sizes.total())
        records = self._cursor.execute(sql.EXPIRED_RECORDS, (now, CHUNK)).fetchall()
        self.records -= len(records)
        self._gone(0, sum(size for (size,) in records))
        idle = self._cursor.execute(sql.IDLE, (idle_before // DAY, 1)).fetchall()
        for (number,) in idle:
            self.shut(number)
        return len(rows) + len(records) + len(idle)

    # -- what jobs have in common

    def _find(self, number: bytes) -> Box | None:
        row = self._cursor.execute(sql.BOX, (number,)).fetchone()
        return Box(*row) if row else None

    def _open(self, number: bytes) -> Box:
        if (box := self._find(number)) is None:
            raise MailboxClosed
        return box

    def _row(self, statement: str, *values: object) -> Any:
        return self._cursor.execute(statement, values).fetchone()

    def _gone(self, envelopes: int, size: int) -> None:
        self.envelopes -= envelopes
        self.bytes -= size

    def _together(self, jobs: Sequence[Job]) -> list[Any]:
        return [self._refused(job) for job in jobs]

    def _refused(self, job: Job) -> Any:
        try:
            return job(self)
        except MepassaError as refusal:  # before it changed anything
            return refusal

    def _one(self, job: Job) -> Any:
        return job(self)

    def _mark(self) -> tuple[int, int, int, int]:
        return self.boxes, self.envelopes, self.bytes, self.records

    def _return_to(self, mark: tuple[int, int, int, int]) -> None:
        self.boxes, self.envelopes, self.bytes, self.records = mark
