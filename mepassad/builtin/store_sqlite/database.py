"""The database file: private to the user, opened the same way by everybody."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from mepassad.api import StoreBroken

OLDEST_SQLITE = (3, 38, 0)  # STRICT tables, json_each built in

BUSY_SECONDS = 5.0  # how long to wait for another program that holds the file
_MAGIC = b"SQLite format 3\0"

SYNCHRONOUS = "FULL"  # every commit is fsynced: what was confirmed outlives a power cut


def make_private(path: Path) -> None:
    """Make folder and file if they are missing, and shut others out (0700, 0600).

    SQLite gives its -wal and -shm files the mode of the database. Raises `OSError`, and `StoreBroken` for a file that
    is no database; SQLite itself would write over a short one.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) not in (b"", _MAGIC):
            raise StoreBroken(f"{path} is not a database.")


def connect(path: Path, cache_mb: int) -> sqlite3.Connection:
    """The writing connection, in autocommit mode, with a page cache of `cache_mb` MiB. Raises `sqlite3.Error`, and
    `StoreBroken` where this Python's SQLite is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreBroken(f"SQLite 3.38 or newer is needed; this Python brings {sqlite3.sqlite_version}.")
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        # Used-up keys and erased messages are overwritten, not only unlinked, for the day the disk is stolen.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = {-1024 * cache_mb}")
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
