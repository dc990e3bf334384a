"""Who gets a message: filters and routers; and what does not fit is told at the start."""

from __future__ import annotations

import pytest
from bot_runs import answers
from bots_node import BotsNode
from hypothesis import given
from hypothesis import strategies as st
from mepassa import Bot, Context, F, Router
from mepassa.bot import InvalidBot
from mepassa.bot.filters import Filter
from mepassa.bot.folding import fold, places, without_accents
from wire_node import ANA

BIA = "mp1bia"


def parts_bot(filter: Filter) -> Bot:
    bot = Bot("b")

    @bot.message(filter)
    async def wanted(ctx: Context) -> None:
        await ctx.reply("+")

    return bot


# -- filters


@pytest.mark.parametrize(
    ("filter", "wanted", "unwanted"),
    [
        (F.text & F.text, ["a", "b"], []),
        (F.text == "Olá", ["Olá"], ["olá", "Ola", " Olá", "Olá!"]),
        (F.text != "a", ["b"], ["a"]),
        (F.text.startswith("bom"), ["bom dia"], ["Bom dia", " bom"]),
        (F.text.contains("dia"), ["bom dia"], ["bom Dia"]),
        (F.text.regex(r"^\d+$"), ["12"], ["a12"]),
        (F.text.folded == "Olá", ["olá", "OLA", " Olà\n"], ["olá!"]),
        (F.text.folded != "não", ["sim"], ["NAO", "Não "]),
        (F.text.folded.startswith("Ação"), ["acao!", "AÇÃO e reação"], ["reação"]),
        (F.text.folded.contains("coração"), ["Meu CORACAO"], ["cor"]),
        (F.text.folded.regex(r"pre[çc]o d[oe]\s"), ["Preço do café", "PRECO DE x"], ["preço"]),
        (F.contact == ANA, ["a"], []),
        (F.contact != ANA, [], ["a"]),
        ((F.text == "a") & (F.contact == ANA), ["a"], ["b"]),
        ((F.text == "a") | (F.text == "b"), ["a", "b"], ["c"]),
        (~(F.text == "a"), ["b"], ["a"]),
        (F.text & (lambda ctx: len(ctx.text) > 1), ["ab"], ["a"]),
        ((lambda ctx: len(ctx.text) > 1) & F.text, ["ab"], ["a"]),
        ((F.text == "a") | (lambda ctx: len(ctx.text) > 1), ["a", "bb"], ["b"]),
        ((lambda ctx: len(ctx.text) > 1) | (F.text == "a"), ["a", "bb"], ["b"]),
    ],
)
async def test_a_filter_wants_what_it_says(
    bots: BotsNode, filter: Filter, wanted: list[str], unwanted: list[str]
) -> None:
    assert await answers(parts_bot(filter), bots, *wanted, *unwanted) == ["+"] * len(wanted) + ["-"] * len(unwanted)


