"""The bots of `examples/bots`, as the people meet them who write to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bot_runs import ROOT
from mepassa.testing import BotTester

BOTS = ROOT / "examples" / "bots"

Tester = Callable[..., BotTester]


def test_an_example_fits_on_a_page() -> None:
    examples = {path.name: len(path.read_text().splitlines()) for path in BOTS.glob("*.py")}
    assert examples.keys() >= {"echo.py", "commands.py", "reminder.py"}
    assert [name for name, lines in examples.items() if lines >= 60] == []


# -- the shop


async def test_the_shop_tells_prices_however_they_are_asked_for(bot_tester: Tester) -> None:
    async with bot_tester(BOTS / "commands.py") as t:
        ana = t.contact("ana")
        assert await ana.say("/preço café") == ["Café: R$ 18,90"]
        assert await ana.say("/PRECO CAFE") == ["Café: R$ 18,90"]
        assert await ana.say("Bom dia! Quanto custa o açúcar?") == ["Açúcar: R$ 5,49"]
        assert await ana.say("quanto e mate") == ["Mate: R$ 12,90"]
        assert await ana.say("/preço chá") == ["Temos Açúcar, Café, Mate."]


async def test_the_shop_says_in_portuguese_how_a_command_is_written(bot_tester: Tester) -> None:
    async with bot_tester(BOTS / "commands.py") as t:
        ana = t.contact("ana")
        assert await ana.say("/preço") == ["Falta PRODUTO. Uso: /preço PRODUTO…"]
        assert await ana.say("/pedir café dois") == [
            "QUANTIDADE é um número inteiro; “dois” não é. Uso: /pedir PRODUTO [QUANTIDADE]"
        ]
        assert await ana.say("obrigada") == ["Não entendi. /ajuda mostra o que eu sei."]
        assert (await ana.say("/ajuda"))[0].splitlines() == [
            "Comandos:",
            "/preço PRODUTO… — diz quanto custa um produto",
            "/pedir PRODUTO [QUANTIDADE] — põe um produto no carrinho",
            "/carrinho — mostra o que você pediu",
            "/esvaziar — esvazia o carrinho",
            "/ajuda — mostra esta lista",
        ]
        assert await ana.say("/help") == [ana.last]


async def test_a_cart_is_of_one_contact_and_outlives_a_restart(bot_tester: Tester) -> None:
    async with bot_tester(BOTS / "commands.py") as t:
        ana, rui = t.contact("ana"), t.contact("rui")
        assert await ana.say("/pedir café 2") == ["2 × Café\nTotal: R$ 37,80"]
        await t.restart()
        assert await ana.say("/pedir mate") == ["2 × Café\n1 × Mate\nTotal: R$ 50,70"]
        assert await rui.say("/carrinho") == ["O carrinho está vazio."]
        assert await ana.say("/esvaziar") == await ana.say("/carrinho") == ["O carrinho está vazio."]


@pytest.mark.parametrize("junk", ["0", "-1", "100", "99999999999999999999"])
async def test_a_cart_takes_no_number_that_makes_no_sense(bot_tester: Tester, junk: str) -> None:
    async with bot_tester(BOTS / "commands.py") as t:
        ana = t.contact("ana")
        assert await ana.say(f"/pedir café {junk}") == ["O carrinho leva de 1 a 99 de cada produto."]
        assert await ana.say("/pedir café 99") == ["99 × Café\nTotal: R$ 1.871,10"]
        assert await ana.say("/pedir café") == ["O carrinho leva de 1 a 99 de cada produto."]


# -- reminders


async def test_a_reminder_comes_when_it_is_due_and_once(bot_tester: Tester) -> None:
    async with bot_tester(BOTS / "reminder.py") as t:
        ana, rui = t.contact("ana"), t.contact("rui")
        assert await ana.say("/remind 10m call Ana") == ["I will remind you in 10m."]
        assert await rui.say("/remind 2h tea") == ["I will remind you in 2h."]
        await t.advance("595s")
        assert ana.last == "I will remind you in 10m."
        await t.advance("10s")
        assert ana.last == "⏰ call Ana"
        await t.advance("2h")
        assert rui.inbox == ["I will remind you in 2h.", "⏰ tea"]
        assert ana.inbox == ["I will remind you in 10m.", "⏰ call Ana"]


async def test_reminders_outlive_restarts_before_and_after_they_are_sent(bot_tester: Tester) -> None:
    async with bot_tester(BOTS / "reminder.py") as t:
        ana = t.contact("ana")
        await ana.say("/remind 10m call Ana")
        await ana.say("/remind 1d pay")
        await t.restart()
        await t.advance("11m")
        assert ana.inbox[2:] == ["⏰ call Ana"]
        await t.restart()
        await t.advance("1h")
        assert ana.inbox[2:] == ["⏰ call Ana"]
        await t.advance("1d")
        assert ana.inbox[2:] == ["⏰ call Ana", "⏰ pay"]


async def test_a_reminder_that_fell_due_while_the_bot_was_away_comes_late(bot_tester: Tester) -> None:
    async with bot_tester(BOTS / "reminder.py") as t:
        ana = t.contact("ana")
        await ana.say("/remind 10m call Ana")
        t.bot.stop()
        await t.advance("1h")
        assert len(ana.inbox) == 1
        await t.restart()
        await t.advance("5s")
        assert ana.last == "⏰ call Ana"


async def test_what_was_sent_makes_room_for_more(bot_tester: Tester) -> None:
    async with bot_tester(BOTS / "reminder.py") as t:
        ana = t.contact("ana")
        for number in range(20):
            assert await ana.say(f"/remind 10m {number}") == ["I will remind you in 10m."]
        full = ["I keep 20 reminders for you, of 500 characters each."]
        assert await ana.say("/remind 10m 20") == full
        await t.advance("11m")
        assert sorted(ana.inbox[-20:]) == sorted(f"⏰ {number}" for number in range(20))
        assert await ana.say("/remind 10m " + "x" * 501) == full
        assert await ana.say("/remind 10m " + "x" * 500) == ["I will remind you in 10m."]
        (conversation,) = [one async for one in t.bot.conversations()]
        assert len(conversation.state["reminders"]) == 1


@pytest.mark.parametrize("junk", ["soon call Ana", "10 call Ana", "-1m x", "99999d x", "١٠m x", "10m10s x"])
async def test_a_span_that_is_none_is_explained(bot_tester: Tester, junk: str) -> None:
    async with bot_tester(BOTS / "reminder.py") as t:
        (answer,) = await t.contact("ana").say(f"/remind {junk}")
        assert answer.startswith("After how long?")
