"""Brings a database to the newest version: numbered SQL files, each in one transaction, a backup before each."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from importlib import resources
from pathlib import Path

from mepassad.api import StoreBroken, StoreTooNew

STORE = "mepassad.builtin.store_sqlite.migrations"


def shipped(package: str = STORE) -> list[str]:
    """The migrations of this version in a package, in order; the n-th leads to version n."""
    folder = resources.files(package)
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [file.read_text(encoding="utf-8") for file in files]


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Apply what is missing. Raises `StoreTooNew`, `StoreBroken` for a database of another program, `sqlite3.Error`."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise StoreTooNew(
            f"{path} is of version {version}, this mepassad knows up to {len(migrations)}: use the newer mepassad, "
            "or restore the backup that it made beside the file."
        )
    is_new = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if version == 0 and not is_new:
        raise StoreBroken(f"{path} is a database of another program.")
    for number in range(version, len(migrations)):
        if not is_new:
            back_up(connection, backup_path(path, number))
        _apply(connection, migrations[number], number + 1)


def backup_path(path: Path, version: int) -> Path:
    """Where the backup of a version lies."""
    return path.with_name(f"{path.name}.v{version}.backup")


def back_up(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the database (0600); the target is whole and on disk, or was not touched."""
    unfinished = target.with_name(target.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(unfinished)) as copy:
        connection.backup(copy)
    unfinished.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def drop_old_backups(path: Path, made_before: float) -> None:
    """Delete backups made before a time (Unix seconds): they hold keys that the database has long forgotten."""
    for backup in path.parent.glob(f"{path.name}.v*.backup*"):
        if backup.stat().st_mtime < made_before:
            backup.unlink()


def _apply(connection: sqlite3.Connection, script: str, version: int) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.rollback()
        raise
