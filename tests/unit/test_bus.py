"""The bus: facts are told once they are durable, in the order of their numbers, and a replay tells the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import cast

import anyio
import pytest

from mepassad.api import StoreFull
from mepassad.api.store import Commit, Committed, Store
from mepassad.api.types import AccountId
from mepassad.api.writes import AddEvent
from mepassad.bus import Bus, Change, Fact, Signal
from mepassad.testing.nodes import Nodes, RunningNode, eventually

ME = AccountId("me")


class Shelf:
    """A store whose commits end when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Commit, asyncio.Future[Committed]]] = []
        self.seq = 0

    def commit(self, commit: Commit) -> Awaitable[Committed]:
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((commit, future))
        return future

    def settle(self) -> None:
        for commit, future in self.waiting:
            events = [write for write in commit.writes if isinstance(write, AddEvent)]
            numbers = tuple(range(self.seq + 1, self.seq + 1 + len(events)))
            self.seq += len(events)
            if not future.done():
                future.set_result(Committed(numbers))
        self.waiting.clear()

    def refuse(self) -> None:
        for _, future in self.waiting:
            future.set_exception(StoreFull())
        self.waiting.clear()


def made(shelf: Shelf) -> tuple[Bus, list[Fact | Signal]]:
    store: Store = shelf  # type: ignore[assignment]
    bus, told = Bus(store, 0), list[Fact | Signal]()
    bus.subscribe(told.append)
    return bus, told


def change(*objects: str) -> Change:
    new = Change()
    for name in objects:
        new.fact(ME, "message.sent", name, {"message_id": name}, 1)
    return new


def names(told: Sequence[Fact | Signal]) -> list[object]:
    return [one.data["message_id"] for one in told]


async def test_a_fact_is_told_when_it_is_durable_and_not_before() -> None:
    shelf = Shelf()
    bus, told = made(shelf)
    kept = bus.keep(change("a"))
    await anyio.wait_all_tasks_blocked()
    assert told == []
    shelf.settle()
    assert await kept == Committed((1,))
    assert told == [Fact(1, "me", "message.sent", {"message_id": "a"})]
    assert bus.newest == 1


async def test_facts_are_told_in_the_order_of_their_numbers_and_before_any_waiter_goes_on() -> None:
    shelf = Shelf()
    bus, told = made(shelf)
    seen: list[int] = []

    async def wait(kept: asyncio.Future[Committed]) -> None:
        await kept
        seen.append(len(told))

    async with anyio.create_task_group() as tasks:
        for at in range(4):
            tasks.start_soon(wait, bus.keep(change(f"{at}a", f"{at}b")))
        await anyio.wait_all_tasks_blocked()
        shelf.settle()
    assert names(told) == [f"{at}{letter}" for at in range(4) for letter in "ab"]
    assert [one.seq for one in told if isinstance(one, Fact)] == list(range(1, 9))
    assert all(count >= 2 * (at + 1) for at, count in enumerate(seen))


async def test_a_fact_that_was_not_kept_is_not_told() -> None:
    shelf = Shelf()
    bus, told = made(shelf)
    kept = bus.keep(change("a"))
    shelf.refuse()
    with pytest.raises(StoreFull):
        await kept
    assert told == []


async def test_a_waiter_that_is_cancelled_takes_no_fact_with_it() -> None:
    shelf = Shelf()
    bus, told = made(shelf)
    kept = bus.keep(change("a"))
    kept.cancel()
    await anyio.lowlevel.checkpoint()
    shelf.settle()
    await anyio.wait_all_tasks_blocked()
    assert names(told) == ["a"]


async def test_a_change_without_facts_is_kept_in_silence() -> None:
    shelf = Shelf()
    bus, told = made(shelf)
    kept = bus.keep(Change())
    shelf.settle()
    assert await kept == Committed(())
    assert told == []


