"""The standard streams as all sub-commands need them: there, and able to show any text."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Awaitable

import anyio

STANDARD = 2  # the highest of the three descriptors


def prepare() -> None:
    """Have all three, also where whoever began the command closed one, and show what their encoding has no form for."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lives
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


async def while_read(work: Awaitable[None]) -> None:
    """Do what writes to standard output now and then, and end it once nobody reads that any more, as the next write
    would. Raises BrokenPipeError then, and what `work` raises."""
    gone, failed = False, None

    async def watch() -> None:
        nonlocal gone
        await _reader_gone()
        gone = True
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        try:
            await work
        except Exception as error:
            failed = error  # by itself, not as one of a group
        tasks.cancel_scope.cancel()
    if failed is not None:
        raise failed
    if gone:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


async def _reader_gone() -> None:
    """Wait until a pipe has no reader; for ever where standard output is none. An end for writing is never readable,
    but it wakes those who wait for that when the other end is closed."""
    with contextlib.suppress(OSError):  # it is no file at all, but something in the memory of a test
        if stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode):
            await anyio.wait_readable(sys.stdout.fileno())
            return
    await anyio.sleep_forever()