async def test_a_plain_function_is_a_filter_and_may_look_at_the_state(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.message(lambda ctx: ctx.state.get("asked"))
    async def name(ctx: Context) -> None:
        ctx.state.clear()
        await ctx.reply(f"hello {ctx.text}")

    @bot.message(F.text == "hi")
    async def ask(ctx: Context) -> None:
        ctx.state["asked"] = True
        await ctx.reply("your name?")

    assert await answers(bot, bots, "hi", "Ana", "Ana") == ["your name?", "hello Ana", "-"]


async def test_groups_of_a_regular_expression_are_parameters_as_they_were_typed(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.message(F.text.folded.regex(r"preco d[oe] (?P<item>\w+)(?: em (?P<city>\w+))?"))
    async def price(ctx: Context, item: str, city: str = "here", other: int = 5) -> None:
        await ctx.reply(f"{item} {city} {other}")

    @bot.message(F.text.regex(r"a(?P<one>\d)") & F.text.regex(r"b(?P<two>\d)") | F.text.regex(r"c(?P<three>\d)"))
    async def some(one: str, two: str, three: str, ctx: Context) -> None:
        await ctx.reply(f"{one} {two} {three}")

    assert await answers(bot, bots, "PREÇO DO Café em São", "preço do pão", "a1 b2", "c3") == [
        "Café São 5",
        "pão here 5",
        "1 2 None",
        "None None 3",
    ]


async def test_a_group_may_have_an_accent_in_its_name_where_the_text_needs_none(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.message(F.text.folded.regex(r"opção (?P<opção>\w+)"))
    async def choose(ctx: Context, opção: str) -> None:
        await ctx.reply(opção)

    assert await answers(bot, bots, "OPCAO três") == ["três"]


@given(st.text())
def test_folding_keeps_the_place_of_every_character(text: str) -> None:
    bare, place = without_accents(text), places(text)
    assert len(place) == len(bare) + 1
    assert list(place) == sorted(place)
    assert fold(fold(text)) == fold(text) or not text.isascii()


def test_filters_that_are_joined_by_words_of_python_are_an_error() -> None:
    with pytest.raises(TypeError, match=r"& \| ~"):
        _ = F.text.contains("a") and F.text.contains("b")
    with pytest.raises(TypeError, match=r"& \| ~"):
        _ = not F.text


def test_a_filter_is_no_coroutine_function_and_no_word() -> None:
    async def later(ctx: Context) -> bool:
        return True

    with pytest.raises(InvalidBot, match="later"):
        F.text & later
    with pytest.raises(InvalidBot, match="'a'"):
        F.text & "a"  # type: ignore[operator]


# -- routers and their order


async def test_the_first_handler_that_wants_a_message_gets_it_and_routers_stand_where_they_are_included(
    bots: BotsNode,
) -> None:
    bot, sales, inner = Bot("b"), Router(), Router()

    def handler(target: Bot | Router, text: str, answer: str) -> None:
        @target.message(F.text.startswith(text))
        async def reply(ctx: Context) -> None:
            await ctx.reply(answer)

    handler(bot, "a", "bot a")
    handler(sales, "a", "sales a")
    handler(sales, "b", "sales b")
    sales.include(inner)
    handler(sales, "c", "sales c")
    bot.include(sales)
    handler(inner, "c", "inner c")
    handler(bot, "b", "bot b")
    handler(bot, "d", "bot d")
    assert await answers(bot, bots, "a", "b", "c", "d") == ["bot a", "sales b", "inner c", "bot d"]


def test_a_router_cannot_be_in_itself() -> None:
    one, two = Router(), Router()
    one.include(two)
    with pytest.raises(InvalidBot, match="itself"):
        two.include(one)
    with pytest.raises(InvalidBot, match="itself"):
        one.include(one)


async def test_a_handler_that_can_never_be_reached_is_told_at_the_start() -> None:
    bot = Bot("b")

    @bot.message
    async def everything(ctx: Context) -> None: ...

    @bot.command("ping")
    async def ping(ctx: Context) -> None: ...

    with pytest.raises(InvalidBot, match="`ping` is never reached: `everything` above it"):
        await bot.serve(None)  # type: ignore[arg-type]


async def test_two_commands_of_one_name_are_told_at_the_start() -> None:
    bot = Bot("b")

    @bot.command("preço")
    @bot.command("preco")
    async def price(ctx: Context) -> None: ...

    with pytest.raises(InvalidBot, match="two commands"):
        await bot.serve(None)  # type: ignore[arg-type]


async def test_a_handler_that_is_not_async_is_told(bots: BotsNode) -> None:
    with pytest.raises(InvalidBot, match="`ping` must be made with `async def`"):

        @Bot("b").command("ping")  # type: ignore[type-var]
        def ping(ctx: Context) -> None: ...

    with pytest.raises(InvalidBot, match="`some` must be made with `async def`"):

        @Bot("b").message(F.text)  # type: ignore[type-var]
        def some(ctx: Context) -> None: ...

    bot = Bot("b")

    @bot.message
    def every(ctx: Context) -> None: ...

    with pytest.raises(InvalidBot, match="`every` was taken for a filter"):
        await bot.serve(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "../up", "Echo", "a" * 33])
def test_a_bots_name_can_be_part_of_an_answers_number(name: str) -> None:
    with pytest.raises(InvalidBot, match="1 to 32"):
        Bot(name)


@pytest.mark.parametrize("limit", ["timeout", "stop_timeout", "max_answers", "answers_per_minute", "max_concurrent"])
def test_a_limit_that_would_let_a_bot_do_nothing_is_told(limit: str) -> None:
    with pytest.raises(InvalidBot, match=limit):
        Bot("b", **{limit: 0})  # type: ignore[arg-type]
    for wrong in (float("nan"), "5", *([] if limit == "answers_per_minute" else [None])):
        with pytest.raises(InvalidBot, match=f"`{limit}` of a bot is a number"):
            Bot("b", **{limit: wrong})  # type: ignore[arg-type]


def test_a_message_gets_no_more_answers_than_the_node_takes_at_once() -> None:
    Bot("b", max_answers=100)
    with pytest.raises(InvalidBot, match="at most 100"):
        Bot("b", max_answers=101)
