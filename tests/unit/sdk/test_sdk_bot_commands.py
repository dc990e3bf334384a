"""Commands: found whatever way they are typed, their arguments read, what is wrong with them answered."""

from __future__ import annotations

from contextlib import suppress

import pytest
from bot_runs import answers
from bots_node import BotsNode
from hypothesis import given
from hypothesis import strategies as st
from mepassa import Bot, Context
from mepassa.bot import InvalidBot
from mepassa.bot.arguments import Argument, WrongArgument, read
from mepassa.bot.words import Words

BIA = "mp1bia"


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


def test_a_bot_speaks_the_languages_that_there_are_catalogues_of() -> None:
    assert [Words(language)("Commands:") for language in ("en", "pt-BR")] == ["Commands:", "Comandos:"]
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
