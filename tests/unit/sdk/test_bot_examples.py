"""The bots of `examples/bots`, each talked to by people on nodes of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bot_runs import ROOT
from mepassa.testing import BotTester

Tester = Callable[..., BotTester]


def bot(name: str) -> str:
    return str(ROOT / "examples" / "bots" / f"{name}.py")


async def test_echo(bot_tester: Tester) -> None:
    async with bot_tester(bot("echo")) as t:
        assert await t.contact("ana").say("bom dia") == ["bom dia"]


async def test_commands(bot_tester: Tester) -> None:
    async with bot_tester(bot("commands")) as t:
        ana, rui = t.contact("ana"), t.contact("rui")
        assert await ana.say("/ping") == ["pong"]
        assert await ana.say("/add 1 2,5") == ["3.5"]
        assert await ana.say("/note buy bread") == ["Kept, that makes 1."]
        await t.restart()
        assert await ana.say("/note call Rui") == ["Kept, that makes 2."]
        assert await rui.say("/note") == ["There are no notes."]
        assert await ana.say("/forget 3") == ["There is no note of that number."]
        assert await ana.say("/forget one") == [
            "NUMBER is a whole number; “one” is not. Usage: /forget [NUMBER]",
        ]
        assert await ana.say("/forget 1") == ["Forgotten."]
        assert await ana.say("/note") == ["call Rui"]
        assert await ana.say("/forget") == ["Forgotten."]
        assert await ana.say("/note") == ["There are no notes."]
        assert await rui.say("MY NAME IS Renée") == ["Hello, Renée!"]
        assert (await rui.say("/ajuda"))[0].startswith("Commands:\n/ping — answers pong\n")


@pytest.mark.parametrize("restarted", [False, True])
async def test_reminder(bot_tester: Tester, restarted: bool) -> None:
    async with bot_tester(bot("reminder")) as t:
        ana, rui = t.contact("ana"), t.contact("rui")
        assert await ana.say("/remind 10 minutes call Rui") == ["I will remind you in 10 minutes."]
        assert await rui.say("/remind 1 hour eat") == ["I will remind you in 1 hour."]
        if restarted:
            await t.restart()
        await t.advance("9m")
        assert len(ana.inbox) == 1
        await t.advance("2m")
        assert ana.inbox[1:] == ["You wanted to be reminded: call Rui"]
        assert await ana.say("/remind 1 day sleep") == ["I will remind you in 1 day."]
        if restarted:
            await t.restart()
        await t.advance("2h")
        assert rui.inbox[1:] == ["You wanted to be reminded: eat"]
        assert len(ana.inbox) == 3


async def test_a_reminder_that_was_due_while_the_bot_was_away_is_sent_when_it_is_back(bot_tester: Tester) -> None:
    async with bot_tester(bot("reminder")) as t:
        ana = t.contact("ana")
        await ana.say("/remind 5 seconds go")
        t.bot.stop()
        await t.advance("1h")
        assert len(ana.inbox) == 1
        await t.restart()
        await t.advance(2)
        assert ana.last == "You wanted to be reminded: go"
        await t.restart()
        await t.advance(2)
        assert len(ana.inbox) == 2


@pytest.mark.parametrize("text", ["/remind 10 moons x", "/remind 0 days x", "/remind 99999 days x", "/remind -1 day x"])
async def test_a_reminder_that_cannot_be_kept_is_told(bot_tester: Tester, text: str) -> None:
    async with bot_tester(bot("reminder")) as t:
        (answer,) = await t.contact("ana").say(text)
        assert answer.startswith("I know seconds, minutes")
