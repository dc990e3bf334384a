"""The database file: private to the user, opened the same way by everybody."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from mepassad.api import StoreBroken

OLDEST_SQLITE = (3, 38, 0)  # STRICT tables, json_each built in

# secure_delete: used-up keys and erased messages are overwritten, not only unlinked, for the day the disk is stolen.
_WRITER = ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY")


def make_private(path: Path) -> None:
    """Make folder and file if they are missing, and shut others out (0700, 0600); SQLite gives its -wal and -shm
    files the mode of the database. Raises `StoreBroken`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise StoreBroken(f"The database {path} cannot be used: {error.strerror}.") from error


def connect(path: Path, cache_mb: int) -> sqlite3.Connection:
    """The writing connection, in autocommit mode, with a page cache of `cache_mb` MiB. Raises `sqlite3.Error`, and
    `StoreBroken` where this Python's SQLite is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreBroken(f"SQLite 3.38 or newer is needed; this Python brings {sqlite3.sqlite_version}.")
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        for pragma in (*_WRITER, f"cache_size = {-1024 * cache_mb}"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def size(path: Path) -> int:
    """Bytes on disk, with what waits in the write-ahead log."""
    total = 0
    for part in (path, path.with_name(path.name + "-wal")):
        try:
            total += part.stat().st_size
        except FileNotFoundError:
            continue
    return total
