"""A bot's file as a program: its options, its account, its end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from bot_runs import PATIENCE, ROOT, until
from bots_node import BotsNode
from mepassa import Bot
from wire_node import ANA, ME, Wire

ECHO = ROOT / "examples" / "bots" / "echo.py"


@pytest.fixture
def anyio_backend() -> str:
    """The programs have loops of their own."""
    return "asyncio"


@asynccontextmanager
async def program(file: Path, *options: str, **environment: str) -> AsyncIterator[Process]:
    """The bot as a process; killed where a test leaves it running."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MEPASSA", "COV"))}
    async with await anyio.open_process([sys.executable, str(file), *options], env={**clean, **environment}) as process:
        try:
            with anyio.fail_after(PATIENCE):
                yield process
        finally:
            if process.returncode is None:
                process.kill()


async def said(process: Process) -> str:
    """What it wrote to standard error until its end."""
    assert process.stderr is not None
    return b"".join([part async for part in process.stderr]).decode()


async def ended(file: Path, *options: str, **environment: str) -> tuple[int, str]:
    """The exit code of the bot as a process, and what it said."""
    async with program(file, *options, **environment) as process:
        words = await said(process)
        return await process.wait(), words


async def run(arguments: Sequence[str], bot: Bot) -> int:
    """The exit code of a bot that is run in a thread of this process."""

    def main() -> int:
        with pytest.raises(SystemExit) as caught:
            bot.run(list(arguments))
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return await anyio.to_thread.run_sync(main)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_bot_gets_an_account_of_its_own_says_so_and_ends_well(bots: BotsNode, number: signal.Signals) -> None:
    bots.words_file = "/somewhere/words"
    bots.say("hi", account="mp1bot")
    bots.say("not for me", account=ME)
    async with program(ECHO, "--socket", str(bots.path)) as process:
        await until(lambda: bool(bots.answers))
        process.send_signal(number)
        words = await said(process)
        assert await process.wait() == 0
    assert bots.texts() == ["hi"]
    assert "account mp1bot" in words
    assert "/somewhere/words" in words
    assert f"mepassa --socket {bots.path} chat mepassa:i/1/AAAA" in words
    assert bots.token not in words
    assert ("bots.register", {"bot": "echo"}) in bots.calls


async def test_a_bot_that_has_contacts_says_how_to_invite_more(bots: BotsNode) -> None:
    bots.contacts = 1
    async with program(ECHO, "--socket", str(bots.path)) as process:
        await bots.called("bots.open")
        process.terminate()
        words = await said(process)
    assert f"mepassa --socket {bots.path} --account mp1bot invite" in words
    assert "chat" not in words


async def test_a_second_signal_ends_a_bot_whose_handler_hangs(bots: BotsNode, tmp_path: Path) -> None:
    file = tmp_path / "hanging.py"
    file.write_text(
        "import anyio\nfrom mepassa import Bot\nbot = Bot('hanging')\n@bot.message\nasync def hang(ctx):\n"
        "    await ctx.reply('begun')\n    await anyio.sleep_forever()\nbot.run()\n"
    )
    bots.say("hi")
    async with program(file, "--socket", str(bots.path), "--account", ME) as process:
        await until(lambda: bots.texts() == ["begun"])
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        await said(process)
        assert await process.wait() == 0


async def test_a_signal_ends_a_bot_that_has_not_begun(bots: BotsNode) -> None:
    async def hang(wire: Wire, **_: object) -> dict[str, Any]:
        await anyio.sleep_forever()

    bots.methods["bots.open"] = hang
    async with program(ECHO, "--socket", str(bots.path), "--account", ME) as process:
        await bots.called("bots.open")
        process.terminate()
        await said(process)
        assert await process.wait() == 0


async def test_a_named_account_is_served_with_the_rights_of_the_socket(bots: BotsNode) -> None:
    bots.say("for somebody else", account="mp1bot")
    bots.say("hi", account=ME)
    async with program(ECHO, "--socket", str(bots.path), "--account", ME) as process:
        await until(lambda: bool(bots.answers))
        process.terminate()
        await said(process)
    assert bots.texts() == ["hi"]
    assert {"bots.register", "system.hello"}.isdisjoint(method for method, _ in bots.calls)


@pytest.mark.parametrize("way", ["option", "environment"])
async def test_a_token_is_read_from_a_file(bots: BotsNode, tmp_path: Path, way: str) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text(f"{bots.token}\n")
    bots.say("hi", account="mp1bot")
    options = ["--token-file", str(file)] if way == "option" else []
    environment = {"MEPASSA_TOKEN_FILE": str(file)} if way == "environment" else {}
    async with program(ECHO, "--socket", str(bots.path), *options, **environment) as process:
        await until(lambda: bots.texts(ANA) == ["hi"])
        process.terminate()
        await said(process)
    assert "bots.register" not in [method for method, _ in bots.calls]
    bots.token = "another"
    code, words = await ended(ECHO, "--socket", str(bots.path), *options, **environment)
    assert code == 1
    assert "This token is unknown." in words


async def test_run_without_a_node_ends_with_a_sentence_and_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(["--socket", str(tmp_path / "none")], Bot("idle")) == 3
    assert "No mepassad answers" in capsys.readouterr().err


async def test_a_bot_that_is_not_put_together_right_ends_with_a_sentence_and_code_1(
    bots: BotsNode, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = Bot("wrong")

    @bot.message
    async def answer(erp: object) -> None: ...

    assert await run(["--socket", str(bots.path), "--account", ME], bot) == 1
    assert "Nobody provides the parameter `erp`" in capsys.readouterr().err


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Bot("idle").run(["--help"])
    shown = capsys.readouterr().out
    assert all(option in shown for option in ("--socket", "--account", "--token-file", "MEPASSA_TOKEN_FILE"))
