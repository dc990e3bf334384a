"""What handlers may ask for by name, how long it lives, and that whatever nobody provides is told at the start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from bot_runs import ManualClock, run_until, running, until
from bots_node import BotsNode
from mepassa import Bot, Client, Context, F, Router
from mepassa.bot import AccountClient, Clock, InvalidBot
from wire_node import ANA, ME

if TYPE_CHECKING:
    from decimal import Decimal

BIA = "mp1bia"
Next = Callable[[], Awaitable[None]]


async def start(bot: Bot) -> None:
    """What a bot does before it speaks to its node."""
    await bot.serve(None)  # type: ignore[arg-type]


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


async def test_what_lives_for_a_message_learns_of_a_failure_and_cannot_hide_it(bots: BotsNode) -> None:
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


# -- what does not fit


async def test_a_parameter_that_nobody_provides_is_told_with_its_handler_at_the_start() -> None:
    bot = Bot("b")

    @bot.message
    async def price(ctx: Context, erp: object) -> None: ...

    with pytest.raises(InvalidBot, match=r"Nobody provides the parameter `erp` of `price`.*bot, client, clock, ctx"):
        await start(bot)


async def test_a_parameter_of_a_command_is_provided_or_an_argument_of_a_known_type() -> None:
    bot = Bot("b")

    @bot.command("price")
    async def price(ctx: Context, erp: object) -> None: ...

    with pytest.raises(InvalidBot, match=r"Nobody provides the parameter `erp` of `price`.*annotate"):
        await start(bot)
    bot = Bot("c")

    @bot.command("price")
    async def dear(ctx: Context, item: str, most: Decimal) -> None: ...

    with pytest.raises(InvalidBot, match="`most` of `dear`"):
        await start(bot)
    bot = Bot("d")

    @bot.command("price")
    async def cheap(ctx: Context, item) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(InvalidBot, match="`item` of `cheap`"):
        await start(bot)


async def test_a_task_and_what_lives_as_long_as_the_bot_know_no_message() -> None:
    bot = Bot("b")

    @bot.task
    async def work(ctx: Context) -> None: ...

    with pytest.raises(InvalidBot, match="`work` cannot have the parameter `ctx`"):
        await start(bot)
    bot = Bot("c")

    @bot.provide(scope="message")
    def of_a_message() -> None: ...

    @bot.provide
    def of_the_bot(of_a_message: None) -> None: ...

    with pytest.raises(InvalidBot, match="`of_the_bot` cannot have the parameter `of_a_message`"):
        await start(bot)


@pytest.mark.parametrize("parameter", ["error", "call_next"])
async def test_what_is_there_for_others_is_not_there_for_a_handler(parameter: str) -> None:
    bot, names = Bot("b"), {"Context": Context}
    exec(f"async def answer(ctx: Context, {parameter}): ...", names)
    bot.message(names["answer"])  # type: ignore[call-overload]
    with pytest.raises(InvalidBot, match=f"`answer` cannot have the parameter `{parameter}`"):
        await start(bot)


async def test_two_providers_of_one_name_are_told() -> None:
    bot, router = Bot("b"), Router()

    def erp() -> None: ...

    bot.provide(erp)
    router.provide(erp)
    bot.include(router)
    with pytest.raises(InvalidBot, match="two providers named `erp`"):
        await start(bot)


@pytest.mark.parametrize("scope", ["bot", "message"])
async def test_providers_that_wait_for_each_other_are_told(scope: Any) -> None:
    bot = Bot("b")

    @bot.provide(scope=scope)
    def one(two: None) -> None: ...

    @bot.provide(scope=scope)
    def two(one: None) -> None: ...

    with pytest.raises(InvalidBot, match="one > two > one"):
        await start(bot)


def test_a_provider_that_could_not_work_is_told_where_it_is_written() -> None:
    bot = Bot("b")
    with pytest.raises(InvalidBot, match="`client` has a name"):

        @bot.provide
        def client() -> None: ...

    with pytest.raises(InvalidBot, match="`late` yields"):

        @bot.provide
        def late() -> Any:
            yield

    with pytest.raises(InvalidBot, match="'day'"):

        @bot.provide(scope="day")  # type: ignore[arg-type]
        def daily() -> None: ...


async def test_a_parameter_that_cannot_be_given_by_name_is_told() -> None:
    for source in ("async def answer(ctx, /): ...", "async def answer(ctx, **everything): ..."):
        names: dict[str, Any] = {}
        exec(source, names)
        bot = Bot("b")
        bot.message(names["answer"])
        with pytest.raises(InvalidBot, match="by name"):
            await start(bot)


def test_an_error_handler_is_for_kinds_of_exceptions() -> None:
    for kind in (ValueError(), BaseException, "ValueError"):
        with pytest.raises(InvalidBot, match="kinds of exceptions"):
            Bot("b").error(kind)  # type: ignore[arg-type]


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
    assert bots.answers[0][1] == "b:order 7"


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
