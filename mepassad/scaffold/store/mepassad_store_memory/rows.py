"""Rows in memory by table and key. Until changes are settled they can be undone, or told as what is to be kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from mepassad.api import Duplicate, types

from mepassad_store_memory.shelf import Change

Key = tuple[Any, ...]

KINDS: dict[str, Any] = {
    "account": types.Account,
    "contact": types.Contact,
    "deposit": int,  # when a mailbox node took a packet
    "event": types.Event,
    "invite": types.Invite,
    "key": types.PrivateKey,
    "message": types.Message,
    "outgoing": types.Outgoing,
    "quarantine": types.Quarantined,
    "receipt": types.Receipt,
    "request": str,  # the message that a request made
    "seen": tuple[int, str],  # when a packet was marked, and the message that it brought
    "session": types.Session,
    "setting": bytes,
    "skipped": bytes,
    "state": bytes,  # of plugins
}
"""The tables, and what a row of each is. Keys begin with the account or plugin, but for accounts and events."""


class Entry(NamedTuple):
    """A row and its place among all rows: older ones have lower numbers."""

    serial: int
    row: Any


class Done(NamedTuple):
    """One change: what was there before, and what is to be kept."""

    table: str
    key: Key
    before: Entry | None
    change: Change


class Rows:
    """All rows of a node. `event` is the number of the last event."""

    def __init__(self, kept: Iterable[Change]) -> None:
        """`kept`: what was kept, in the order of their places."""
        self._tables: dict[str, dict[Key, Entry]] = {kind: {} for kind in KINDS}
        self._done: list[Done] = []
        self.serial = self.event = 0
        for table, key, self.serial, value in kept:
            row = msgspec.msgpack.decode(value or b"", type=KINDS[table])
            self._tables[table][tuple(msgspec.msgpack.decode(key))] = Entry(self.serial, row)
            if table == "event":
                self.event = row.seq

    def all(self, table: str, account: str | None = None) -> list[Any]:
        """All rows, or those of an account, oldest first."""
        entries = [entry for key, entry in self._tables[table].items() if account in (None, key[0])]
        return [entry.row for entry in sorted(entries, key=lambda entry: entry.serial)]

    def below(self, table: str, *key: Any) -> dict[Any, Any]:
        """The rows whose keys have one part more, by that part, oldest first."""
        entries = [(found[-1], entry) for found, entry in self._tables[table].items() if found[:-1] == key]
        return {part: entry.row for part, entry in sorted(entries, key=lambda one: one[1].serial)}

    def items(self, table: str) -> list[tuple[Key, Any]]:
        """The rows of a table with their keys."""
        return [(key, entry.row) for key, entry in self._tables[table].items()]

    def get(self, table: str, *key: Any) -> Any:
        """A row by its key, else None."""
        entry = self._tables[table].get(key)
        return entry.row if entry else None

    # -- changes

    def put(self, table: str, key: Key, row: Any) -> None:
        """Add or replace a row, which keeps its place then. Raises ValueError where UTF-8 cannot hold its text."""
        before = self._tables[table].get(key)
        serial = before.serial if before else self.serial + 1
        change = Change(table, msgspec.msgpack.encode(key), serial, msgspec.msgpack.encode(row))
        self.serial = max(serial, self.serial)
        self._tables[table][key] = Entry(serial, row)
        self._done.append(Done(table, key, before, change))

    def add(self, table: str, key: Key, row: Any) -> None:
        """Add a row. Raises `Duplicate` where there is one."""
        if key in self._tables[table]:
            raise Duplicate
        self.put(table, key, row)

    def drop(self, table: str, key: Key) -> None:
        """Forget a row; an unknown one is ignored."""
        if before := self._tables[table].pop(key, None):
            self._done.append(Done(table, key, before, Change(table, msgspec.msgpack.encode(key), 0, None)))

    def mark(self) -> tuple[int, int]:
        """Where things stand now, for `undo`."""
        return len(self._done), self.event

    def undo(self, mark: tuple[int, int]) -> None:
        """Go back to where things stood."""
        length, self.event = mark
        while len(self._done) > length:
            table, key, before, _ = self._done.pop()
            if before is None:
                del self._tables[table][key]
            else:
                self._tables[table][key] = before

    def changes(self) -> list[Change]:
        """What is to be kept of all that is not settled; of a row that changed twice, the last."""
        return list({(one.table, one.key): one.change for one in self._done}.values())

    def settle(self) -> None:
        """It is kept now."""
        self._done.clear()
