"""Bots that live inside a real daemon: the same files that run alone, with accounts of their own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mepassad.testing.rpc_client import RpcClient
from tests.daemon import Daemon, Fleet, eventually

ECHO = """
from mepassa import Bot, Context

bot = Bot("eco")


@bot.message
async def echo(ctx: Context) -> None:
    ctx.state["said"] = ctx.state.get("said", 0) + 1
    if "segredo" in ctx.message.text:
        raise ValueError(ctx.message.text)
    await ctx.reply(f"{ctx.state['said']}: {ctx.message.text}")


if __name__ == "__main__":
    bot.run()
"""


def host(fleet: Fleet, text: str = ECHO) -> tuple[Daemon, Path]:
    """A daemon with a bot, and the bot's file."""
    file = fleet.folder / "eco.py"
    file.write_text(text)
    return fleet.start("host", plugins=[], bots=[{"file": str(file)}])[0], file


async def account_of_the_bot(owner: RpcClient) -> str:
    async def found() -> str | None:
        items = (await owner.call("accounts.list"))["items"]
        return next((item["account"] for item in items if item["kind"] == "bot"), None)

    return str(await eventually(found, bool))


async def meet(owner: RpcClient) -> str:
    """Make the owner a contact of the bot; the bot's account."""
    bot = await account_of_the_bot(owner)
    await owner.call("invites.accept", uri=(await owner.call("invites.create", account=bot))["uri"])
    return bot


async def hears(owner: RpcClient, bot: str, texts: list[str]) -> None:
    """Wait until the bot has answered just so."""

    async def heard() -> list[str]:
        items = (await owner.call("messages.list", contact=bot))["items"]
        return [item["text"] for item in reversed(items) if item["incoming"]]

    await eventually(heard, lambda found: found == texts)


async def test_a_bot_of_the_configuration_answers_and_goes_on_after_a_kill(fleet: Fleet) -> None:
    daemon, _ = host(fleet)
    async with daemon.session() as owner:
        bot = await meet(owner)
        await owner.call("messages.send", contact=bot, text="oi")
        await hears(owner, bot, ["1: oi"])
        await owner.call("messages.send", contact=bot, text="ei")
    daemon.kill()
    daemon.start()
    async with daemon.session() as owner:
        await owner.call("messages.send", contact=bot, text="olá")
        await hears(owner, bot, ["1: oi", "2: ei", "3: olá"])
        assert (await owner.call("system.stats"))["components"] == {"bot": ["eco"]}


async def test_a_handler_that_fails_is_logged_without_what_was_written(fleet: Fleet) -> None:
    daemon, _ = host(fleet)
    async with daemon.session() as owner:
        bot = await meet(owner)
        await owner.call("messages.send", contact=bot, text="um segredo")
        await owner.call("messages.send", contact=bot, text="oi")
        await hears(owner, bot, ["1: oi"])
    assert re.search(r"ERROR .*eco failed on message \S+: .*eco\.py:\d+ > ValueError", daemon.log())
    assert "segredo" not in daemon.log()


async def test_a_file_that_is_broken_is_told_with_its_line_and_runs_once_it_is_mended(fleet: Fleet) -> None:
    daemon, file = host(fleet, "import mepassa\nbot = mepassa.Bot(")
    async with daemon.client(after=0) as owner:
        failed: dict[str, Any] = (await owner.event("plugin.failed"))["data"]
        assert failed["plugin"] == "bots"
        assert f"{file}, line 2" in failed["reason"]
        file.write_text(ECHO)
        bot = await meet(owner)
        await owner.call("messages.send", contact=bot, text="oi")
        await hears(owner, bot, ["1: oi"])


async def test_what_a_contact_writes_cannot_make_a_handler_end_the_daemon(fleet: Fleet) -> None:
    daemon, _ = host(fleet, ECHO.replace("raise ValueError(ctx.message.text)", "raise SystemExit"))
    async with daemon.session() as owner:
        bot = await meet(owner)
        await owner.call("messages.send", contact=bot, text="um segredo")
        await owner.call("messages.send", contact=bot, text="oi")
        await hears(owner, bot, ["1: oi"])


STUBBORN = ECHO.replace(
    "if __name__",
    """
@bot.task
async def forever() -> None:
    while True:
        try:
            await anyio.sleep(3600)
        except BaseException:
            pass


if __name__""",
).replace("from mepassa", "import anyio\nfrom mepassa", 1)

IMPATIENT = """
import sys
from mepassad import node
from mepassad.cli.main import main
node.STOP_SECONDS = 0.2
main(sys.argv[2:])
"""


async def test_a_bot_that_does_not_let_itself_be_stopped_does_not_keep_the_daemon_from_stopping(fleet: Fleet) -> None:
    daemon, _ = host(fleet, STUBBORN)
    daemon.kill()
    daemon.start(sys.executable, "-c", IMPATIENT)
    async with daemon.session() as owner:
        bot = await meet(owner)
        await owner.call("messages.send", contact=bot, text="oi")
        await hears(owner, bot, ["1: oi"])
    assert daemon.stop() == 1
    assert 'ERROR node: the node does not stop, it is ended bots=["eco"]' in daemon.log()
