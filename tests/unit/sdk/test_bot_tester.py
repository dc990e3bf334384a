"""`BotTester`: the bot of a test runs on a real node, with time of the test's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from mepassa import Bot, Context
from mepassa.bot.errors import InvalidBot
from mepassa.testing import BotTester


def counting() -> Bot:
    """Counts what each contact says."""
    bot = Bot("count")

    @bot.message
    async def count(ctx: Context) -> None:
        ctx.state["said"] = ctx.state.get("said", 0) + 1
        await ctx.reply(f"{ctx.state['said']}: {ctx.message.text}")

    return bot


async def test_a_bot_answers_each_contact_by_itself(bot_tester: Callable[..., BotTester]) -> None:
    async with bot_tester(counting()) as t:
        ana, rui = t.contact("ana"), t.contact("rui")
        assert await ana.say("oi") == ["1: oi"]
        assert await ana.say("ei") == ["2: ei"]
        assert await rui.say("olá") == ["1: olá"]
        assert (ana.inbox, ana.last) == (["1: oi", "2: ei"], "2: ei")
        assert ana.id.startswith("mp1")


async def test_state_and_conversations_outlive_a_crash(bot_tester: Callable[..., BotTester]) -> None:
    async with bot_tester(counting()) as t:
        ana = t.contact("ana")
        await ana.say("oi")
        await t.restart()
        assert await ana.say("ei") == ["2: ei"]
        await t.restart()
        assert ana.inbox == ["1: oi", "2: ei"]


async def test_time_goes_by_when_the_test_says_so(bot_tester: Callable[..., BotTester]) -> None:
    bot = Bot("late")

    @bot.message
    async def later(ctx: Context, clock: object) -> None:
        await ctx.reply("já vou")
        async with ctx.typing():
            await clock.sleep(30)  # type: ignore[attr-defined]
        await ctx.reply("pronto")

    async with bot_tester(bot) as t:
        ana, before = t.contact("ana"), t.now
        assert await ana.say("oi") == []
        assert ana.typing
        await t.advance(1)
        assert ana.inbox == ["já vou"]
        await t.advance(timedelta(seconds=28))
        assert ana.last == "já vou"
        await t.advance("2s")
        assert (ana.last, ana.typing) == ("pronto", False)
        assert timedelta(seconds=31) <= t.now - before < timedelta(seconds=40)


async def test_a_failure_that_nobody_caught_fails_the_test(bot_tester: Callable[..., BotTester]) -> None:
    bot = Bot("broken")

    @bot.message
    async def fail(ctx: Context) -> None:
        raise ZeroDivisionError

    with pytest.raises(AssertionError, match=r"failed 1 time\(s\)"):
        async with bot_tester(bot) as t:
            assert await t.contact("ana").say("oi") == []
    async with bot_tester(bot) as t:
        await t.contact("ana").say("oi")
        assert isinstance(t.errors.pop(), ZeroDivisionError)


async def test_a_task_that_fails_fails_the_test(bot_tester: Callable[..., BotTester]) -> None:
    bot = Bot("restless")

    @bot.task
    async def work() -> None:
        raise ZeroDivisionError

    async with bot_tester(bot) as t:
        assert isinstance(t.errors.pop(), ZeroDivisionError)


async def test_what_a_test_asserts_comes_out_as_it_is(bot_tester: Callable[..., BotTester]) -> None:
    with pytest.raises(AssertionError, match=r"^not so$"):
        async with bot_tester(counting()):
            raise AssertionError("not so")


async def test_a_failure_that_an_error_handler_caught_does_not(bot_tester: Callable[..., BotTester]) -> None:
    bot = Bot("caught")

    @bot.message
    async def fail(ctx: Context) -> None:
        raise ZeroDivisionError

    @bot.error(ArithmeticError)
    async def sorry(ctx: Context, error: Exception) -> None:
        await ctx.reply("desculpe")

    async with bot_tester(bot) as t:
        assert await t.contact("ana").say("oi") == ["desculpe"]


@pytest.mark.parametrize("scope", ["bot", "message"])
async def test_what_a_provider_makes_can_be_overridden(bot_tester: Callable[..., BotTester], scope: str) -> None:
    bot = Bot("prices")

    @bot.provide(scope=scope)
    async def erp() -> dict[str, str]:
        raise AssertionError("a test must not reach the real one")

    @bot.message
    async def price(ctx: Context, erp: dict[str, str]) -> None:
        await ctx.reply(erp[ctx.message.text])

    async with bot_tester(bot, overrides={"erp": {"café": "R$ 10"}}) as t:
        assert await t.contact("ana").say("café") == ["R$ 10"]
    with pytest.raises(InvalidBot, match="no provider named `epr`"):
        async with bot_tester(bot, overrides={"epr": {}}):
            pass


async def test_who_never_heard_from_the_bot_has_no_last(bot_tester: Callable[..., BotTester]) -> None:
    async with bot_tester(counting()) as t:
        with pytest.raises(LookupError, match="has not written to ana"):
            _ = t.contact("ana").last
        with pytest.raises(LookupError, match="has not met"):
            _ = t.contact("ana").id
        with pytest.raises(ValueError, match="no span of time"):
            await t.advance("soon")


def test_the_plugin_runs_a_projects_tests_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(
        "from mepassa import Bot, Context\nbot = Bot('echo')\n"
        "@bot.message\nasync def echo(ctx: Context) -> None:\n    await ctx.reply(ctx.message.text)\n"
    )
    (tmp_path / "test_bot.py").write_text(
        "async def test_echo(bot_tester):\n"
        "    async with bot_tester('bot.py') as t:\n"
        "        assert await t.contact('ana').say('oi') == ['oi']\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", tmp_path], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
