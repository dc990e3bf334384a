"""Bots run once at a time, and end well."""

from __future__ import annotations

import anyio
import pytest
from bot_runs import ManualClock, echo_bot, run_until, running
from bots_node import BotsNode
from mepassa import Bot, Context


async def test_a_bot_runs_once_at_a_time(bots: BotsNode) -> None:
    bot = echo_bot()
    async with running(bot, bots) as client:
        await bots.called("events.subscribe")
        with pytest.raises(RuntimeError, match="running already"):
            await bot.serve(client)


async def test_a_stopped_bot_finishes_what_is_being_handled_and_nothing_more(bots: BotsNode) -> None:
    bot, gate, began = Bot("slow"), anyio.Event(), anyio.Event()

    @bot.message
    async def answer(ctx: Context) -> None:
        began.set()
        await gate.wait()
        await ctx.reply(ctx.text)

    bots.say("one")
    bots.say("two")
    async with running(bot, bots):
        await began.wait()
        bot.stop()
        assert not bot.running
        gate.set()
    assert bots.texts() == ["one"]
    assert bots.place == 1


async def test_a_stopped_bot_does_not_wait_for_ever_and_the_message_is_handled_next_time(bots: BotsNode) -> None:
    bot, clock, began = Bot("hanging", stop_timeout=7), ManualClock(), anyio.Event()

    @bot.message
    async def answer(ctx: Context) -> None:
        began.set()
        await anyio.sleep_forever()

    bots.say("one")
    async with running(bot, bots, clock=clock):
        await began.wait()
        bot.stop()
        await clock.slept_for(7)
        clock.advance(7)
    assert bots.marks == {}
    await run_until(echo_bot("hanging"), bots, lambda: bots.texts() == ["one"])
