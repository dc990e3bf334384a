"""docs/bots.md: its bots, each run at a real node in memory, which answer as the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from mepassa import Bot, Context, F
from mepassa.bot import Clock, InvalidBot
from mepassa.bot.limits import Limits
from mepassa.testing import BotTester

from mepassad.config.model import Config
from tests.documents.blocks import ROOT, blocks
from tests.documents.shell import environment

BOTS = "docs/bots.md"

Tester = Callable[..., BotTester]


@pytest.fixture
def bot(texts: list[str], tmp_path: Path) -> Path:
    """The last block that a test is marked to run, as a file."""
    file = tmp_path / "bot.py"
    file.write_text(texts[-1])
    return file


@pytest.mark.runs(BOTS, "First lines", "python")
async def test_the_first_bot_says_back_what_it_is_told(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        assert await t.contact("ana").say("bom dia") == ["You said: bom dia"]


@pytest.mark.runs(BOTS, "Commands", "python")
async def test_commands_have_arguments(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        for line in ("/orçamento 3", "/ORCAMENTO 3", "/Orçamento 3 10 não", "/orcamento 3 10,0 off"):
            assert await ana.say(line) == ["R$ 30.00"]
        assert await ana.say("/orçamento 2 2,5 sim") == ["R$ 25.00"]
        assert await ana.say("/soma 1 2,5 3") == ["6.5"]
        assert await ana.say('/anotar "a fazer" ligar  já') == ['"a: fazer" ligar  já']
        assert await ana.say("/orçamento dois") == [
            "PEÇAS é um número inteiro; “dois” não é. Uso: /orçamento PEÇAS [PREÇO] [FRETE]"
        ]
        assert await ana.say("/nada") == await ana.say("olá") == []
        (listed,) = await ana.say("/ajuda")
        assert "/soma [NÚMEROS…] — soma números\n/anotar TIPO TEXTO… — anota um texto" in listed
        assert await ana.say("/help") == [listed]


@pytest.mark.runs(BOTS, "Filters", "python")
async def test_the_first_handler_that_wants_a_message_gets_it(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("Olá! QUANTO CUSTA o Pão?") == ["price of Pão"]
        assert await ana.say("OLA") == ["hello"]
        assert await ana.say("olá?") == ["?"]
        assert await ana.say("olá" + "!" * 100) == ["hello"]
        assert await ana.say("x" * 101) == ["shorter, please"]


@pytest.mark.runs(BOTS, "Routers", "python")
async def test_a_routers_handlers_stand_where_it_is_included(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("/order mate") == ["ordered: mate"]
        assert await ana.say("hi") == ["/order PRODUCT"]


@pytest.mark.runs(BOTS, "Dependencies", "python")
async def test_what_is_provided_comes_by_name_and_may_be_overridden(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        assert await t.contact("ana").say("mate\nchá") == ["mate: 12, chá: ?"]
        await t.restart()
        assert await t.contact("ana").say("mate") == ["mate: 12"]
    async with bot_tester(bot, overrides={"prices": {"chá": 8}}) as t:
        assert await t.contact("ana").say("chá") == ["chá: 8"]


async def test_the_names_that_a_bot_gives_are_no_arguments_and_state_comes_back_as_json_has_it(
    bot_tester: Tester,
) -> None:
    bot = Bot("claims")

    @bot.command("sell")
    async def sell(ctx: Context, client: str, clock: Clock) -> None:
        await ctx.reply(repr(ctx.state))
        ctx.state.update(pieces={5: (1, 2)}, tags={"a"}, at=clock.now())

    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("/sell Maria") == ["“Maria” is too much. Usage: /sell"]
        await ana.say("/sell")
        (state,) = await ana.say("/sell")
        assert state.startswith("{'pieces': {'5': [1, 2]}, 'tags': ['a'], 'at': '20")


async def test_a_comparison_among_filters_needs_its_parentheses(bot_tester: Tester) -> None:
    bot = Bot("claims")
    with pytest.raises(InvalidBot):
        bot.message(F.text == "a" | F.text == "b")  # type: ignore[call-overload, comparison-overlap, operator]

    @bot.message((F.text == "a") | (F.text == "b"))
    async def either(ctx: Context) -> None:
        await ctx.reply("yes")

    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("a") == await ana.say("b") == ["yes"]
        assert await ana.say("c") == []


class Erp:
    """A system that does not come to an end the first time, and knows an order by its key."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def order(self, product: str, key: str) -> int:
        self.asked.append(key)
        if len(self.asked) == 1:
            await anyio.sleep_forever()
        return len(set(self.asked))


