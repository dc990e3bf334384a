"""A full disk: refused with `StoreFull`, nothing corrupted, and work goes on as soon as there is room."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mepassad.api import StoreBroken, StoreFull
from mepassad.api.writes import AddEvent, AddMessage, AddOutgoing, PutSession
from mepassad.builtin.store_sqlite.failures import translate
from mepassad.builtin.store_sqlite.store import SqliteStore, open_store
from mepassad.testing.store_rows import (
    ANA,
    a_message,
    a_session,
    an_outgoing,
    commit,
    conversation_with,
    message_id,
    texts,
)

DISK_BYTES = 4 << 20
BALLAST_BYTES = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, a quarter of it taken by a file `ballast`."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount the small disk that this test fills")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True)
    try:
        (folder / "ballast").write_bytes(bytes(BALLAST_BYTES))
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path, leave: int) -> None:
    """Take all room but `leave` bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "filler").write_bytes(bytes(max(free - leave, 0)))


async def keep(store: SqliteStore, number: int, length: int = 4_000) -> None:
    text = f"word{number} " + "x" * length
    await commit(
        store,
        AddMessage(a_message(number, text=text)),
        AddOutgoing(an_outgoing(number, packet=bytes(length))),
        PutSession(a_session(number)),
        AddEvent(ANA, "message.received", message_id(number), number),
    )


async def keep_until_full(store: SqliteStore, first: int) -> int:
    """Keep messages until one is refused; its number."""
    for number in range(first, 10_000):
        try:
            await keep(store, number)
        except StoreFull:
            return number
    raise AssertionError("the disk never filled")


async def assert_kept(store: SqliteStore, count: int) -> None:
    page = await store.messages(ANA, conversation_with(a_message(1).contact), 10_000, None)
    assert [row.id for row in reversed(page.items)] == [message_id(number) for number in range(1, count + 1)]
    assert await store.event_range() == (1, count)
    assert [row.version for row in await store.sessions(ANA)] == [count]


@pytest.mark.parametrize("leave", [0, 4_096, 40_960, 400_000])
async def test_a_full_disk_refuses_until_there_is_room_and_loses_nothing(disk: Path, leave: int) -> None:
    path = disk / "store" / "node.db"
    async with open_store(path, cache_mb=1, queue_limit=9, backups_made_before=0) as store:
        await keep(store, 1)
        fill(disk, leave)
        refused = await keep_until_full(store, 2)
        for _ in range(20):
            with pytest.raises(StoreFull):
                await keep(store, refused)
        await assert_kept(store, refused - 1)
        await texts(store, "word1")  # may miss messages that could not be indexed any more, but answers
        (disk / "ballast").unlink()
        for number in range(refused, refused + 10):
            await keep(store, number)
        await assert_kept(store, refused + 9)
        assert len(await texts(store, f"word{refused + 9}")) == 1
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_commit_larger_than_the_room_is_refused_and_a_small_one_still_kept(disk: Path) -> None:
    async with open_store(disk / "store" / "node.db", cache_mb=1, queue_limit=9, backups_made_before=0) as store:
        await keep(store, 1)
        with pytest.raises(StoreFull):
            await keep(store, 2, length=DISK_BYTES)
        await keep(store, 2)
        await assert_kept(store, 2)


async def test_a_new_store_on_a_full_disk_is_refused(disk: Path) -> None:
    fill(disk, 0)
    with pytest.raises(StoreFull):
        async with open_store(disk / "store" / "node.db", cache_mb=1, queue_limit=9, backups_made_before=0):
            pass
    (disk / "ballast").unlink()
    async with open_store(disk / "store" / "node.db", cache_mb=1, queue_limit=9, backups_made_before=0) as store:
        await keep(store, 1)


def test_an_io_error_is_one_of_room_only_where_there_is_none(disk: Path, tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    assert isinstance(translate(error, tmp_path / "node.db"), StoreBroken)
    fill(disk, 0)
    assert isinstance(translate(error, disk / "node.db"), StoreFull)
