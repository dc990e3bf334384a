"""What every store must do: subclass `StoreContract` in a test module of your plugin.

The parts of the suite stand in modules of their own: `store_contract_messages`, `store_contract_delivery`,
`store_contract_people`; this one holds what is promised of commits and events, whatever they write.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from mepassad.api import Conflict, Duplicate
from mepassad.api.store import Store
from mepassad.api.writes import (
    AddEvent,
    AddMessage,
    AddOutgoing,
    DropContact,
    MarkSeen,
    PutContact,
    PutSession,
    SetSetting,
)
from mepassad.testing.store_contract_delivery import DeliveryContract
from mepassad.testing.store_contract_messages import MessageContract, SearchContract, UnreadContract
from mepassad.testing.store_contract_people import PeopleContract
from mepassad.testing.store_fixture import MakeStore, StoreFixture
from mepassad.testing.store_rows import (
    ANA,
    RUI,
    a_contact,
    a_message,
    a_session,
    an_outgoing,
    commit,
    message_id,
)


def an_event(number: int) -> AddEvent:
    return AddEvent(ANA, "message.received", message_id(number), 1_000 * number)


class CommitContract:
    """Commits: whole or not at all, in call order, each for itself."""

    async def test_a_commit_is_read_back_once_its_awaitable_ended(self, store: Store) -> None:
        await commit(store, PutContact(a_contact()), AddMessage(a_message(1)))
        found = await store.message(ANA, message_id(1))
        assert found is not None
        assert (found.text, found.state, found.incoming) == ("text 1", "received", True)

    async def test_a_commit_that_fails_in_its_last_write_keeps_none_of_them(self, store: Store) -> None:
        await commit(store, MarkSeen(ANA, b"packet", 1))
        with pytest.raises(Duplicate):
            await commit(
                store, AddMessage(a_message(1)), AddOutgoing(an_outgoing(1)), an_event(1), MarkSeen(ANA, b"packet", 2)
            )
        assert await store.message(ANA, message_id(1)) is None
        assert await store.outgoing(ANA, RUI, 0, 10) == []
        assert await store.event_range() == (1, 0)

    async def test_of_commits_in_one_tick_only_the_guilty_ones_fail(self, store: Store) -> None:
        results = await asyncio.gather(
            commit(store, AddMessage(a_message(1)), PutSession(a_session(1)), an_event(1)),
            commit(store, AddMessage(a_message(1, text="again")), an_event(2)),
            commit(store, PutSession(a_session(3)), AddMessage(a_message(3)), an_event(3)),
            commit(store, AddMessage(a_message(4)), PutSession(a_session(2)), an_event(4)),
            return_exceptions=True,
        )
        assert [type(result).__name__ for result in results] == ["Committed", "Duplicate", "Conflict", "Committed"]
        assert [event.object for event in await store.events(0, 10, None)] == [message_id(1), message_id(4)]
        assert [row.version for row in await store.sessions(ANA)] == [2]
        assert await store.message(ANA, message_id(3)) is None

    async def test_commits_take_effect_in_the_order_of_the_calls(self, store: Store) -> None:
        await asyncio.gather(*(commit(store, SetSetting("", "key", b"%d" % number)) for number in range(50)))
        assert await store.setting("", "key") == b"49"

    async def test_a_row_dropped_and_added_again_in_one_tick_is_there(self, store: Store) -> None:
        await commit(store, PutContact(a_contact()), AddMessage(a_message(1)))
        await asyncio.gather(
            commit(store, DropContact(ANA, RUI)),
            commit(store, PutContact(a_contact()), AddMessage(a_message(2))),
        )
        assert await store.message(ANA, message_id(1)) is None
        assert await store.message(ANA, message_id(2)) is not None

    async def test_a_commit_holds_though_its_caller_went_away(self, store: Store) -> None:
        waiting = asyncio.ensure_future(commit(store, SetSetting("", "key", b"value")))
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await commit(store)
        assert await store.setting("", "key") == b"value"

    async def test_everything_is_there_after_reopening(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await commit(store, PutContact(a_contact()), AddMessage(a_message(1)), PutSession(a_session(1)))
        async with make_store() as store:
            assert await store.message(ANA, message_id(1)) is not None
            assert await store.sessions(ANA) == [a_session(1)]

    async def test_leaving_the_store_waits_for_commits_that_nobody_awaited(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            pending = [commit(store, MarkSeen(ANA, b"%d" % number, 1)) for number in range(100)]
        await asyncio.gather(*pending)
        async with make_store() as store:
            assert [await store.seen(ANA, b"%d" % number) for number in range(100)] == [""] * 100

    async def test_the_counters_count(self, store: Store) -> None:
        before = store.stats()
        await asyncio.gather(*(commit(store, an_event(1), an_event(2)) for _ in range(3)))
        after = store.stats()
        assert after["commits"] - before["commits"] == 3
        assert after["writes"] - before["writes"] == 6
        assert after["batches"] > before["batches"]
        assert after["queued"] == 0
        assert after["bytes"] > 0


class SessionContract:
    """Sessions move only from the version that was read."""

    async def test_sessions_of_one_tick_follow_each_other(self, store: Store) -> None:
        await asyncio.gather(*(commit(store, PutSession(a_session(version))) for version in range(1, 30)))
        await asyncio.gather(*(commit(store, PutSession(a_session(version))) for version in range(30, 60)))
        assert await store.sessions(ANA) == [a_session(59)]

    @pytest.mark.parametrize("version", [0, 1, 2, 4])
    async def test_a_version_that_does_not_follow_is_a_conflict(self, store: Store, version: int) -> None:
        await commit(store, PutSession(a_session(1)))
        await commit(store, PutSession(a_session(2)))
        with pytest.raises(Conflict):
            await commit(store, PutSession(a_session(version)), SetSetting("", "key", b"value"))
        assert await store.sessions(ANA) == [a_session(2)]
        assert await store.setting("", "key") is None

    async def test_a_new_session_begins_at_version_one(self, store: Store) -> None:
        with pytest.raises(Conflict):
            await commit(store, PutSession(a_session(2)))
        await commit(store, PutSession(a_session(1)))


class EventContract:
    """Events have numbers that rise and never come again."""

    async def test_numbers_rise_in_the_order_of_the_commits(self, store: Store) -> None:
        results = await asyncio.gather(*(commit(store, an_event(2 * n), an_event(2 * n + 1)) for n in range(10)))
        assert [result.seqs for result in results] == [(2 * n + 1, 2 * n + 2) for n in range(10)]
        assert [event.seq for event in await store.events(0, 100, None)] == list(range(1, 21))

    async def test_a_commit_without_events_has_no_numbers(self, store: Store) -> None:
        assert (await commit(store, SetSetting("", "key", b""))).seqs == ()

    async def test_events_come_after_a_number_by_topic_and_limited(self, store: Store) -> None:
        await commit(store, *(AddEvent(ANA, f"topic.{n % 3}", f"object {n}", n) for n in range(9)))
        assert [event.seq for event in await store.events(4, 3, None)] == [5, 6, 7]
        assert [event.seq for event in await store.events(1, 9, ["topic.0", "topic.2"])] == [3, 4, 6, 7, 9]
        assert await store.events(0, 9, []) == []
        first = (await store.events(0, 1, None))[0]
        assert (first.account, first.topic, first.object, first.at_ms) == (ANA, "topic.0", "object 0", 0)

    async def test_the_range_of_numbers_is_known(self, store: Store) -> None:
        assert await store.event_range() == (1, 0)
        await commit(store, *(an_event(n) for n in range(1, 6)))
        assert await store.event_range() == (1, 5)

    @pytest.mark.parametrize(("before_ms", "keep", "oldest"), [(3_000, 9, 3), (0, 2, 4), (2_000, 3, 3), (99_999, 9, 5)])
    async def test_old_and_surplus_events_are_forgotten_but_the_newest(
        self, store: Store, before_ms: int, keep: int, oldest: int
    ) -> None:
        await commit(store, *(an_event(n) for n in range(1, 6)))
        await store.forget(0, before_ms, keep)
        assert await store.event_range() == (oldest, 5)

    async def test_a_number_never_comes_again(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await commit(store, *(an_event(n) for n in range(1, 6)))
            await store.forget(0, 99_999, 0)
        async with make_store() as store:
            assert (await commit(store, an_event(6))).seqs == (6,)


class StoreContract(
    StoreFixture,
    CommitContract,
    SessionContract,
    EventContract,
    MessageContract,
    UnreadContract,
    SearchContract,
    DeliveryContract,
    PeopleContract,
):
    """The suite. A subclass gives the fixture `make_store`; see `store_fixture`."""
