"""Files with secrets in them: made for this user alone, and read only where nobody else can."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from mepassa.cli.i18n import _

MAX_SECRET = 4096  # bytes of a file that a secret is read from


def read_secret(path: Path) -> str:
    """The secret in a file, without white space around it. Raises click.UsageError where others may read the file."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise click.UsageError(_("{path} can be read by others; run: chmod 600 {path}").format(path=path))
            secret = file.read(MAX_SECRET).decode().strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8"
        raise click.UsageError(_("{path} cannot be read: {reason}.").format(path=path, reason=reason)) from None
    if not secret:
        raise click.UsageError(_("{path} is empty.").format(path=path))
    return secret


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file 0600 to write to; it is removed again where the work with it fails. Raises click.UsageError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.UsageError(_("{path} is there already; name another file.").format(path=path)) from None
    except OSError as error:
        told = _("{path} cannot be written: {reason}.").format(path=path, reason=error.strerror)
        raise click.UsageError(told) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
