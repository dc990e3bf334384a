"""What goes wrong in handlers, and what the node refuses: nothing is lost, nothing is told that is private."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import Any

import anyio
import pytest
from bot_runs import ManualClock, echo_bot, run_until, running, until
from bots_node import BotsNode
from mepassa import Bot, ContactBlocked, Context
from mepassa.bot.dealer import FULL_PAUSE
from wire_node import ANA, Refusal, Wire


def clumsy_bot() -> Bot:
    """A bot that fails on `canary` after it has begun to answer."""
    bot = Bot("clumsy")

    @bot.message
    async def answer(ctx: Context) -> None:
        ctx.state["last"] = ctx.text
        await ctx.reply(f"{ctx.text}?")
        if ctx.text == "canary":
            raise ValueError(ctx.text)

    return bot


async def test_a_handler_that_raises_is_logged_without_its_words_and_the_bot_goes_on(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    failed = bots.say("canary")
    bots.say("fine")
    with caplog.at_level(logging.DEBUG):
        await run_until(clumsy_bot(), bots, lambda: bool(bots.answers))
    assert bots.texts() == ["fine?"]
    assert f"clumsy failed on message {failed}: test_sdk_bot_errors.py:" in caplog.text
    assert "ValueError" in caplog.text
    assert "canary" not in caplog.text


async def test_what_a_handler_that_raises_changed_and_answered_is_dropped_and_the_message_is_done(
    bots: BotsNode,
) -> None:
    bots.say("canary")
    await run_until(clumsy_bot(), bots, lambda: bool(bots.marks))
    assert (bots.answers, bots.states) == ([], {})
    assert bots.marks == {("clumsy", f"with {ANA}"): 1}


@pytest.mark.parametrize("how", [SystemExit, asyncio.CancelledError])
async def test_a_handler_that_quits_or_is_left_by_what_it_waits_for_ends_neither_the_bot_nor_its_program(
    bots: BotsNode, caplog: pytest.LogCaptureFixture, how: type[BaseException]
) -> None:
    bot = Bot("clumsy")

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply(f"{ctx.text}?")
        if ctx.text == "canary":
            raise how

    failed = bots.say("canary")
    bots.say("fine")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert bots.texts() == ["fine?"]
    assert f"clumsy failed on message {failed}: test_sdk_bot_errors.py:" in caplog.text
    assert "HandlerQuit" in caplog.text


async def test_an_error_handler_may_answer_and_change_the_state_as_it_was_before(bots: BotsNode) -> None:
    bot = clumsy_bot()

    @bot.error(KeyError)
    async def another(ctx: Context, error: KeyError) -> None:
        await ctx.reply("not for me")

    @bot.error(LookupError, ValueError)
    async def sorry(ctx: Context, error: Exception) -> None:
        ctx.state["failures"] = ctx.state.get("failures", 0) + 1
        await ctx.reply(f"sorry: {type(error).__name__}")

    @bot.error(Exception)
    async def last(ctx: Context, error: Exception) -> None:
        await ctx.reply("not for me either")

    bots.say("canary")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert bots.answers == [(f"with {ANA}", "clumsy:m1:2", "sorry: ValueError")]
    assert list(bots.states.values()) == [{"failures": 1}]


async def test_an_error_handler_that_raises_is_logged_and_the_message_is_done(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    bot = clumsy_bot()

    @bot.error(ValueError)
    async def worse(ctx: Context, error: ValueError) -> None:
        await ctx.reply("sorry")
        raise RuntimeError("canary")

    failed = bots.say("canary")
    await run_until(bot, bots, lambda: bool(bots.marks))
    assert bots.answers == []
    assert f"clumsy failed on an error of message {failed}" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("value", [object(), float, {(1, 2): 3}, "\ud800"])
async def test_a_state_that_has_no_form_in_json_is_a_failure_of_the_handler(
    bots: BotsNode, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot("odd")

    @bot.message
    async def answer(ctx: Context) -> None:
        ctx.state["odd"] = value
        await ctx.reply("done")

    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.marks))
    assert (bots.answers, bots.states) == ([], {})
    assert "odd failed on message" in caplog.text


async def test_only_a_text_can_be_an_answer(bots: BotsNode, caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot("odd")

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply(5)  # type: ignore[arg-type]

    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.marks))
    assert "TypeError" in caplog.text


async def test_refused_answers_go_to_the_error_handlers_and_the_message_is_done(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    bot = echo_bot()

    @bot.error(ContactBlocked)
    async def blocked(ctx: Context, error: ContactBlocked) -> None:
        ctx.state["blocked"] = error.name

    bots.refuse = lambda text: Refusal(1101, "ContactBlocked", "Blocked.") if text == "canary" else None
    refused = bots.say("canary")
    bots.say("fine")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert bots.texts() == ["fine"]
    assert list(bots.states.values()) == [{"blocked": "ContactBlocked"}]
    assert f"echo cannot answer message {refused}: ContactBlocked" in caplog.text
    assert "canary" not in caplog.text


async def test_an_error_handler_answers_after_what_went_out_before_the_refusal(bots: BotsNode) -> None:
    bot, clock, gate = Bot("slow"), ManualClock(), anyio.Event()

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply("one moment")
        await gate.wait()
        await ctx.reply("refused")

    @bot.error(Exception)
    async def sorry(ctx: Context, error: Exception) -> None:
        await ctx.reply("sorry")

    bots.refuse = lambda text: Refusal(1203, "Rejected", "No.") if text == "refused" else None
    bots.say("hi")
    async with running(bot, bots, clock=clock):
        await clock.goes_by_until(lambda: bots.texts() == ["one moment"])
        gate.set()
        await until(lambda: bots.texts() == ["one moment", "sorry"])
    assert [request for _, request, _ in bots.answers] == ["slow:m1:1", "slow:m1:3"]


async def test_an_error_handler_whose_answer_is_refused_too_is_not_asked_again(bots: BotsNode) -> None:
    bot, asked = echo_bot(), []

    @bot.error(Exception)
    async def again(ctx: Context, error: Exception) -> None:
        asked.append(type(error))
        await ctx.reply("refused as well")

    bots.refuse = lambda text: Refusal(1101, "ContactBlocked", "Blocked.")
    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.marks))
    assert asked == [ContactBlocked]
    assert bots.answers == []


@pytest.mark.parametrize("text", ["\ud800", "x" * (1 << 20)])
async def test_an_answer_that_cannot_be_sent_at_all_is_refused(
    bots: BotsNode, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot("odd")

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply(text)

    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.marks))
    assert "odd cannot answer message" in caplog.text


async def test_all_that_was_made_after_a_refused_answer_is_made_again_from_what_the_node_kept(bots: BotsNode) -> None:
    bot, runs = Bot("counter"), []

    @bot.message
    async def count(ctx: Context) -> None:
        ctx.state["texts"] = [*ctx.state.get("texts", []), ctx.text]
        runs.append(ctx.text)
        await ctx.reply(ctx.text)

    bots.refuse = lambda text: Refusal(1203, "Rejected", "No.") if text == "bad" else None
    for text in ("a", "b", "bad", "c", "d"):
        bots.say(text)
    await run_until(bot, bots, lambda: len(bots.answers) == 4)
    assert bots.texts() == ["a", "b", "c", "d"]
    assert list(bots.states.values()) == [{"texts": ["a", "b", "c", "d"]}]
    assert runs.count("bad") == 1
    assert runs.count("a") == 1


async def test_a_conversation_that_is_gone_is_passed_over_and_the_others_go_on(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    plain = bots.answer

    async def answer(wire: Wire, conversation: str, **params: Any) -> dict[str, Any]:
        if conversation == "with mp1gone":
            raise Refusal(1201, "UnknownConversation", "Gone.")
        return await plain(wire, conversation=conversation, **params)

    bots.methods["bots.answer"] = answer
    gone = bots.say("hi", "mp1gone")
    bots.say("hi", ANA)
    await run_until(echo_bot(), bots, lambda: bool(bots.answers) and "passes over" in caplog.text)
    assert f"echo passes over message {gone}: UnknownConversation" in caplog.text
    assert bots.place == 2


async def test_a_conversation_whose_state_cannot_be_asked_for_is_passed_over(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    async def state(wire: Wire, **_: Any) -> dict[str, Any]:
        raise Refusal(1201, "UnknownConversation", "Gone.")

    bots.methods["bots.state"] = state
    gone = bots.say("hi")
    await run_until(echo_bot(), bots, lambda: "passes over" in caplog.text)
    assert f"echo passes over message {gone}: UnknownConversation" in caplog.text
    assert bots.place == 1


async def test_a_full_disk_is_waited_for(bots: BotsNode) -> None:
    clock, full, refused = ManualClock(), True, []
    plain = bots.answer

    async def answer(wire: Wire, **params: Any) -> dict[str, Any]:
        if full:
            refused.append(clock.passed)
            raise Refusal(1300, "StoreFull", "Full.")
        return await plain(wire, **params)

    bots.methods["bots.answer"] = answer
    bots.say("hi")
    async with running(echo_bot(), bots, clock=clock):
        await clock.goes_by_until(lambda: len(refused) == 3)
        full = False
        await clock.goes_by_until(lambda: bots.texts() == ["hi"])
    assert all(later - earlier >= FULL_PAUSE for earlier, later in pairwise(refused))


async def test_a_bot_waits_for_a_place_where_the_node_has_too_many_sessions(bots: BotsNode) -> None:
    plain, refused = bots.subscribe, []

    async def subscribe(wire: Wire, **params: Any) -> dict[str, Any]:
        if len(refused) < 3:
            refused.append(params)
            raise Refusal(1705, "TooManySessions", "Too many.")
        return await plain(wire, **params)

    bots.methods["events.subscribe"] = subscribe
    bots.say("hi")
    await run_until(echo_bot(), bots, lambda: bots.texts() == ["hi"])


async def test_a_bot_outlives_its_node_and_answers_what_came_meanwhile(bots: BotsNode) -> None:
    bot = echo_bot()
    bots.say("before")
    async with running(bot, bots):
        await until(lambda: bots.texts() == ["before"])
        bots.cut = lambda method, number: "before"
        bots.say("meanwhile")
        await until(lambda: bots.connections > 6)
        bots.cut = lambda method, number: ""
        await until(lambda: bots.texts() == ["before", "meanwhile"])
