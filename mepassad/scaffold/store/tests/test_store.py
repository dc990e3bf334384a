"""The store keeps the contract of stores, and what it says of its file."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from mepassad.api import StoreBroken, StoreBusy, StoreFull, StoreTooNew
from mepassad.api.store import Store
from mepassad.api.writes import DropKeys, PutKeys, SetSetting
from mepassad.testing.component import live
from mepassad.testing.store_contract import StoreContract
from mepassad.testing.store_fixture import MakeStore, StoreFixture
from mepassad.testing.store_rows import ANA, a_key, commit

from mepassad_store_memory.plugin import component
from mepassad_store_memory.store import QUEUE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the store of a test."""
    return tmp_path / "folder"


@pytest.fixture
def make_store(folder: Path) -> MakeStore:
    """Opens the store of a test, again and again."""
    return lambda: live(component, config=None, folder=folder)


class TestMemoryStore(StoreContract):
    pass


class TestItsFile(StoreFixture):
    async def test_only_its_user_may_read_it(self, folder: Path, store: Store) -> None:
        await commit(store, SetSetting("", "key", b"value"))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}

    async def test_what_was_kept_is_there_after_a_crash(self, folder: Path, store: Store, tmp_path: Path) -> None:
        await commit(store, SetSetting("", "key", b"value"))
        shutil.copytree(folder, tmp_path / "after the crash")
        async with live(component, config=None, folder=tmp_path / "after the crash") as again:
            assert await again.setting("", "key") == b"value"

    async def test_what_was_dropped_is_not_in_it_any_more(self, folder: Path, make_store: MakeStore) -> None:
        secret = b"the secret of a key" * 20
        async with make_store() as store:
            await commit(store, PutKeys((a_key(1, secret=secret),)))
        assert secret in b"".join(path.read_bytes() for path in folder.iterdir())
        async with make_store() as store:
            await commit(store, DropKeys(ANA, (1,)))
        assert secret not in b"".join(path.read_bytes() for path in folder.iterdir())

    async def test_a_full_disk_refuses_and_nothing_is_half_there(self, make_store: MakeStore, folder: Path) -> None:
        async with make_store() as store:
            await commit(store, SetSetting("", "before", b"value"))
            shelf = store._shelf._file  # type: ignore[attr-defined]
            shelf.execute("PRAGMA max_page_count = 10")
            both = SetSetting("", "small", b"value"), SetSetting("", "large", bytes(100_000))
            results = await asyncio.gather(*(commit(store, write) for write in both), return_exceptions=True)
            assert [type(result) for result in results] == [StoreFull, StoreFull]
            assert await store.settings("") == {"before": b"value"}
            shelf.execute("PRAGMA max_page_count = 1000")
            await commit(store, both[1])
        async with make_store() as store:
            assert set(await store.settings("")) == {"before", "large"}

    async def test_too_many_commits_at_once_are_refused(self, store: Store) -> None:
        waiting = [commit(store, SetSetting("", "key", b"%d" % number)) for number in range(QUEUE + 1)]
        with pytest.raises(StoreBusy):
            await waiting.pop()
        await asyncio.gather(*waiting)
        assert await store.setting("", "key") == b"%d" % (QUEUE - 1)

    async def test_a_commit_that_makes_no_sense_fails_alone(self, store: Store) -> None:
        class Nonsense(SetSetting, frozen=True):
            pass

        both = Nonsense("", "key", b"value"), SetSetting("", "other", b"value")
        results = await asyncio.gather(*(commit(store, write) for write in both), return_exceptions=True)
        assert isinstance(results[0], LookupError)
        assert await store.settings("") == {"other": b"value"}

    @pytest.mark.parametrize(
        ("statement", "error"),
        [
            ("PRAGMA user_version = 2", StoreTooNew),
            ("INSERT INTO row VALUES ('account', x'91a161', 1, x'c1')", StoreBroken),
            ("INSERT INTO row VALUES ('account', x'91a161', 1, x'80')", StoreBroken),
            ("INSERT INTO row VALUES ('unknown', x'91a161', 1, x'80')", StoreBroken),
            ("DROP TABLE row; CREATE TABLE row (a)", StoreBroken),
        ],
    )
    async def test_a_file_that_cannot_be_read_is_told(
        self, folder: Path, make_store: MakeStore, statement: str, error: type[Exception]
    ) -> None:
        async with make_store() as store:
            await commit(store, SetSetting("", "key", b"value"))
        file = sqlite3.connect(folder / "store_memory.db")
        file.executescript(statement)
        file.close()
        with pytest.RaisesGroup(error):
            async with make_store():
                pass

    async def test_junk_is_told(self, folder: Path, make_store: MakeStore) -> None:
        folder.mkdir()
        (folder / "store_memory.db").write_bytes(b"junk" * 1000)
        with pytest.RaisesGroup(StoreBroken):
            async with make_store():
                pass
