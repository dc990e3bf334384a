"""Who writes much does not keep others waiting, and nothing that was passed over is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from bot_runs import PATIENCE, echo_bot, run_until, running, until
from bots_node import BotsNode
from hypothesis import given, settings
from hypothesis import strategies as st
from mepassa import Bot, Context
from mepassa.bot import lanes as lanes_module
from mepassa.bot.attend import Seat
from mepassa.bot.lanes import Lane, Lanes
from mepassa.bot.message import Message
from mepassa.bot.progress import Progress
from mepassa.bot.turns import Turns
from wire_node import ANA, Refusal, Wire

from tests.examples import examples

BIA = "mp1bia"
ROOM = 8


@pytest.fixture(autouse=True)
def _little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "ROOM", ROOM)


def gated_bot(gate: anyio.Event, seen: list[str]) -> Bot:
    """A bot that answers Ana when the gate is open, and others at once."""
    bot = Bot("gated", answers_per_minute=None)

    @bot.message
    async def answer(ctx: Context) -> None:
        seen.append(ctx.text)
        if ctx.message.contact == ANA:
            await gate.wait()
        await ctx.reply(ctx.text)

    return bot


async def test_a_flood_does_not_keep_others_waiting_and_is_answered_in_order_once_there_is_room(
    bots: BotsNode,
) -> None:
    gate, seen = anyio.Event(), list[str]()
    flood = [str(number) for number in range(100)]
    for text in flood:
        bots.say(text, ANA)
    bots.say("me too", BIA)
    async with running(gated_bot(gate, seen), bots):
        await until(lambda: bots.texts(BIA) == ["me too"])
        assert seen == ["0", "me too"]
        assert bots.place == 0
        gate.set()
        await until(lambda: len(bots.texts(ANA)) == 100)
    assert bots.texts(ANA) == flood
    assert bots.place == 101


async def test_what_comes_while_much_was_passed_over_comes_after_it(bots: BotsNode) -> None:
    gate, seen = anyio.Event(), list[str]()
    for number in range(50):
        bots.say(str(number), ANA)
    async with running(gated_bot(gate, seen), bots):
        await until(lambda: seen == ["0"])
        for number in range(50, 60):
            bots.say(str(number), ANA)
        gate.set()
        await until(lambda: len(bots.texts(ANA)) > 20)
        for number in range(60, 70):
            bots.say(str(number), ANA)
        await until(lambda: len(bots.texts(ANA)) == 70)
    assert bots.texts(ANA) == [str(number) for number in range(70)]


async def test_floods_of_several_are_all_answered(bots: BotsNode) -> None:
    contacts = [f"mp1{number}" for number in range(5)]
    for number in range(40):
        for contact in contacts:
            bots.say(str(number), contact)
    await run_until(echo_bot(), bots, lambda: len(bots.answers) == 200)
    assert all(bots.texts(contact) == [str(number) for number in range(40)] for contact in contacts)
    assert bots.place == 200


async def test_a_bot_that_is_stopped_in_the_middle_of_a_flood_goes_on_where_it_was(bots: BotsNode) -> None:
    for number in range(60):
        bots.say(str(number), ANA)
    bots.say("me too", BIA)
    await run_until(echo_bot(), bots, lambda: len(bots.answers) > 10)
    assert bots.place <= len(bots.texts(ANA))
    await run_until(echo_bot(), bots, lambda: len(bots.answers) == 61)
    assert bots.texts(ANA) == [str(number) for number in range(60)]
    assert bots.texts(BIA) == ["me too"]


async def test_messages_that_were_passed_over_and_erased_since_keep_nobody_waiting(bots: BotsNode) -> None:
    gate, seen = anyio.Event(), list[str]()
    for number in range(50):
        bots.say(str(number), ANA)
    async with running(gated_bot(gate, seen), bots):
        await until(lambda: seen == ["0"])
        await anyio.wait_all_tasks_blocked()
        for number in range(20, 50):
            bots.log[number] = ("message.received", {"account": "mp1me", "message_id": f"m{number + 1}"})
        gate.set()
        await until(lambda: len(bots.texts(ANA)) == 20)
        with anyio.fail_after(PATIENCE):
            while bots.place < len(bots.log):  # an answer tells the node how far the bot is
                bots.say("are you there?", BIA)
                await until(lambda: len(bots.answers) == 20 + len(bots.log) - 50)


async def test_passed_over_messages_that_the_node_does_not_have_any_more_are_given_up(bots: BotsNode) -> None:
    gate, seen = anyio.Event(), list[str]()
    plain = bots.subscribe

    async def subscribe(wire: Wire, after: int, **chosen: Any) -> dict[str, Any]:
        if 0 < after < 30:
            raise Refusal(1700, "EventsExpired", "Too old.", oldest=31)
        wire.afterwards = None
        answer = await plain(wire, after=30 if after == 0 and gate.is_set() else after, **chosen)
        return {**answer, "seq": after}

    bots.methods["events.subscribe"] = subscribe
    for number in range(50):
        bots.say(str(number), ANA)
    async with running(gated_bot(gate, seen), bots):
        await until(lambda: seen == ["0"])
        await anyio.wait_all_tasks_blocked()
        gate.set()
        await until(lambda: bool(bots.texts(ANA)) and bots.texts(ANA)[-1] == "49")
    assert bots.texts(ANA)[-20:] == [str(number) for number in range(30, 50)]


async def test_large_texts_count_more(bots: BotsNode) -> None:
    gate, seen = anyio.Event(), list[str]()
    for _ in range(3):
        bots.say("x" * 1024 * ROOM, ANA)
    bots.say("me too", BIA)
    async with running(gated_bot(gate, seen), bots):
        await until(lambda: bots.texts(BIA) == ["me too"])
        assert len(seen) == 2
        gate.set()
        await until(lambda: len(bots.texts(ANA)) == 3)


async def test_what_is_remembered_of_conversations_is_bounded(bots: BotsNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "KEPT_BYTES", 3 * 1100)
    bot = Bot("counter")

    @bot.message
    async def count(ctx: Context) -> None:
        ctx.state["count"] = ctx.state.get("count", 0) + 1
        await ctx.reply(str(ctx.state["count"]))

    async with running(bot, bots):
        for turn in (1, 2):
            for number in range(5):
                bots.say("hi", f"mp1{number}")
                await until(lambda number=number, turn=turn: len(bots.texts(f"mp1{number}")) == turn)  # type: ignore[misc]
        bots.say("hi", "mp14")
        await until(lambda: len(bots.texts("mp14")) == 3)
    assert [method for method, _ in bots.calls].count("bots.state") == 10
    assert all(bots.texts(f"mp1{number}")[:2] == ["1", "2"] for number in range(5))


# -- how far a bot is


@given(st.lists(st.integers(1, 30), unique=True), st.randoms(use_true_random=False))
def test_the_place_is_before_the_first_that_is_not_finished(numbers: list[int], chance: Any) -> None:
    progress, left = Progress(0), sorted(numbers)
    for number in left:
        progress.read(number)
        progress.begin(number)
    order = list(left)
    chance.shuffle(order)
    for number in order:
        left.remove(number)
        before, told = progress.place, progress.place_with(number)
        progress.finish(number)
        assert before <= told <= progress.place
        assert progress.place == (min(left) - 1 if left else max(numbers))


def test_a_message_that_is_read_twice_waits_once() -> None:
    lanes = Lanes(Progress(0), lambda lane: None)
    message = Message("m1", "x", ANA, "c", datetime(2030, 1, 1, tzinfo=UTC))
    for seq in (1, 1, *range(2, 3 * ROOM), 3, 3 * ROOM - 1):
        lanes.offer(seq, message)
    (lane,) = lanes.passed.values()
    assert [job.seq for job in lane.waiting] == list(range(1, ROOM // 2 + 1))
    assert (lane.passed_from, lane.passed_to) == (ROOM // 2 + 1, 3 * ROOM - 1)


async def test_two_conversations_that_are_ready_at_once_are_worked_on_at_once() -> None:
    turns, begun = Turns(2), []

    async def work(seat: Seat, lane: Lane) -> None:
        begun.append(lane.conversation)
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        turns.begin(tasks, work)
        for name in ("a", "b", "c"):
            turns.ready(Lane(name))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert sorted(begun) == ["a", "b"]


def test_the_same_number_may_be_open_twice() -> None:
    progress = Progress(3)
    progress.read(5)
    progress.begin(5)
    progress.begin(5)
    assert progress.place_with(5) == progress.place == 4
    progress.finish(5)
    assert progress.place == 4
    progress.finish(5)
    assert progress.place == 5
    progress.read(9)
    progress.begin(8)
    assert progress.place_with(8) == 9


class Node:
    """What lanes are offered, and later again, in random order of reading and of handling."""

    def __init__(self, events: list[int]) -> None:
        self.events = events  # the conversation of each
        self.progress, self.ready = Progress(0), list[Lane]()
        self.lanes = Lanes(self.progress, self.ready.append)
        self.handled: dict[str, list[int]] = {}


@settings(max_examples=examples(200))
@given(st.lists(st.integers(0, 2), max_size=60), st.data())
def test_whatever_is_passed_over_and_read_again_each_is_handled_once_and_in_order(
    conversations: list[int], data: st.DataObject
) -> None:
    def message(seq: int) -> Message:
        name = str(conversations[seq - 1])
        return Message(f"m{seq}", "x", name, name, datetime(2030, 1, 1, tzinfo=UTC))

    node, read = Node(conversations), 0
    total = len(conversations)
    while read < total or node.lanes.passed or any(lane.waiting for lane in node.ready):
        waiting = [lane for lane in node.ready if lane.waiting]
        hungry = {name: lane for name, lane in node.lanes.passed.items() if node.lanes.hungry(lane)}
        steps = ["read"] * (read < total) + ["handle"] * bool(waiting) + ["again"] * bool(hungry)
        match data.draw(st.sampled_from(steps)):
            case "read":
                read += 1
                node.progress.read(read)
                node.lanes.offer(read, message(read))
            case "handle":
                lane = data.draw(st.sampled_from(waiting))
                job = node.lanes.take(lane)
                node.handled.setdefault(lane.conversation, []).append(job.seq)
                node.progress.finish(job.seq)
                done = {seq for handled in node.handled.values() for seq in handled}
                assert node.progress.place < min(set(range(1, read + 2)) - done)
            case "again":
                for seq in range(min(lane.passed_from for lane in hungry.values()), read + 1):
                    lane = hungry.get(str(conversations[seq - 1]))
                    if lane and (not node.lanes.offer_again(lane, seq, message(seq)) or not lane.passed_from):
                        del hungry[lane.conversation]
    expected: dict[str, list[int]] = {}
    for seq, name in enumerate(conversations, 1):
        expected.setdefault(str(name), []).append(seq)
    assert node.handled == expected
    assert node.progress.place == total