async def test_whoever_ended_a_subscription_hears_no_more_and_may_do_so_while_hearing() -> None:
    shelf = Shelf()
    bus, told = made(shelf)
    heard: list[object] = []

    def once(event: Fact | Signal) -> None:
        heard.append(event.data["message_id"])
        end()

    end = bus.subscribe(once)
    bus.keep(change("a", "b"))
    shelf.settle()
    await anyio.wait_all_tasks_blocked()
    assert heard == ["a"]
    assert names(told) == ["a", "b"]


def test_a_signal_is_told_at_once_and_has_no_number() -> None:
    bus, told = made(Shelf())
    bus.signal(Signal(ME, "typing", {"message_id": "x"}))
    assert names(told) == ["x"]
    assert bus.newest == 0


# -- over a real node


async def replayed(node: RunningNode) -> list[Fact]:
    return await node.node.bus.replay(0, 1000, None)


async def test_a_replay_tells_what_was_told_live_with_the_rows_of_today(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    message = await ana.node.outbox.submit(ana.account, bob.account, "hi")
    await ana.node.outbox.submit(ana.account, bob.account, "re", reply_to=message.id)
    await eventually(lambda: len(ana.facts("message.delivered")) == 2)
    await bob.node.conversations.mark_read(bob.account, message.id)
    await eventually(lambda: len(ana.facts("message.read")) == 1)
    for node in (ana, bob):
        live = [event for event in node.events if isinstance(event, Fact)]
        told = await replayed(node)
        assert [(fact.seq, fact.topic) for fact in told] == [(fact.seq, fact.topic) for fact in live]
        assert [fact.seq for fact in told] == list(range(1, len(told) + 1))
        for now, then in zip(told, live, strict=True):
            if now.topic in ("message.received", "contact.added"):
                assert now.data == then.data
            assert set(then.data) <= set(now.data)
    assert [fact.data["state"] for fact in await replayed(ana) if fact.topic == "message.sent"] == ["read", "delivered"]


async def test_a_replay_of_what_was_erased_tells_only_its_id(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    message = await bob.say(ana, "soon gone")
    await eventually(lambda: len(ana.texts()) == 1)
    await ana.node.contacts.remove(ana.account, bob.account)
    told = {fact.topic: fact.data for fact in await replayed(ana)}
    assert told["message.received"] == {"account": ana.account, "message_id": message.id}
    removed = {"account": ana.account, "contact": bob.account, "state": "removed"}
    assert told["contact.added"] == told["contact.changed"] == removed
    assert ana.facts("contact.changed")[-1] == removed


async def test_a_replay_goes_on_where_it_is_told_to_and_filters_topics(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    for n in range(5):
        await ana.say(bob, str(n))
    await eventually(lambda: len(bob.texts()) == 5)
    replay = bob.node.bus.replay
    first = await replay(0, 3, ["message.received"])
    rest = await replay(first[-1].seq, 100, ["message.received"])
    assert [fact.data["text"] for fact in [*first, *rest]] == list("01234")
    assert await replay(bob.node.bus.newest, 100, None) == []
    assert await bob.node.bus.oldest() == 1
    bob = await nodes.restart("bob")
    assert bob.node.bus.newest >= rest[-1].seq


async def test_a_follow_up_that_fails_leaves_nobody_waiting() -> None:
    shelf = Shelf()
    bus, change, told = Bus(cast(Store, shelf), 0), Change(), list[Fact | Signal]()
    bus.subscribe(told.append)
    change.fact(ME, "topic", "object", {}, 0)
    for _ in range(2):
        change.then(lambda: 1 // 0)
    mistakes = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: mistakes.append(context["exception"]))
    kept = bus.keep(change)
    await anyio.lowlevel.checkpoint()
    shelf.settle()
    with anyio.fail_after(5):
        assert await kept == Committed((1,))
    assert len(told) == 1
    assert [type(mistake) for mistake in mistakes] == [ZeroDivisionError] * 2
