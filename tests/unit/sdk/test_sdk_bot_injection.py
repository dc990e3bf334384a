"""What handlers may ask for by name, how long it lives, and that whatever nobody provides is told at the start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import pytest
from bot_runs import ManualClock, run_until, running, until
from bots_node import BotsNode
from mepassa import Bot, Client, Context, F, Router
from mepassa.bot import AccountClient, Clock
from wire_node import ANA, ME

BIA = "mp1bia"
Next = Callable[[], Awaitable[None]]


async def test_what_is_provided_is_given_by_name_whatever_kind_of_function_made_it(bots: BotsNode) -> None:
    bot, router = Bot("b"), Router()

    @bot.provide
    def plain() -> str:
        return "plain"

    @bot.provide
    async def later(plain: str) -> str:
        return f"later {plain}"

    @router.provide
    async def generator(later: str) -> AsyncIterator[str]:
        yield f"generator {later}"

    @bot.message
    async def answer(generator: str, ctx: Context, *, plain: str) -> None:
        await ctx.reply(f"{generator}, {plain}")

    bot.include(router)
    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert bots.texts() == ["generator later plain, plain"]


async def test_what_lives_as_long_as_the_bot_is_made_once_and_ended_in_reverse_order(bots: BotsNode) -> None:
    bot, told = Bot("b"), []

    @bot.provide
    async def second(first: str) -> AsyncIterator[str]:
        told.append("second begins")
        yield "second"
        told.append("second ends")

    @bot.provide
    async def first() -> AsyncIterator[str]:
        told.append("first begins")
        yield "first"
        told.append("first ends")

    @bot.message
    async def answer(ctx: Context, second: str) -> None:
        told.append(ctx.text)

    bots.say("a")
    bots.say("b")
    await run_until(bot, bots, lambda: bots.marks.get(("b", f"with {ANA}")) == 2)
    assert told == ["first begins", "second begins", "a", "b", "second ends", "first ends"]


async def test_what_lives_for_a_message_is_made_once_a_message_that_needs_it(bots: BotsNode) -> None:
    bot, told = Bot("b"), []

    @bot.provide(scope="message")
    async def inner(ctx: Context) -> AsyncIterator[str]:
        told.append(f"inner of {ctx.text}")
        yield "inner"
        told.append("inner ends")

    @bot.provide(scope="message")
    async def outer(inner: str, clock: Clock) -> AsyncIterator[str]:
        told.append("outer")
        yield f"outer {inner}"
        told.append("outer ends")

    @bot.middleware
    async def around(ctx: Context, call_next: Next) -> None:
        await call_next()
        told.append("after the handler")

    @bot.message(F.text == "needs it")
    async def needs(ctx: Context, outer: str, inner: str) -> None:
        told.append(outer)

    @bot.message
    async def does_not(ctx: Context) -> None:
        told.append(ctx.text)

    bots.say("needs it")
    bots.say("does not")
    await run_until(bot, bots, lambda: bots.marks.get(("b", f"with {ANA}")) == 2)
    assert told == [
        "inner of needs it", "outer", "outer inner", "after the handler", "outer ends", "inner ends",
        "does not", "after the handler",
    ]  # fmt: skip


async def test_what_lives_for_a_message_learns_of_a_failure_and_cannot_hide_it(
    bots: BotsNode, caplog: pytest.LogCaptureFixture
) -> None:
    bot, told = Bot("b"), []

    @bot.provide(scope="message")
    async def transaction() -> AsyncIterator[None]:
        try:
            yield
            told.append("kept")
        except ValueError:
            told.append("undone")

    @bot.message
    async def answer(ctx: Context, transaction: None) -> None:
        await ctx.reply(ctx.text)
        if ctx.text == "fail":
            raise ValueError

    bots.say("fail")
    bots.say("go")
    await run_until(bot, bots, lambda: bool(bots.answers))
    assert told == ["undone", "kept"]
    assert caplog.messages[-1].endswith("> ValueError")
    assert bots.texts() == ["go"]


async def test_an_end_that_fails_is_a_failure_of_the_handler(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.provide(scope="message")
    async def transaction() -> AsyncIterator[None]:
        yield
        raise ValueError

    @bot.message
    async def answer(ctx: Context, transaction: None) -> None:
        await ctx.reply("done")

    bots.say("hi")
    await run_until(bot, bots, lambda: bool(bots.marks))
    assert bots.answers == []


async def test_the_bot_its_client_and_its_clock_are_given_to_whoever_asks(bots: BotsNode) -> None:
    bot, clock, seen = Bot("b"), ManualClock(), []

    @bot.provide
    async def a_provider(bot: Bot, client: AccountClient, clock: Clock) -> tuple[object, ...]:
        return bot, client, clock

    @bot.message
    async def answer(bot: Bot, client: AccountClient, clock: Clock, ctx: Context, a_provider: object) -> None:
        seen.append((bot, client, clock) == a_provider and client is ctx.client)

    bots.say("hi")
    async with running(bot, bots, clock=clock):
        await until(lambda: seen == [True])


async def test_the_client_is_for_the_account_that_the_bot_serves(bots: BotsNode) -> None:
    bot, told = Bot("b"), []

    @bot.message
    async def answer(ctx: Context) -> None:
        told.append((await ctx.client.identity.show()).account)
        told.append((await ctx.client.identity.show(account="mp1another")).account)
        told.append((await ctx.client.call("identity.show"))["account"])
        async with ctx.client.events(topics=["message.received"], after=0) as events:
            told.append((await anext(events)).data.account)

    bots.say("not mine", account="mp1another")
    bots.say("hi", account="mp1bot")
    async with running(bot, bots, account="mp1bot"):
        await until(lambda: len(told) == 4)
    assert told == ["mp1bot", "mp1another", ME, "mp1bot"]


async def test_a_provider_that_fails_at_the_start_ends_the_bot_with_its_error(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.provide
    async def erp() -> None:
        raise LookupError("no such host")

    async with Client(bots.path) as client:
        with pytest.raises(LookupError, match="no such host"):
            await bot.serve(client)
    assert not bot.running


async def test_a_handler_ends_by_its_timeout_also_in_what_is_provided_for_its_message(bots: BotsNode) -> None:
    bot, clock, ended = Bot("b", timeout=3), ManualClock(), anyio.Event()

    @bot.provide(scope="message")
    async def slow() -> AsyncIterator[None]:
        try:
            await anyio.sleep_forever()
            yield
        finally:
            ended.set()

    @bot.message
    async def answer(ctx: Context, slow: None) -> None: ...

    bots.say("hi")
    async with running(bot, bots, clock=clock):
        await clock.slept_for(3)
        clock.advance(3)
        await until(lambda: bool(bots.marks))
    assert ended.is_set()
