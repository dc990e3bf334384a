"""The border where SQLite's errors become the store's own, each a sentence that names the file."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

from mepassad.api import Duplicate, StoreBroken, StoreBusy, StoreFull

# Less free space than this makes an I/O error one of space: SQLite cannot grow its shared-memory file by 32 KiB.
NO_ROOM_BYTES = 1 << 20

_DUPLICATE = {sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_ROWID}
_NEEDS_ROOM = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def is_of_one_commit(error: Exception) -> bool:
    """Whether the commit that met this error is to blame, rather than the disk or the file.

    SQLite reports what it cannot store as one of these subclasses; what goes wrong below as `OperationalError` or
    plain `DatabaseError`.
    """
    guilty = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
    return isinstance(error, guilty) or not isinstance(error, sqlite3.Error)


def translate(error: Exception, path: Path) -> Exception:
    """The store's own error for one of SQLite's or the file system's; any other error as it is."""
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return StoreFull() if full else StoreBroken(f"The database {path} cannot be used: {error.strerror}.")
    if isinstance(error, UnicodeEncodeError):  # its repr would show the whole text
        return ValueError("a text holds half a character (a lone surrogate)")
    if not isinstance(error, sqlite3.Error):
        return error
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _DUPLICATE:
        return Duplicate()
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL or (primary in _NEEDS_ROOM and _no_room(path)):
        return StoreFull()
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"Another program holds {path}; close it and try again.")
    if is_of_one_commit(error):
        return error
    return StoreBroken(f"The database {path} cannot be used: {error}.")


def _no_room(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < NO_ROOM_BYTES
    except OSError:
        return False
