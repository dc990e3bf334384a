"""docs/bots.md: each bot in it is talked to by people on nodes of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from mepassa.bot.load import load_bot
from mepassa.testing import BotTester

from tests.daemon import MEPASSAD, run
from tests.documents.shell import Shell, environment

BOTS = "docs/bots.md"
Tester = Callable[..., BotTester]


@pytest.fixture
def anyio_backend() -> str:
    """What the node behind the tests runs on."""
    return "asyncio"


@pytest.fixture
def bot(texts: list[str], tmp_path: Path) -> str:
    """The bot of a section, in a file."""
    file = tmp_path / "bot.py"
    file.write_text(texts[0])
    return str(file)


@pytest.mark.runs(BOTS, "Begin")
def test_a_new_bot_passes_its_test(texts: list[str], tmp_path: Path) -> None:
    with Shell("sh", cwd=tmp_path, environ=environment(tmp_path)) as shell:
        assert "2 passed" in shell.run(texts[0])
    assert load_bot(str(tmp_path / "shop" / "bot.py")).name == "shop"


@pytest.mark.runs(BOTS, "Commands")
async def test_commands(bot: str, bot_tester: Tester) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("/buy 3 fresh coffee") == ["3 × fresh coffee, thank you."]
        assert await ana.say("/Sum 1 2,5") == ["3.5"]
        assert await ana.say("/buy coffee") == ["COUNT is a whole number; “coffee” is not. Usage: /buy COUNT ITEM…"]
        assert (await ana.say("/ajuda"))[0].startswith("Commands:\n/buy COUNT ITEM… — orders something")


@pytest.mark.runs(BOTS, "Messages and filters")
async def test_filters(bot: str, bot_tester: Tester) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("OLA") == ["Olá! Que preço você procura?"]
        assert await ana.say("PRECO DO Pão") == ["Pão: R$ 10,00"]
        assert await ana.say("!oi") == ["Sim?"]
        assert await ana.say("x" * 101) == ["Em poucas palavras, por favor."]
        assert await ana.say("! oi") == ["Não entendi."]


@pytest.mark.runs(BOTS, "The context")
async def test_who_has_to_wait_is_told(bot: str, bot_tester: Tester) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("hi") == []
        await t.advance(1)
        assert ana.inbox == ["One moment, please…"]
        assert ana.typing
        await t.advance(2)
        assert ana.inbox == ["One moment, please…", "Here it is."]


@pytest.mark.runs(BOTS, "State")
@pytest.mark.runs(BOTS, "Testing")
def test_the_bot_with_a_state_passes_the_test_that_is_shown(texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(texts[0])
    (tmp_path / "test_bot.py").write_text(texts[1])
    done = run(sys.executable, "-m", "pytest", "-q", tmp_path, cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.runs(BOTS, "What handlers ask for")
async def test_what_is_provided(bot: str, bot_tester: Tester) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        known = [{"name": "Café", "price": 21.5}] if request.url.params["q"] == "café" else []
        return httpx.Response(200, json=known)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="https://erp.example") as erp,
        bot_tester(bot, overrides={"erp": erp}) as t,
    ):
        ana = t.contact("ana")
        assert await ana.say("Price of café") == ["Café: 21.50"]
        assert await ana.say("price of tea") == ["We do not have that."]
    async with bot_tester(bot) as t:  # what it provides itself can be made, too
        await t.contact("ana").say("hi")


@pytest.mark.runs(BOTS, "Middleware and errors")
async def test_middleware_and_errors(bot: str, bot_tester: Tester) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("/divide 1 4") == ["Welcome!", "0.25"]
        assert await ana.say("/divide 1 0") == ["Nothing can be divided by zero."]
        assert await ana.say("/divide 2 1") == ["2"]


@pytest.mark.runs(BOTS, "Writing first")
async def test_a_task_writes_first_once_a_day(bot: str, bot_tester: Tester) -> None:
    async with bot_tester(bot) as t:
        ana, rui = t.contact("ana"), t.contact("rui")
        await ana.say("/join")
        await rui.say("hi")
        await t.advance("1d")
        assert len(ana.inbox) == 2
        assert ana.last == f"It is {t.now:%A}."
        await t.restart()
        await t.advance("1h")
        assert len(ana.inbox) == 2
        assert rui.inbox == []


@pytest.mark.runs(BOTS, "Larger bots")
async def test_a_router(bot: str, bot_tester: Tester) -> None:
    async with bot_tester(bot) as t:
        ana = t.contact("ana")
        assert await ana.say("Buy bread") == ["How many?"]
        assert await ana.say("hi") == ["I can sell you something."]


@pytest.mark.runs(BOTS, "Running")
def test_the_configuration_is_right(texts: list[str], tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(texts[0])
    done = run(MEPASSAD, "--config", config, "check-config")
    assert "The configuration is right" in done.stdout, done.stderr
