"""Opening a database: migrations with backups, private files, and everything that is no database of ours."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mepassad.api import StoreBroken, StoreBusy, StoreTooNew
from mepassad.api.writes import AddMessage
from mepassad.builtin.store_sqlite import database, migrations
from mepassad.builtin.store_sqlite.migrate import backup_path, drop_old_backups, shipped
from mepassad.builtin.store_sqlite.store import SqliteStore, open_store
from mepassad.testing.store_rows import ANA, a_message, commit, converse, message_id
from tests.examples import examples

OpenStore: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]

NEXT = "CREATE TABLE novelty (id TEXT PRIMARY KEY) STRICT;"


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("PRAGMA user_version").fetchone()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_new_database_is_of_the_newest_version_and_needs_no_backup(path: Path, opened: OpenStore) -> None:
    async with opened():
        pass
    assert version(path) == len(shipped())
    assert list(path.parent.iterdir()) == [path]


async def test_folder_and_files_are_shut_to_others_whatever_they_were(path: Path, opened: OpenStore) -> None:
    path.parent.mkdir(mode=0o755)
    path.touch(mode=0o644)
    before = os.umask(0)
    try:
        async with opened() as store:
            await converse(store, a_message(1))
            files = sorted(path.parent.iterdir())
            assert [file.name for file in files] == ["node.db", "node.db-shm", "node.db-wal"]
            assert {mode(file) for file in files} == {0o600}
            assert mode(path.parent) == 0o700
    finally:
        os.umask(before)


async def test_a_migration_keeps_the_rows_and_a_private_backup_of_the_version_before(
    path: Path, opened: OpenStore
) -> None:
    async with opened() as store:
        await converse(store, a_message(1))
    before = len(shipped())
    async with opened(migrations=[*shipped(), NEXT, "DROP TABLE novelty;"]) as store:
        assert await store.message(ANA, message_id(1)) is not None
    assert version(path) == before + 2
    assert [version(backup_path(path, number)) for number in (before, before + 1)] == [before, before + 1]
    with closing(sqlite3.connect(backup_path(path, before))) as backup:
        assert backup.execute("SELECT id FROM message").fetchall() == [(message_id(1),)]
    assert mode(backup_path(path, before)) == 0o600


async def test_a_migration_that_fails_changes_nothing(path: Path, opened: OpenStore) -> None:
    async with opened() as store:
        await converse(store, a_message(1))
    with pytest.raises(StoreBroken, match=str(path)):
        async with opened(migrations=[*shipped(), f"{NEXT} INSERT INTO nowhere VALUES (1);"]):
            pass
    async with opened() as store:
        assert await store.message(ANA, message_id(1)) is not None
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT name FROM sqlite_schema WHERE name = 'novelty'").fetchall() == []


async def test_a_database_of_a_newer_version_is_refused_untouched(path: Path, opened: OpenStore) -> None:
    async with opened(migrations=[*shipped(), NEXT]):
        pass
    with pytest.raises(StoreTooNew, match=r"node\.db is of version 5, this mepassad knows up to 4"):
        async with opened():
            pass
    assert version(path) == len(shipped()) + 1


async def test_a_database_of_another_program_is_refused(path: Path, opened: OpenStore) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE theirs (id)")
    with pytest.raises(StoreBroken, match="another program"):
        async with opened():
            pass


async def test_a_path_that_cannot_be_a_file_is_refused_by_name(path: Path, opened: OpenStore) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreBroken, match=r"node\.db cannot be used: Is a directory"):
        async with opened():
            pass


async def test_a_database_that_another_program_holds_is_told(
    path: Path, opened: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.02)
    async with opened() as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusy, match="Another program"):
                await commit(store, AddMessage(a_message(1)))
            other.execute("ROLLBACK")
        await commit(store, AddMessage(a_message(1)))


@given(junk=st.binary(min_size=1, max_size=8_192))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_file_of_junk_is_refused_by_name(path: Path, opened: OpenStore, junk: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(junk)
    with pytest.raises(StoreBroken, match=str(path)):
        async with opened():
            pass


@given(at=st.integers(min_value=0, max_value=30), junk=st.binary(min_size=64, max_size=4_096))
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_damaged_page_is_a_named_error_or_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory, at: int, junk: bytes
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "node.db"

    async def use() -> None:
        async with open_store(path, cache_mb=1, queue_limit=9, backups_made_before=0) as store:
            for number in range(20):
                await commit(store, AddMessage(a_message(number, id=os.urandom(8).hex(), text="x" * 300)))
            await store.search(ANA, "x", 9, None)
            await store.conversations(ANA)

    await use()
    with path.open("r+b") as pages:
        pages.seek(at * 4_096)
        pages.write(junk)
    try:
        await use()
    except StoreBroken as error:
        assert str(path) in error.sentence  # noqa: PT017


async def test_an_old_backup_is_deleted_at_the_next_start(path: Path, opened: OpenStore) -> None:
    async with opened():
        pass
    async with opened(migrations=[*shipped(), NEXT]):
        pass
    assert backup_path(path, len(shipped())).exists()
    made = backup_path(path, len(shipped())).stat().st_mtime
    async with opened(migrations=[*shipped(), NEXT], backups_made_before=made):
        assert backup_path(path, len(shipped())).exists()
    async with opened(migrations=[*shipped(), NEXT], backups_made_before=made + 1):
        assert not backup_path(path, len(shipped())).exists()


async def test_a_sqlite_that_is_too_old_is_told(opened: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    with pytest.raises(StoreBroken, match=r"SQLite 3\.38 or newer is needed"):
        async with opened():
            pass


def test_the_migrations_are_numbered_without_a_gap() -> None:
    names = sorted(file.name for file in Path(migrations.__file__).parent.glob("*.sql"))
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]


def test_backups_are_deleted_when_they_are_old_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "node.db"
    old, young = backup_path(path, 1), backup_path(path, 2)
    for file, made in ((path, 0), (old, 999), (young, 1_000), (tmp_path / "other.v1.backup", 0)):
        file.touch()
        os.utime(file, (made, made))
    drop_old_backups(path, made_before=1_000)
    assert {file.name for file in tmp_path.iterdir()} == {"node.db", young.name, "other.v1.backup"}
