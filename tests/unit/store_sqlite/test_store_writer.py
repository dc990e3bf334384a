"""The writer: what gathers in a tick is one batch; a full queue refuses."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest

from mepassad.api import StoreBroken, StoreBusy
from mepassad.api.store import Commit
from mepassad.api.writes import AddEvent, AddMessage, MarkSeen, SetMessageState, SetSetting
from mepassad.builtin.store_sqlite import database, writer
from mepassad.builtin.store_sqlite.batches import Batches
from mepassad.builtin.store_sqlite.migrate import migrate, shipped
from mepassad.builtin.store_sqlite.store import SqliteStore
from mepassad.testing.store_rows import ANA, a_message, commit, message_id, texts

OpenStore: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]


async def test_commits_of_one_tick_share_a_batch(opened: OpenStore) -> None:
    async with opened() as store:
        await asyncio.gather(*(commit(store, MarkSeen(ANA, b"%d" % n, 1)) for n in range(28)))
        assert (store.stats()["commits"], store.stats()["batches"]) == (28, 1)


async def test_what_comes_while_the_writer_works_is_the_next_batch(opened: OpenStore) -> None:
    async with opened() as store:
        first = commit(store, SetSetting("", "a", b""))
        await asyncio.sleep(0)  # the end of the tick: the writer has the first
        rest = [commit(store, SetSetting("", "b", b"")) for _ in range(9)]
        assert store.stats()["queued"] == 9
        await asyncio.gather(first, *rest)
        assert (store.stats()["batches"], store.stats()["queued"]) == (2, 0)


@pytest.mark.parametrize(("limit", "refused"), [(10, 0), (9, 1)])
async def test_commits_above_the_limit_of_the_queue_are_refused(opened: OpenStore, limit: int, refused: int) -> None:
    async with opened(queue_limit=limit) as store:
        writes = (commit(store, SetSetting("", str(n), b"")) for n in range(10))
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(result) for result in results].count(StoreBusy) == refused
        await commit(store, SetSetting("", "later", b""))


async def test_closing_waits_for_the_batch_in_work_and_for_what_gathered_behind_it(path: Path) -> None:
    database.make_private(path)
    connection = database.connect(path, cache_mb=1)
    migrate(connection, path, shipped())
    one = writer.Writer(Batches(connection, path), limit=9)
    first = one.commit(Commit((SetSetting("", "a", b""),)))
    await asyncio.sleep(0)
    second = one.commit(Commit((SetSetting("", "b", b""),)))
    await one.close()
    assert (first.done(), second.done()) == (True, True)


async def test_a_closed_store_takes_no_commits(opened: OpenStore) -> None:
    async with opened() as store:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        store.commit(Commit(()))


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (SetMessageState(ANA, message_id(1), "vanished"), ValueError),
        (AddMessage(a_message(1, sort_ms=1 << 63)), OverflowError),
        (AddMessage(a_message(1, text="\ud800")), ValueError),
        (SetSetting("", "key", 7), sqlite3.IntegrityError),  # type: ignore[arg-type]
        (Commit(()), KeyError),
    ],
)
async def test_a_commit_that_makes_no_sense_fails_alone(opened: OpenStore, write: Any, error: type[Exception]) -> None:
    async with opened() as store:
        good, bad, last = await asyncio.gather(
            commit(store, AddEvent(ANA, "topic", "good", 1)),
            commit(store, AddEvent(ANA, "topic", "bad", 1), write),
            commit(store, AddEvent(ANA, "topic", "last", 1)),
            return_exceptions=True,
        )
        assert isinstance(bad, error)
        assert [event.object for event in await store.events(0, 9, None)] == ["good", "last"]
        assert (good.seqs, last.seqs) == ((1,), (2,))  # type: ignore[union-attr]


async def test_words_are_indexed_without_a_search_when_the_store_is_idle_or_much_came(
    path: Path, opened: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "INDEX_AFTER_SECONDS", 60.0)
    monkeypatch.setattr(writer, "INDEX_AFTER_COMMITS", 3)

    async with opened() as store:

        async def mark() -> int:
            return int(await store._value("SELECT seq FROM message_text_mark"))

        for number in (1, 2):
            await commit(store, AddMessage(a_message(number)))
        assert await mark() == 0
        await commit(store, AddMessage(a_message(3)))
        await commit(store)
        assert await mark() == 3
        monkeypatch.setattr(writer, "INDEX_AFTER_SECONDS", 0.0)
        await commit(store, AddMessage(a_message(4)))
        with anyio.fail_after(30):
            while await mark() < 4:
                await asyncio.sleep(0)
        assert await texts(store, "text") == ["text 4", "text 3", "text 2", "text 1"]


async def test_half_a_character_is_a_value_error_that_does_not_show_the_text(opened: OpenStore) -> None:
    async with opened() as store:
        for attempt in (
            commit(store, AddMessage(a_message(1, text="canary\ud800"))),
            store.message_by_request(ANA, "canary\ud800"),
        ):
            with pytest.raises(ValueError, match="half a character") as caught:
                await attempt
            assert "canary" not in repr(caught.value)
            assert caught.value.__cause__ is None


async def test_readers_cannot_write(opened: OpenStore) -> None:
    async with opened() as store:
        with pytest.raises(StoreBroken, match="readonly"):
            await store._value("DELETE FROM event")


async def test_what_is_searched_for_is_in_no_log(opened: OpenStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened() as store:
        await commit(store, AddMessage(a_message(1, text="canary")))
        await texts(store, "canary")
        await store.message_by_request(ANA, "canary")
    assert "canary" not in caplog.text
