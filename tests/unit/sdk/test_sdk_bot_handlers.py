"""Who gets a message: commands with their arguments, filters, routers; and what does not fit is told at the start."""

from __future__ import annotations

from contextlib import suppress

import pytest
from bot_runs import run_until
from bots_node import BotsNode
from hypothesis import given
from hypothesis import strategies as st
from mepassa import Bot, Context, F, Router
from mepassa.bot import InvalidBot
from mepassa.bot.arguments import Argument, WrongArgument, read
from mepassa.bot.filters import Filter
from mepassa.bot.folding import fold, places, without_accents
from mepassa.bot.words import LANGUAGES, Words
from wire_node import ANA

BIA = "mp1bia"


async def answers(bot: Bot, node: BotsNode, *texts: str, contact: str = ANA) -> list[str]:
    """What a contact is answered to each text; "-" where nobody wants it."""

    @bot.message
    async def nobody(ctx: Context) -> None:
        await ctx.reply("-")

    for text in texts:
        node.say(text, contact)
    await run_until(bot, node, lambda: len(node.answers) == len(texts))
    return node.texts(contact)


def parts_bot(filter: Filter) -> Bot:
    bot = Bot("b")

    @bot.message(filter)
    async def wanted(ctx: Context) -> None:
        await ctx.reply("+")

    return bot


# -- commands


async def test_a_command_is_found_whatever_case_and_accents_it_is_typed_with(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.command("preço")
    async def price(ctx: Context) -> None:
        await ctx.reply("+")

    texts = ["/preço", "/PRECO", " /Preço ", "/precos", "preço", "/ preço", "//preço", "/", "/5"]
    assert await answers(bot, bots, *texts) == ["+", "+", "+", "-", "-", "-", "-", "-", "-"]


async def test_arguments_are_read_as_their_annotations_say(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.command("buy")
    async def buy(ctx: Context, count: int, price: float, gift: bool, note: str = "none") -> None:
        await ctx.reply(f"{count!r} {price!r} {gift!r} {note!r}")

    texts = ["/buy 3 2,50 sim", "/buy -3 2.5 NÃO for  my mother\nand me", "/buy 1 1e3 0 x"]
    assert await answers(bot, bots, *texts) == [
        "3 2.5 True 'none'",
        "-3 2.5 False 'for  my mother\\nand me'",
        "1 1000.0 False 'x'",
    ]


async def test_the_words_that_are_left_are_those_of_args(bots: BotsNode) -> None:
    bot = Bot("b")

    @bot.command("sum")
    async def add(ctx: Context, what: str, *numbers: int) -> None:
        await ctx.reply(f"{what} {sum(numbers)}")

    @bot.command("words")
    async def words(ctx: Context, *words) -> None:  # type: ignore[no-untyped-def]
        await ctx.reply("|".join(words))

    assert await answers(bot, bots, "/sum of 1 2 3", "/sum of", "/words a  b") == ["of 6", "of 0", "a|b"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("/roll", "DICE is missing. Usage: /roll DICE [SIDES] [LOUD]"),
        ("/roll two", "DICE is a whole number; “two” is not. Usage: /roll DICE [SIDES] [LOUD]"),
        ("/roll 1_0", "DICE is a whole number; “1_0” is not. Usage: /roll DICE [SIDES] [LOUD]"),
        ("/roll 2 nan", "SIDES is a number; “nan” is not. Usage: /roll DICE [SIDES] [LOUD]"),
        ("/roll 2 6 perhaps", "LOUD is yes or no; “perhaps” is neither. Usage: /roll DICE [SIDES] [LOUD]"),
        ("/roll 2 6 yes more of it", "“more of it” is too much. Usage: /roll DICE [SIDES] [LOUD]"),
        (f"/roll {'9' * 5000}", f"DICE is a whole number; “{'9' * 40}…” is not. Usage: /roll DICE [SIDES] [LOUD]"),
    ],
)
async def test_a_wrong_argument_is_answered_by_a_usage_sentence(bots: BotsNode, text: str, answer: str) -> None:
    bot = Bot("b")

    @bot.command("roll")
    async def roll(ctx: Context, dice: int, sides: float = 6, loud: bool = False) -> None:
        raise AssertionError

    assert await answers(bot, bots, text) == [answer]


async def test_a_wrong_argument_is_told_in_the_bots_language(bots: BotsNode) -> None:
    bot = Bot("b", language="pt-BR")

    @bot.command("lembrar")
    async def remind(ctx: Context, minutos: int, texto: str) -> None: ...

    assert await answers(bot, bots, "/lembrar") == ["Falta MINUTOS. Uso: /lembrar MINUTOS TEXTO…"]


@given(st.text())
def test_any_line_is_read_or_is_a_wrong_argument(line: str) -> None:
    arguments = [Argument("a", int, False), Argument("b", float, True), Argument("c", bool, True, many=True)]
    for chosen in (arguments, arguments[:2], [Argument("rest", str, False, rest=True)]):
        with suppress(WrongArgument):
            read(chosen, line, Words("en"))


def test_every_sentence_of_a_bot_is_there_in_every_language_with_the_same_facts() -> None:
    for language, sentences in LANGUAGES.items():
        for sentence, translated in sentences.items():
            facts = dict.fromkeys(("usage", "argument", "word"), "X")
            assert sentence.format(**facts).count("X") == translated.format(**facts).count("X"), language


def test_a_bot_speaks_a_known_language() -> None:
    with pytest.raises(InvalidBot, match="en, pt-BR"):
        Bot("b", language="fr")


async def test_help_lists_the_commands_in_the_bots_language_under_two_names(bots: BotsNode) -> None:
    bot = Bot("b", language="pt-BR")

    @bot.command("ping", help="responde pong")
    async def ping(ctx: Context) -> None: ...

    @bot.command("lembrar")
    async def remind(ctx: Context, minutos: int, *palavras: str) -> None:
        """Lembra mais tarde.

        Só isto não.
        """

    @bot.command("nada")
    async def nothing(ctx: Context) -> None: ...

    listed = "\n".join(
        [
            "Comandos:",
            "/ping — responde pong",
            "/lembrar MINUTOS PALAVRAS… — Lembra mais tarde.",
            "/nada",
            "/ajuda — mostra esta lista",
        ]
    )
    assert await answers(bot, bots, "/help", "/Ajuda") == [listed.replace("PALAVRAS…", "[PALAVRAS…]")] * 2


async def test_a_bot_without_commands_has_no_help_and_its_own_help_is_not_hidden(bots: BotsNode) -> None:
    assert await answers(Bot("a"), bots, "/help") == ["-"]
    bot = Bot("b")

    @bot.command("help")
    async def own(ctx: Context) -> None:
        await ctx.reply("own")

    bots.answers.clear()
    bots.log.clear()
    assert await answers(bot, bots, "/help", "/ajuda") == ["own", "Commands:\n/help\n/help — shows this list"]


@pytest.mark.parametrize("name", ["", "/", "two words", "5", "-a", "a" * 33])
def test_a_command_has_a_name_that_can_be_typed(name: str) -> None:
    with pytest.raises(InvalidBot, match="1 to 32 letters"):

        @Bot("b").command(name)
        async def command(ctx: Context) -> None: ...


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
