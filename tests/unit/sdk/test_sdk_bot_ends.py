"""Handlers that try to end more than themselves: the bot goes on, and the message is dealt with."""

from __future__ import annotations

import asyncio
import sys

import anyio
import pytest
from bot_runs import ManualClock, run_until, running, until
from bots_node import BotsNode
from mepassa import Bot, Context, F


def leaving_bot() -> Bot:
    """A bot whose handler does to `leave` what nothing but the end of a program should do."""
    bot = Bot("leaving")

    @bot.message
    async def answer(ctx: Context) -> None:
        if ctx.text == "leave":
            sys.exit("canary")
        await ctx.reply(ctx.text)

    return bot


async def test_a_handler_that_ends_the_program_fails_like_any_other(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    for text in ("leave", "stay"):
        bots.say(text)
    await run_until(leaving_bot(), bots, lambda: bool(bots.answers))
    assert bots.texts() == ["stay"]
    assert "HandlerQuit" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("what", ["a handler", "a task"])
async def test_the_cancellation_of_another_task_ends_no_bot(bots: BotsNode, what: str) -> None:
    bot = Bot("cancels")

    async def cancelled() -> None:
        task = asyncio.ensure_future(anyio.sleep_forever())
        task.cancel()
        await task

    @bot.message(F.text == "cancel")
    async def cancel(ctx: Context) -> None:
        await cancelled()

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply(ctx.text)

    if what == "a task":
        bot.task(cancelled)
    for text in ("one", "cancel" if what == "a handler" else "", "two"):
        bots.say(text)
    await run_until(bot, bots, lambda: "two" in bots.texts())
    assert [text for text in bots.texts() if text] == ["one", "two"]


async def test_a_handler_that_cleans_up_for_long_after_its_time_wakes_nobody_up(
    bots: BotsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, cleaned = ManualClock(), anyio.Event()
    before = clock.sleep
    bot, slept = Bot("slow", timeout=5), 0

    @bot.message
    async def slow(ctx: Context) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await cleaned.wait()

    async def sleep(seconds: float) -> None:
        nonlocal slept
        slept += 1
        await before(seconds)

    monkeypatch.setattr(clock, "sleep", sleep)
    bots.say("x")
    async with running(bot, bots, clock=clock):
        await clock.slept_for(5)
        clock.advance(5)
        for _ in range(20):
            clock.advance(0)
            await anyio.wait_all_tasks_blocked()
        assert slept == 1
        cleaned.set()
        await until(lambda: bool(bots.marks))
