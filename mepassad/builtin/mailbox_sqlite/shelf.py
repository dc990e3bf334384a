"""What the writer's thread does with the tables: each method is one job, all or nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mepassad.api import MailboxBusy, MailboxClosed, MailboxFull, MepassaError
from mepassad.api.mailbox import LIES_THERE, ROW, Deposit, Kept, MailboxReason, Quotas
from mepassad.builtin.mailbox_sqlite import statements as sql
from mepassad.builtin.store_sqlite.transactions import Transactions

Job = Callable[["Shelf"], Any]

ROWS = 32  # bits of a row's id that count within its box
MOST_ROWS = (1 << ROWS) - 1_000_000  # that a box may ever have had: those of the next begin after
CHUNK = 500  # rows that one look for what expired deletes: deposits wait for no more
DAY = 86_400
TAG = 16  # bytes of what is kept of who opened a box


class Box(NamedTuple):
    """A box without what lies in it."""

    id: int
    next: int
    envelopes: int
    held: int
    blobs: int
    blob_bytes: int
    opener: bytes

    @property
    def size(self) -> int:
        """What it counts for in all."""
        return self.held + self.blob_bytes + ROW * (1 + self.envelopes + self.blobs)

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
        self._salt: bytes = self._row(sql.SALT)[0]
        self.boxes = self.envelopes = self.bytes = 0
        self._openers = dict[bytes, int]()  # what the boxes hold that each opened
        self._undo = list[tuple[bytes, int]]()  # what the open transaction added to them
        for opener, boxes, envelopes, blobs, size in self._cursor.execute(sql.TOTALS).fetchall():
            self.boxes += boxes
            self._grew(opener, envelopes, size + ROW * (boxes + envelopes + blobs))
        self.records, size = self._row(sql.RECORD_TOTALS)
        self.record_bytes = size + ROW * self.records

    # -- boxes

    def open(self, opener: bytes, numbers: Sequence[bytes], now: int, fresh: int) -> tuple[list[int], int]:
        """See `mepassad.api.mailbox.Mailbox`."""
        tag = hashlib.sha256(self._salt + opener).digest()[:TAG]
        found = {number: self._find(number) for number in numbers}
        new = [number for number, box in found.items() if box is None]
        if self.boxes + len(new) > self._quotas.boxes or self._no_room(tag, ROW * len(new)):
            raise MailboxFull
        if len(new) > fresh:
            raise MailboxBusy
        day = now // DAY
        self._cursor.executemany(sql.OPEN_NEW, [(number, day, tag) for number in new])
        known = [box for box in found.values() if box]
        self._cursor.executemany(sql.OPEN_AGAIN, [(day, tag, box.id, day, tag) for box in known])
        for again in known:
            self._grew(again.opener, 0, -again.size)
            self._grew(tag, 0, again.size)
        self._grew(tag, 0, ROW * len(new))
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
        self._grew(box.opener, -box.envelopes, -box.size)

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
        crowded = box.envelopes >= quotas.box_envelopes or box.held + size > quotas.box_bytes or box.next > MOST_ROWS
        if crowded or self._no_room(box.opener, size + ROW):
            return LIES_THERE if self._row(sql.LIES_THERE, box.id, digest) else MailboxReason.FULL
        row = (box.id << ROWS) + box.next
        self._cursor.execute(sql.PUT, (row, box.id, size, expires_at, digest, sealed))
        if not self._cursor.rowcount:
            return LIES_THERE
        self._cursor.execute(sql.COUNT_PUT, (size, box.id))
        self._grew(box.opener, 1, size + ROW)
        return 0

    def ack(self, number: bytes, ids: Sequence[bytes]) -> None:
        """See `mepassad.api.mailbox.Mailbox`."""
        box, sizes = self._open(number), []
        for one in ids:
            sizes += self._cursor.execute(sql.ACK, (box.id, one)).fetchall()
        if sizes:
            freed = sum(size for (size,) in sizes)
            self._cursor.execute(sql.COUNT_GONE, (len(sizes), freed, box.id))
            self._grew(box.opener, -len(sizes), -freed - ROW * len(sizes))

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
        grown = size - box.blob_bytes + ROW * (blobs - box.blobs)
        if grown > 0 and self._no_room(box.opener, grown):
            raise MailboxFull
        if replace:
            self._cursor.execute(sql.DELETE_BLOBS, box.rows)
        rows = [((box.id << ROWS) + box.next + place, blob) for place, blob in enumerate(one_time)]
        self._cursor.executemany(sql.PUT_BLOB, rows)
        self._cursor.execute(sql.COUNT_BLOBS, (box.next + len(rows), blobs, size, last, box.id))
        self._grew(box.opener, 0, grown)
        return blobs

    def take(self, number: bytes, one_time: bool) -> bytes | None:
        """See `mepassad.api.mailbox.Mailbox`."""
        box = self._open(number)
        if one_time and box.blobs:
            row, blob = self._row(sql.OLDEST_BLOB, *box.rows)
            self._cursor.execute(sql.DELETE_BLOB, (row,))
            self._cursor.execute(sql.COUNT_TAKEN, (len(blob), box.id))
            self._grew(box.opener, 0, -len(blob) - ROW)
            return bytes(blob)
        return self._row(sql.LAST_RESORT, box.id)[0] or None

    # -- records

    def keep_record(self, key: bytes, record: Kept) -> bool:
        """See `mepassad.api.mailbox.Mailbox`."""
        kept = self._cursor.execute(sql.RECORD, (key,)).fetchone()
        if kept and (kept[1] > record.version or (kept[1] == record.version and kept[0] != record.value)):
            return False
        grown = len(record.value) - len(kept[0]) if kept else len(record.value) + ROW
        if (not kept and self.records >= self._quotas.records) or (
            grown > 0 and self.record_bytes + grown > self._quotas.record_bytes
        ):
            raise MailboxFull
        self._cursor.execute(sql.KEEP_RECORD, (key, record.version, record.expires_at, record.value))
        self.records += not kept
        self.record_bytes += grown
        return True

    # -- time

    def expire(self, now: int, idle_before: int) -> int:
        """Some of what `mepassad.api.mailbox.Mailbox.expire` deletes; how many, 0 when nothing is left."""
        rows = self._cursor.execute(sql.EXPIRED, (now, CHUNK)).fetchall()
        self._cursor.executemany(sql.DELETE_ENVELOPE, [(row,) for row, _, _ in rows])
        counts, sizes = Counter(box for _, box, _ in rows), Counter[int]()
        for _, box, size in rows:
            sizes[box] += size
        for box, count in counts.items():
            (opener,) = self._row(sql.COUNT_EXPIRED, count, sizes[box], box)
            self._grew(opener, -count, -sizes[box] - ROW * count)
        records = self._cursor.execute(sql.EXPIRED_RECORDS, (now, CHUNK)).fetchall()
        self.records -= len(records)
        self.record_bytes -= sum(size + ROW for (size,) in records)
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

    def _no_room(self, opener: bytes, size: int) -> bool:
        """Whether the mailbox, or what this client may fill of it, is too full for so much more."""
        held = self._openers.get(opener, 0)
        return self.bytes + size > self._quotas.bytes or held + size > self._quotas.opener_bytes

    def _grew(self, opener: bytes, envelopes: int, size: int) -> None:
        self.envelopes += envelopes
        self.bytes += size
        self._undo.append((opener, size))
        self._hold(opener, size)

    def _hold(self, opener: bytes, size: int) -> None:
        held = self._openers.pop(opener, 0) + size
        if held:
            self._openers[opener] = held

    def _together(self, jobs: Sequence[Job]) -> list[Any]:
        return [self._refused(job) for job in jobs]

    def _refused(self, job: Job) -> Any:
        try:
            return job(self)
        except MepassaError as refusal:  # before it changed anything
            return refusal

    def _one(self, job: Job) -> Any:
        return job(self)

    def _mark(self) -> tuple[int, ...]:
        if not self._connection.in_transaction:
            self._undo.clear()
        return self.boxes, self.envelopes, self.bytes, self.records, self.record_bytes, len(self._undo)

    def _return_to(self, mark: tuple[int, ...]) -> None:
        self.boxes, self.envelopes, self.bytes, self.records, self.record_bytes, undo = mark
        while len(self._undo) > undo:
            opener, size = self._undo.pop()
            self._hold(opener, -size)
