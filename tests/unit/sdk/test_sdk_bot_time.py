"""Bots and time: answers that do not wait for their handler, handlers that hang, and what writes too much."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest
from bot_runs import ManualClock, echo_bot, run_until, running, until
from bots_node import BotsNode
from mepassa import Bot, Context
from mepassa.bot import TooManyAnswers
from mepassa.bot.limits import ANSWERS_PER_MINUTE, MAX_ANSWERS, TIMEOUT
from mepassa.bot.pace import WINDOW
from mepassa.bot.watch import MOMENT
from wire_node import ANA, Refusal

BIA = "mp1bia"


def slow_bot(gate: anyio.Event) -> Bot:
    """A bot that answers at once, and again when the gate is open."""
    bot = Bot("slow")

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply("one moment, please…")
        await gate.wait()
        await ctx.reply("done")

    return bot


def calls(node: BotsNode, method: str) -> list[dict[str, Any]]:
    return [params for called, params in node.calls if called == method]


async def test_an_answer_goes_out_a_moment_later_although_the_handler_is_still_at_work(bots: BotsNode) -> None:
    clock, gate = ManualClock(), anyio.Event()
    bots.say("hi")
    async with running(slow_bot(gate), bots, clock=clock):
        await clock.slept_for(MOMENT)
        assert bots.answers == []
        clock.advance(MOMENT)
        await until(lambda: bots.texts() == ["one moment, please…"])
        assert bots.marks == {}
        gate.set()
        await until(lambda: bool(bots.marks))
    assert bots.texts() == ["one moment, please…", "done"]
    assert [one["request_id"] for one in calls(bots, "bots.answer")[0]["answers"]] == ["slow:m1:2"]


async def test_an_answer_that_went_out_early_is_not_sent_again_by_the_next_run(bots: BotsNode) -> None:
    clock, gate = ManualClock(), anyio.Event()
    bots.say("hi")
    async with anyio.create_task_group() as killed:

        async def run() -> None:
            async with running(slow_bot(gate), bots, clock=clock):
                await anyio.sleep_forever()

        killed.start_soon(run)
        await clock.slept_for(MOMENT)
        clock.advance(MOMENT)
        await until(lambda: len(bots.answers) == 1)
        killed.cancel_scope.cancel()
    gate.set()
    await run_until(slow_bot(gate), bots, lambda: bool(bots.marks))
    assert bots.texts() == ["one moment, please…", "done"]


async def test_another_wording_after_a_restart_is_not_a_second_answer(bots: BotsNode) -> None:
    bots.answers.append((f"with {ANA}", "slow:m1:1", "just a second"))
    clock, gate = ManualClock(), anyio.Event()
    bots.say("hi")
    async with running(slow_bot(gate), bots, clock=clock):
        await clock.slept_for(MOMENT)
        clock.advance(MOMENT)
        await bots.called("messages.send")
        gate.set()
        await until(lambda: bool(bots.marks))
    assert bots.texts() == ["just a second", "done"]


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_an_early_answer_whose_connection_ends_goes_out_with_the_others(bots: BotsNode, cut: str) -> None:
    bots.cut = lambda method, number: cut if method == "messages.send" else ""
    clock, gate = ManualClock(), anyio.Event()
    bots.say("hi")
    async with running(slow_bot(gate), bots, clock=clock):
        await clock.slept_for(MOMENT)
        clock.advance(MOMENT)
        await bots.called("messages.send") if cut == "" else await until(lambda: bots.connections >= 2)
        gate.set()
        await until(lambda: bool(bots.marks))
    assert bots.texts() == ["one moment, please…", "done"]


async def test_an_early_answer_waits_for_those_to_the_message_before(bots: BotsNode) -> None:
    clock, gate, held = ManualClock(), anyio.Event(), anyio.Event()
    plain = bots.answer

    async def hold(wire: Any, **params: Any) -> dict[str, Any]:
        await held.wait()
        return await plain(wire, **params)

    bots.methods["bots.answer"] = hold
    bot = Bot("two")

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply(ctx.text)
        if ctx.text == "second":
            await gate.wait()

    bots.say("first")
    bots.say("second")
    async with running(bot, bots, clock=clock):
        await bots.called("bots.answer")
        for _ in range(3):
            await clock.slept_for(MOMENT)
            clock.advance(MOMENT)
        await clock.slept_for(MOMENT)  # it has looked once more, and waits
        assert bots.answers == []
        held.set()
        await until(lambda: bots.texts() == ["first"])
        await clock.slept_for(MOMENT)
        clock.advance(MOMENT)
        await until(lambda: bots.texts() == ["first", "second"])
        gate.set()


async def test_a_handler_that_hangs_is_ended_and_the_next_message_has_its_turn(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    bot, clock, began = Bot("hanging"), ManualClock(), anyio.Event()

    @bot.message
    async def answer(ctx: Context) -> None:
        ctx.state["text"] = ctx.text
        if ctx.text == "hang":
            began.set()
            await anyio.sleep_forever()
        await ctx.reply(ctx.text)

    hung = bots.say("hang")
    bots.say("go")
    async with running(bot, bots, clock=clock):
        await began.wait()
        await clock.slept_for(TIMEOUT)
        clock.advance(TIMEOUT - 0.01)
        await clock.slept_for(0.01)
        assert not bots.marks
        clock.advance(0.01)
        await until(lambda: bots.texts() == ["go"])
    assert f"hanging failed on message {hung}: " in caplog.text
    assert "test_sdk_bot_time.py:" in caplog.text
    assert "TimeoutError" in caplog.text
    assert list(bots.states.values()) == [{"text": "go"}]


async def test_the_timeout_is_for_each_handler_and_not_for_all(bots: BotsNode) -> None:
    bot, clock, gates = Bot("patient", timeout=10), ManualClock(), [anyio.Event(), anyio.Event()]
    begun: list[str] = []

    @bot.message
    async def answer(ctx: Context) -> None:
        begun.append(ctx.text)
        await gates[int(ctx.text)].wait()
        await ctx.reply(ctx.text)

    bots.say("0")
    bots.say("1")
    async with running(bot, bots, clock=clock):
        await until(lambda: begun == ["0"])
        await clock.slept_for(10)
        clock.advance(9)
        gates[0].set()
        await until(lambda: begun == ["0", "1"])
        clock.advance(1)
        await clock.slept_for(9)
        clock.advance(8.9)
        gates[1].set()
        await until(lambda: bots.texts() == ["0", "1"])


async def test_an_error_handler_has_a_time_of_its_own(bots: BotsNode, caplog: pytest.LogCaptureFixture) -> None:
    bot, clock, began = Bot("hanging", timeout=5), ManualClock(), []

    @bot.message
    async def answer(ctx: Context) -> None:
        began.append("handler")
        await anyio.sleep_forever()

    @bot.error(TimeoutError)
    async def late(ctx: Context, error: TimeoutError) -> None:
        began.append("error handler")
        await anyio.sleep_forever()

    bots.say("hang")
    async with running(bot, bots, clock=clock):
        for count in (1, 2):
            await until(lambda count=count: len(began) == count)  # type: ignore[misc]
            await clock.slept_for(5)
            clock.advance(5)
        await until(lambda: bool(bots.marks))
    assert "failed on an error" in caplog.text


async def test_a_message_gets_so_many_answers_and_not_one_more(bots: BotsNode) -> None:
    bot = Bot("talkative")

    @bot.message
    async def answer(ctx: Context) -> None:
        for number in range(MAX_ANSWERS + (ctx.text == "more")):
            await ctx.reply(str(number))

    @bot.error(TooManyAnswers)
    async def too_many(ctx: Context, error: TooManyAnswers) -> None:
        await ctx.reply("too many")

    bots.say("all")
    bots.say("more", BIA)
    await run_until(bot, bots, lambda: len(bots.marks) == 2)
    assert bots.texts() == [str(number) for number in range(MAX_ANSWERS)]
    assert bots.texts(BIA) == ["too many"]


async def test_a_flood_of_one_contact_is_answered_up_to_the_limit_with_one_warning_without_its_text(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    bot, clock = Bot("echo"), ManualClock()

    @bot.message
    async def echo(ctx: Context) -> None:
        await ctx.reply(ctx.text)

    for _ in range(ANSWERS_PER_MINUTE + 3):
        bots.say("canary")
    bots.say("hi", BIA)
    async with running(bot, bots, clock=clock):
        await until(lambda: len(bots.texts()) == ANSWERS_PER_MINUTE and bots.texts(BIA) == ["hi"])
        await until(lambda: bots.marks["echo", f"with {ANA}"] == ANSWERS_PER_MINUTE + 3)
        assert len(bots.texts()) == ANSWERS_PER_MINUTE
        clock.advance(WINDOW)
        bots.say("later")
        await until(lambda: bots.texts()[-1] == "later")
    assert caplog.text.count("unanswered") == 1
    assert "canary" not in caplog.text


async def test_a_bot_may_be_without_a_limit_of_answers(bots: BotsNode) -> None:
    for _ in range(ANSWERS_PER_MINUTE + 1):
        bots.say("hi")
    await run_until(echo_bot(), bots, lambda: len(bots.answers) == ANSWERS_PER_MINUTE + 1)


async def test_typing_is_shown_while_a_handler_says_so_and_its_failure_is_none(bots: BotsNode) -> None:
    bot = Bot("typist")

    @bot.message
    async def answer(ctx: Context) -> None:
        async with ctx.typing():
            pass
        await ctx.reply("done")

    async def refuse(wire: Any, **_: Any) -> dict[str, Any]:
        raise Refusal(1300, "StoreFull", "Full.")

    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert bots.typed == [True, False]
    bots.methods["conversations.typing"] = refuse
    bots.say("hi")
    await run_until(bot, bots, lambda: len(bots.answers) == 2)


async def test_nothing_can_be_answered_once_the_handler_is_over(bots: BotsNode) -> None:
    bot, kept = Bot("late"), []

    @bot.message
    async def answer(ctx: Context) -> None:
        kept.append(ctx)

    bots.say("hi")
    async with running(bot, bots):
        await until(lambda: bool(bots.marks))
        with pytest.raises(RuntimeError, match=r"bot\.send"):
            await kept[0].reply("too late")


async def test_a_log_at_its_most_talkative_holds_no_text(bots: BotsNode, caplog: pytest.LogCaptureFixture) -> None:
    bots.say("canary")
    with caplog.at_level(logging.DEBUG):
        await run_until(echo_bot(), bots, lambda: bool(bots.answers))
    assert "canary" not in caplog.text
