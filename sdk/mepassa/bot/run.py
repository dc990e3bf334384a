"""A bot that runs alone: its options, its account on the node, and how it ends."""

from __future__ import annotations

import logging
import signal
import stat
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from mepassa.bot.errors import InvalidBot
from mepassa.bot.load import loading
from mepassa.client import Client
from mepassa.errors import ConnectionLost, MepassaError, NodeNotRunning

if TYPE_CHECKING:
    from mepassa.bot.bot import Bot

log = logging.getLogger("mepassa.bot")

TOKEN_FILE = "MEPASSA_TOKEN_FILE"  # noqa: S105 - the name of a variable

token_option = click.option(
    "--token-file", type=click.Path(path_type=Path), envvar=TOKEN_FILE, metavar="PATH",
    help=f"A file with the bot's token (default: ${TOKEN_FILE}); without one the node gives the bot an account.",
)  # fmt: skip


def main(bot: Bot, arguments: Sequence[str] | None) -> None:
    """Run a bot's own file as a command. Ends the process."""
    if loading.get():
        raise InvalidBot('The file runs its bot while it is read; put that below `if __name__ == "__main__":`.')

    @click.command(help=f"The bot {bot.name}, over a running mepassad.")
    @click.option(
        "--socket", metavar="PATH", help="The node's socket (default: $MEPASSAD_SOCKET, else the usual place)."
    )
    @click.option("--account", metavar="ID", help="Serve this account of the node instead of one of the bot's own.")
    @token_option
    def command(socket: str | None, account: str | None, token_file: Path | None) -> None:
        sys.exit(run_alone(bot, socket, account, token_file))

    command.main(arguments)


def run_alone(bot: Bot, socket: str | None, account: str | None, token_file: Path | None) -> int:
    """Run a bot until it is interrupted; the exit code: 0 stopped, 1 refused, 3 there is no node."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        anyio.run(_run, bot, socket, account, read_token(token_file) if token_file else None)
    except (NodeNotRunning, ConnectionLost) as error:
        return _complaint(error, 3)
    except MepassaError as error:
        return _complaint(error, 1)
    return 0


def read_token(path: Path) -> str:
    """The token that a file holds. Raises `InvalidBot` where it cannot be read, or by everybody."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o007:
            raise InvalidBot(f"Everybody may read the token in {path}: `chmod 600` it.")
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidBot(f"The token file {path} cannot be read.") from None
    if not token:
        raise InvalidBot(f"The token file {path} is empty.")
    return token


async def _run(bot: Bot, socket: str | None, account: str | None, token: str | None) -> None:
    failure = None
    async with anyio.create_task_group() as tasks:
        if threading.current_thread() is threading.main_thread():
            tasks.start_soon(_stop_on_signals, bot, tasks.cancel_scope)
        try:
            if token is None and account is None:
                token = await _register(bot, socket)
            async with Client(socket, token=token) as client:
                await bot.serve(client, account=account)
        except Exception as error:  # the group would wrap it
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _register(bot: Bot, socket: str | None) -> str:
    """A token for the bot's own account."""
    async with Client(socket) as client:
        registered = await client.bots.register(bot=bot.name)
    account, words = registered.account, registered.words_file
    log.info("%s has the account %s; invite people with `mepassa --account %s invite`", bot.name, account, account)
    if words is not None:
        log.info("the 24 words of its new account are in %s: keep them somewhere else, then remove the file", words)
    return registered.token


async def _stop_on_signals(bot: Bot, scope: anyio.CancelScope) -> None:
    """The first signal stops the bot well, the second one at once."""
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if bot.running:
                bot.stop()
            else:
                scope.cancel()


def _complaint(error: MepassaError, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code
