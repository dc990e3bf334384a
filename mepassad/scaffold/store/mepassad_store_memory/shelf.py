"""What is durable: rows as bytes by table and key, in one SQLite file. To keep them elsewhere, change this file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from mepassad.api import StoreBroken, StoreFull, StoreTooNew

VERSION = 1


class Change(NamedTuple):
    """A row that is to be kept as it is now, or dropped where `value` is None. `serial`: its place among the rows."""

    table: str
    key: bytes
    serial: int
    value: bytes | None


class Shelf:
    """Keeps rows. All of them are read once, at the start."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises `StoreBroken`, `StoreTooNew`, `StoreFull`."""
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            self._file = sqlite3.connect(path, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise _translated(error, path) from error
        try:
            self._prepare()
        except BaseException:
            self._file.close()
            raise

    def _prepare(self) -> None:
        try:
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.execute("PRAGMA secure_delete = ON")  # what is dropped is overwritten: it may have been a key
            (version,) = self._file.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StoreTooNew(f"{self._path} was written by a newer version of this plugin; install that.")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS row (kind TEXT, key BLOB, serial INTEGER NOT NULL, value BLOB NOT NULL, "
                "PRIMARY KEY (kind, key)) WITHOUT ROWID"
            )
            self._file.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.Error as error:
            raise _translated(error, self._path) from error

    def rows(self) -> Iterator[Change]:
        """All rows, in their places. Raises `StoreBroken`."""
        try:
            for row in self._file.execute("SELECT kind, key, serial, value FROM row ORDER BY serial"):
                yield Change(*row)
        except sqlite3.Error as error:
            raise _translated(error, self._path) from error

    def keep(self, changes: Iterable[Change]) -> None:
        """Make changes durable: all of them, or none and raises `StoreFull` or `StoreBroken`."""
        changes = list(changes)
        kept = [tuple(one) for one in changes if one.value is not None]
        dropped = [(one.table, one.key) for one in changes if one.value is None]
        try:
            with self._file:
                self._file.execute("BEGIN IMMEDIATE")
                self._file.executemany("DELETE FROM row WHERE kind = ? AND key = ?", dropped)
                self._file.executemany("INSERT OR REPLACE INTO row VALUES (?, ?, ?, ?)", kept)
        except sqlite3.Error as error:
            raise _translated(error, self._path) from error

    def size(self) -> int:
        """Bytes on the disk."""
        return self._path.stat().st_size

    def close(self) -> None:
        """Close the file; everything is on the disk already."""
        self._file.close()


def _translated(error: Exception, path: Path) -> StoreFull | StoreBroken:
    full = isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return StoreFull(f"There is no room for {path}.") if full else StoreBroken(f"{path} cannot be used: {error}.")
