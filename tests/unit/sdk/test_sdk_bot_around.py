"""What is around messages and beside them: middleware, texts that nobody asked for, and what is kept of all."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio
import pytest
from bot_runs import echo_bot, run_until, running, until
from bots_node import BotsNode
from mepassa import Bot, Context, F
from wire_node import ANA, ME

BIA = "mp1bia"
Next = Callable[[], Awaitable[None]]


# -- middleware


async def test_middlewares_are_around_every_message_the_first_one_outermost(bots: BotsNode) -> None:
    bot, told = Bot("b"), []

    @bot.provide
    def mark() -> str:
        return "+"

    @bot.middleware
    async def outer(ctx: Context, call_next: Next, mark: str) -> None:
        told.append(f"{mark}{ctx.text}")
        await call_next()
        told.append("outer")

    @bot.middleware
    async def inner(call_next: Next) -> None:
        await call_next()
        told.append("inner")

    @bot.message(F.text == "a")
    async def answer(ctx: Context) -> None:
        told.append("handler")

    bots.say("a")
    bots.say("b")
    await run_until(bot, bots, lambda: len(told) == 7)
    assert told == ["+a", "handler", "inner", "outer", "+b", "inner", "outer"]
    assert bots.marks == {("b", f"with {ANA}"): 1}  # nobody wanted the other


async def test_a_middleware_may_keep_a_message_from_its_handler_and_answer_itself(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.middleware
    async def guard(ctx: Context, call_next: Next) -> None:
        ctx.state["seen"] = True
        if ctx.message.contact == ANA:
            await call_next()
        else:
            await ctx.reply("not for you")

    @bot.message
    async def answer(ctx: Context) -> None:
        await ctx.reply("hello")

    bots.say("hi", ANA)
    bots.say("hi", BIA)
    await run_until(bot, bots, lambda: len(bots.marks) == 2)
    assert (bots.texts(ANA), bots.texts(BIA)) == (["hello"], ["not for you"])
    assert list(bots.states.values()) == [{"seen": True}] * 2


async def test_a_middleware_may_catch_what_a_handler_raises(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.middleware
    async def guard(ctx: Context, call_next: Next) -> None:
        try:
            await call_next()
        except ValueError:
            await ctx.reply("caught")

    @bot.message
    async def answer(ctx: Context) -> None:
        raise ValueError

    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert bots.texts() == ["caught"]


# -- writing first


async def test_a_bot_writes_first_once_for_each_request(bots: BotsNode) -> None:
    bot = Bot("b")
    async with running(bot, bots):
        await bots.called("events.subscribe")
        sent = [await bot.send(ANA, "your order is here", request_id="order 7") for _ in range(2)]
        await bot.send(ANA, "hello")
        await bot.send(ANA, "hello")
    assert sent[0] == sent[1]
    assert bots.texts() == ["your order is here", "hello", "hello"]
    assert bots.answers[0][1] == "b:sent:order 7"


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_text_waits_for_a_node_that_is_away_and_goes_out_once(bots: BotsNode, cut: str) -> None:
    bots.cut = lambda method, number: cut if method == "messages.send" and number < 3 else ""
    bot = Bot("b")
    async with running(bot, bots):
        await bots.called("events.subscribe")
        await bot.send(ANA, "hello")
    assert bots.texts() == ["hello"]


async def test_a_bot_that_does_not_run_cannot_write() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        await Bot("b").send(ANA, "hello")


async def test_a_bot_reads_what_it_keeps_of_all_conversations(bots: BotsNode) -> None:
    bot, seen = Bot("b"), []

    @bot.task
    async def look(bot: Bot) -> None:
        seen.extend([(one.id, one.contact, one.state) async for one in bot.conversations()])

    bots.say("hi", ANA)
    bots.say("hi", BIA)
    bots.states["b", f"with {BIA}"] = {"count": 3}
    async with running(bot, bots):
        await until(lambda: len(seen) == 2)
    assert seen == [(f"with {ANA}", ANA, {}), (f"with {BIA}", BIA, {"count": 3})]


async def test_a_log_tells_that_a_bot_is_ready_and_as_whom(bots: BotsNode, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with running(echo_bot(), bots):
            await until(lambda: f"echo is ready as {ME}" in caplog.text)


# -- tasks


async def test_a_task_that_fails_is_begun_again_and_one_that_ends_is_not(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    bot, begun = Bot("busy"), []

    @bot.task
    async def work(bot: Bot) -> None:
        begun.append(bot.name)
        if len(begun) < 3:
            raise ValueError("canary")

    async with running(bot, bots):
        await until(lambda: len(begun) == 3)
        await anyio.wait_all_tasks_blocked()
    assert begun == ["busy"] * 3
    assert caplog.text.count("busy's task work failed: test_sdk_bot_around.py:") == 2
    assert "canary" not in caplog.text


async def test_a_task_ends_with_the_bot(bots: BotsNode) -> None:
    bot, ended = Bot("busy"), anyio.Event()

    @bot.task
    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async with running(bot, bots):
        await bots.called("events.subscribe")
    assert ended.is_set()
