"""What does not fit in a bot is told at the start, with the function and the parameter at fault."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest
from mepassa import Bot, Context, Router
from mepassa.bot import InvalidBot

if TYPE_CHECKING:
    from decimal import Decimal

BIA = "mp1bia"
Next = Callable[[], Awaitable[None]]


async def start(bot: Bot) -> None:
    """What a bot does before it speaks to its node."""
    await bot.serve(None)  # type: ignore[arg-type]


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