@pytest.mark.runs(BOTS, "State, and what “once” means", "python")
async def test_a_failed_handler_changes_nothing_and_state_outlives_a_restart(
    bot_tester: Tester, bot: Path, texts: list[str]
) -> None:
    bot.write_text(texts[0])
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("hi") == ["1"]
        assert await ana.say("fail") == []
        assert isinstance(t.errors.pop(), ValueError)
        await t.restart()
        assert await ana.say("hi") == ["2"]
        assert await t.contact("rui").say("hi") == ["1"]


@pytest.mark.runs(BOTS, "State, and what “once” means", "python")
async def test_a_handler_that_a_crash_cut_short_runs_again_with_the_same_key(bot_tester: Tester, bot: Path) -> None:
    erp = Erp()
    async with bot_tester(bot, overrides={"erp": erp}) as t:
        ana = t.contact("ana")
        assert await ana.say("/order mate") == []
        await t.restart()
        assert ana.inbox == ["Your order has the number 1."]
        assert await ana.say("/order tea") == ["Your order has the number 2."]
    assert len(erp.asked) == 3


@pytest.mark.runs(BOTS, "Answers", "python")
async def test_an_answer_does_not_wait_for_the_handler_and_the_contact_sees_it_typing(
    bot_tester: Tester, bot: Path
) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("hi") == []
        await t.advance(1)
        assert (ana.inbox, ana.typing) == (["One moment, please…"], True)
        await t.advance(20)
        assert (ana.last, ana.typing) == ("Done.", False)


@pytest.mark.runs(BOTS, "First lines", "python")
async def test_the_thirty_first_answer_within_a_minute_is_not_sent(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        for _ in range(31):
            await ana.say("hi")
        assert len(ana.inbox) == 30
        await t.advance("1m")
        assert await ana.say("hi") == ["You said: hi"]


@pytest.mark.runs(BOTS, "Middleware", "python")
async def test_a_middleware_decides_whether_anything_follows(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("hi") == ["Say the word."]
        assert await ana.say("sesame") == ["sesame"]
        assert await ana.say("hi") == ["hi"]


@pytest.mark.runs(BOTS, "Errors", "python")
async def test_an_error_handler_answers_instead(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("/divide 1 4") == ["Let me see…", "0.25"]
        assert await ana.say("/divide 2 0") == ["That did not work: ZeroDivisionError."]
        (conversation,) = [one async for one in t.bot.conversations()]
        assert conversation.state == {"last": 1.0}


@pytest.mark.runs(BOTS, "Tasks, and writing first", "python")
async def test_a_task_writes_first_and_the_same_once(bot_tester: Tester, bot: Path) -> None:
    async with bot_tester(bot) as t:
        ana, rui = t.contact("ana"), t.contact("rui")
        assert await ana.say("/news on") == ["on"]
        assert await rui.say("/news off") == ["off"]
        days = [f"News of {t.now:%Y-%m-%d}"]
        await t.advance("1h")
        await t.restart()
        await t.advance("2h")
        assert ana.inbox[1:] == [f"News of {t.now:%Y-%m-%d}"] == days
        await t.advance("1d")
        assert ana.inbox[1:] == [*days, f"News of {t.now:%Y-%m-%d}"]
        assert rui.inbox == ["off"]


@pytest.mark.runs(BOTS, "Tests")
def test_the_tests_of_the_page_pass_as_they_are(texts: list[str], tmp_path: Path) -> None:
    test, command = texts
    (answers,) = blocks(BOTS, "Answers", "python")
    (tmp_path / "bot.py").write_text(answers.text)
    (tmp_path / "test_bot.py").write_text(test)
    done = subprocess.run(
        ["sh", "-ec", command], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, "2 passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_bots_have_the_types_of_the_sdk(tmp_path: Path) -> None:
    bots = [one for one in blocks(BOTS, language="python") if one.heading != "Tests"]
    for number, one in enumerate(bots):
        (tmp_path / f"bot{number}.py").write_text(one.text)
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*mypy, *tmp_path.glob("*.py")], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    told = dict(re.findall(r"^\|[^|]*\| `([\w.]+)` \| (\d+) \|$", (ROOT / BOTS).read_text(), re.MULTILINE))
    config = Config()
    known = {
        "rpc.max_state": config.rpc.max_state, "messages.max_text": config.messages.max_text,
        "rpc.max_bot_sessions": config.rpc.max_bot_sessions, "rpc.max_tokens": config.rpc.max_tokens,
    }  # fmt: skip
    assert {name: float(value) for name, value in told.items()} == {**vars(Limits()), **known}
