"""Bots: each message is answered once, its answers, state and mark in one step, over restarts of either side."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from bot_runs import echo_bot, example, run_until, running, until
from bots_node import BotsNode
from mepassa import Bot, Client, Context, NodeNotRunning, RpcError
from wire_node import ANA, ME, Refusal, Wire

BIA = "mp1bia"


def counting_bot(name: str = "counter") -> Bot:
    """A bot that says how many messages a contact has written."""
    bot = Bot(name, answers_per_minute=None)

    @bot.message
    async def count(ctx: Context) -> None:
        ctx.state["count"] = ctx.state.get("count", 0) + 1
        await ctx.reply(f"{ctx.text} {ctx.state['count']}")

    return bot


async def test_the_echo_bot_says_back_what_it_is_told(bots: BotsNode) -> None:
    said = bots.say("olá")
    await run_until(example("echo"), bots, lambda: bool(bots.answers))
    assert bots.answers == [(f"with {ANA}", f"echo:{said}:1", "olá")]


async def test_an_answer_the_state_and_the_place_are_one_call(bots: BotsNode) -> None:
    bots.say("a")
    await run_until(counting_bot(), bots, lambda: bool(bots.answers))
    (answer,) = [params for method, params in bots.calls if method == "bots.answer"]
    assert answer["answers"] == [{"text": "a 1", "request_id": "counter:m1:1"}]
    assert (answer["after"], answer["seq"], answer["place"], answer["state"]) == (0, 1, 1, {"count": 1})


async def test_the_messages_of_a_conversation_follow_each_other_from_state_to_state(bots: BotsNode) -> None:
    for number in range(100):
        bots.say(str(number))
    await run_until(counting_bot(), bots, lambda: len(bots.answers) == 100)
    assert bots.texts() == [f"{number} {number + 1}" for number in range(100)]
    assert [params["after"] for method, params in bots.calls if method == "bots.answer"] == list(range(100))


async def test_the_state_is_asked_for_once_a_conversation(bots: BotsNode) -> None:
    for contact in (ANA, BIA, ANA, BIA):
        bots.say("hi", contact)
    await run_until(counting_bot(), bots, lambda: len(bots.answers) == 4)
    assert [method for method, _ in bots.calls].count("bots.state") == 2
    assert bots.states == {("counter", f"with {ANA}"): {"count": 2}, ("counter", f"with {BIA}"): {"count": 2}}


async def test_a_bot_goes_on_where_it_was(bots: BotsNode) -> None:
    bots.say("one")
    await run_until(counting_bot(), bots, lambda: len(bots.answers) == 1)
    bots.say("two")
    await run_until(counting_bot(), bots, lambda: len(bots.answers) == 2)
    assert bots.texts() == ["one 1", "two 2"]
    subscribed = [params["after"] for method, params in bots.calls if method == "events.subscribe"]
    assert subscribed == [0, 1]


async def test_a_place_that_lags_behind_leads_to_no_second_answer(bots: BotsNode) -> None:
    bots.say("one")
    bots.say("two")
    await run_until(counting_bot(), bots, lambda: len(bots.answers) == 2)
    bots.places.clear()
    bots.say("three")
    await run_until(counting_bot(), bots, lambda: len(bots.answers) == 3)
    assert bots.texts() == ["one 1", "two 2", "three 3"]


async def test_a_state_that_was_only_read_is_not_sent(bots: BotsNode) -> None:
    bot = Bot("reader")

    @bot.message
    async def read(ctx: Context) -> None:
        await ctx.reply(f"{ctx.state}")

    bots.states["reader", f"with {ANA}"] = {"a": [1, 2.5, None, "é"]}
    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert bots.texts() == ["{'a': [1, 2.5, None, 'é']}"]
    assert ["state" in params for method, params in bots.calls if method == "bots.answer"] == [False]


async def test_two_replies_to_one_message_are_two_messages_with_numbers_of_their_own(bots: BotsNode) -> None:
    bot = Bot("twice")

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply("a")
        await ctx.reply("a")

    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert [request for _, request, _ in bots.answers] == ["twice:m1:1", "twice:m1:2"]


async def test_a_handler_that_says_nothing_is_done_as_well(bots: BotsNode) -> None:
    bot, seen = Bot("silent"), []

    @bot.message
    async def listen(ctx: Context) -> None:
        seen.append(ctx.text)

    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.marks))
    bots.places.clear()
    bots.say("again")
    await run_until(bot, bots, lambda: len(seen) == 2)
    assert seen == ["hi", "again"]


async def test_a_bot_gets_the_messages_of_its_own_account_only(bots: BotsNode) -> None:
    bots.say("for somebody else", account=ME)
    bots.say("for me", account="mp1bot")
    await run_until(echo_bot(), bots, lambda: bool(bots.answers), account="mp1bot")
    assert bots.texts() == ["for me"]


async def test_an_erased_message_is_passed_over(bots: BotsNode) -> None:
    bots.publish("message.received", account=ME, message_id="m1")
    bots.say("text")
    await run_until(echo_bot(), bots, lambda: bool(bots.answers))
    assert bots.texts() == ["text"]


async def test_messages_that_nobody_wants_cost_no_call_but_the_place_moves_on(bots: BotsNode) -> None:
    bot = Bot("idle")

    @bot.command("ping")
    async def ping(ctx: Context) -> None:
        await ctx.reply("pong")

    for _ in range(256):
        bots.say("hi")
    await run_until(bot, bots, lambda: bots.place == 256)
    assert {method for method, _ in bots.calls} == {"bots.open", "events.subscribe", "bots.save"}


async def test_a_bot_without_a_handler_just_passes(bots: BotsNode) -> None:
    bots.say("hi")
    async with running(Bot("idle"), bots):
        await bots.called("events.subscribe")
    assert bots.answers == []


async def test_conversations_do_not_wait_for_each_other(bots: BotsNode) -> None:
    bot, gate = Bot("slow"), anyio.Event()

    @bot.message
    async def answer(ctx: Context) -> None:
        if ctx.message.contact == ANA:
            await gate.wait()
        await ctx.reply(ctx.text)

    bots.say("slow", ANA)
    bots.say("slow too", ANA)
    bots.say("quick", BIA)
    async with running(bot, bots):
        await until(lambda: bots.texts(BIA) == ["quick"])
        assert bots.texts(ANA) == []
        assert bots.place == 0
        gate.set()
        await until(lambda: bots.texts(ANA) == ["slow", "slow too"])
    assert bots.place == 3


async def test_no_more_handlers_are_at_work_than_may_be(bots: BotsNode) -> None:
    bot, gate, at_work = Bot("few", max_concurrent=3), anyio.Event(), []

    @bot.message
    async def answer(ctx: Context) -> None:
        at_work.append(ctx.message.contact)
        await gate.wait()

    for number in range(5):
        bots.say("hi", f"mp1{number}")
    async with running(bot, bots):
        await until(lambda: len(at_work) == 3)
        await until(lambda: bots.calls[-1][0] == "bots.state")
        assert len(at_work) == 3
        gate.set()
        await until(lambda: len(bots.marks) == 5)


async def test_what_is_written_before_a_handler_is_over_is_dropped_when_another_run_was_first(bots: BotsNode) -> None:
    bot, gate, states = counting_bot(), anyio.Event(), []

    @bot.middleware
    async def hold(ctx: Context, call_next: Any) -> None:
        states.append(dict(ctx.state))
        if len(states) == 1:
            await gate.wait()
        await call_next()

    bots.say("one")
    bots.say("two")
    async with running(bot, bots):
        await until(lambda: len(states) == 1)
        bots.marks["counter", f"with {ANA}"] = 1
        bots.states["counter", f"with {ANA}"] = {"count": 50}
        gate.set()
        await until(lambda: len(bots.answers) == 1)
    assert bots.texts() == ["two 51"]


async def test_another_run_that_is_first_for_the_second_time_is_noticed_as_well(bots: BotsNode) -> None:
    bot, seen, gates = counting_bot(), list[str](), {text: anyio.Event() for text in ("1", "2")}
    kept = "counter", f"with {ANA}"

    @bot.middleware
    async def hold(ctx: Context, call_next: Any) -> None:
        seen.append(ctx.text)
        if ctx.text in gates:
            await gates[ctx.text].wait()
        await call_next()

    async with running(bot, bots):
        bots.say("0")
        await until(lambda: bots.texts() == ["0 1"])
        bots.say("1")
        await until(lambda: seen[-1] == "1")
        bots.marks[kept] = 2  # the other run deals with it
        gates["1"].set()
        bots.say("2")
        await until(lambda: seen[-1] == "2")
        bots.say("3")
        await anyio.wait_all_tasks_blocked()
        bots.marks[kept], bots.states[kept] = 3, {"count": 90}  # and with this one
        gates["2"].set()
        await until(lambda: bots.marks[kept] == 4)
    assert bots.texts() == ["0 1", "3 91"]


async def test_an_answer_on_its_way_is_dealt_with_again_when_its_connection_ends(bots: BotsNode) -> None:
    bots.cut = lambda method, number: {1: "before", 2: "after"}.get(number, "") if method == "bots.answer" else ""
    for number in range(5):
        bots.say(str(number))
    await run_until(counting_bot(), bots, lambda: len(bots.answers) == 5)
    assert bots.texts() == ["0 1", "1 2", "2 3", "3 4", "4 5"]


async def test_a_bot_that_was_away_too_long_goes_on_with_what_is_kept(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    plain = bots.subscribe

    async def subscribe(wire: Wire, after: int, **chosen: Any) -> dict[str, Any]:
        if after == 1:
            raise Refusal(1700, "EventsExpired", "Too old.", oldest=2)
        return await plain(wire, after=after, **chosen)

    bots.methods["events.subscribe"] = subscribe
    bots.places["echo"] = 1
    bots.say("one")
    bots.say("two")
    await run_until(echo_bot(), bots, lambda: len(bots.answers) == 2)
    assert "begins with the oldest kept" in caplog.text


async def test_another_refusal_of_the_subscription_ends_the_bot(bots: BotsNode) -> None:
    async def subscribe(wire: Wire, **_: Any) -> dict[str, Any]:
        raise Refusal(1702, "ApiVersion", "Newer, please.")

    bots.methods["events.subscribe"] = subscribe
    async with Client(bots.path) as client:
        with pytest.raises(RpcError, match="Newer"):
            await echo_bot().serve(client)


async def test_a_token_that_was_revoked_ends_the_bot(bots: BotsNode) -> None:
    async def refuse(wire: Wire, **_: Any) -> dict[str, Any]:
        raise Refusal(2000, "TokenRefused", "Revoked.")

    bots.methods["bots.answer"] = refuse
    bots.say("hi")
    async with Client(bots.path) as client:
        with pytest.raises(RpcError, match="Revoked"):
            await echo_bot().serve(client)


async def test_serve_without_a_node_raises(bots: BotsNode) -> None:
    async with Client(bots.path.with_name("none")) as client:
        with pytest.raises(NodeNotRunning):
            await echo_bot().serve(client)
