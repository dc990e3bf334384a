"""A bot as a program of its own: its account on the node, and how it ends."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from mepassa.bot.errors import InvalidBot
from mepassa.bot.load import loading
from mepassa.cli.i18n import _, speak
from mepassa.cli.itself import itself
from mepassa.cli.session import Refused, Session
from mepassa.client import Client
from mepassa.connection import default_socket
from mepassa.generated.errors import TokenRefused
from mepassa.generated.values import RegisteredBot
from mepassa.text import visible

if TYPE_CHECKING:
    from mepassa.bot.bot import Bot

OPTIONS = ("socket", "account", "token_file")
"""Of the command `mepassa`, which a bot's own file has too."""


def main(bot: Bot, arguments: Sequence[str] | None) -> None:
    """Run a bot's own file as a command. Ends the process. Raises `InvalidBot` where the file is only being read."""
    if loading.get():
        raise InvalidBot('The file runs its bot while it is read; put that below `if __name__ == "__main__":`.')
    from mepassa.cli import main as mepassa

    def callback(socket: str | None, account: str | None, token_file: Path | None) -> None:
        run(Session(socket, account, token_file), bot)

    command = click.Command(
        name=None,
        params=[option for option in mepassa.params if option.name in OPTIONS],
        callback=callback,
        context_settings=mepassa.context_settings,
        help=_("Run the bot {name} until it is interrupted.").format(name=bot.name),
    )
    speak(command)
    command.main(arguments)


def run(session: Session, bot: Bot) -> None:
    """Run a bot until it is interrupted. Raises click's errors."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    session.run(lambda: _serve(session, bot))


async def _serve(session: Session, bot: Bot) -> None:
    async with _stopped_by_signals(bot):
        try:
            bot.plan({})  # what is put together wrong is told before anything is made for it
            if session.account is None and not session.has_token:
                registered = await _register(session, bot)
                async with Client(session.socket, token=registered.token) as client:
                    await _say_how_to_reach(session, registered.account, client)
                    await _serve_registered(bot, client)
            else:
                await bot.serve(session.client, account=session.account)
        except InvalidBot as error:
            raise Refused(str(error)) from None


async def _serve_registered(bot: Bot, client: Client) -> None:
    """Serve with the token that the bot was given just now. Raises `Refused` when another start was given the next."""
    try:
        await bot.serve(client)
    except TokenRefused:
        told = _("The bot {name} was started again elsewhere, and goes on there.")
        raise Refused(told.format(name=bot.name)) from None


async def _register(session: Session, bot: Bot) -> RegisteredBot:
    """The bot's own account, and a token for it."""
    registered = await session.client.bots.register(bot=bot.name)
    told = _("The bot {name} has the account {account} of this node.")
    click.echo(told.format(name=bot.name, account=registered.account), err=True)
    if registered.words_file is not None:
        told = _("The 24 words of its new account are in {path}: keep them somewhere else, then remove that file.")
        click.echo(told.format(path=visible(registered.words_file)), err=True)
    return registered


async def _say_how_to_reach(session: Session, account: str, client: Client) -> None:
    """Tell how people come to the bot: whom nobody knows gets a link."""
    socket = () if session.socket == default_socket() else ("--socket", str(session.socket))
    if (await client.contacts.list(limit=1)).items:
        click.echo(_("Invite people:") + " " + itself(*socket, "--account", account, "invite"), err=True)
    else:
        link = (await client.invites.create()).uri
        click.echo(_("Talk to it:") + " " + itself(*socket, "chat", link), err=True)


@asynccontextmanager
async def _stopped_by_signals(bot: Bot) -> AsyncIterator[None]:
    """The first SIGINT or SIGTERM stops the bot well, the second one at once."""
    async with anyio.create_task_group() as tasks:

        async def listen() -> None:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for _signal in signals:
                    if bot.running:
                        bot.stop()
                    else:
                        tasks.cancel_scope.cancel()

        if threading.current_thread() is threading.main_thread():
            tasks.start_soon(listen)
        yield
        tasks.cancel_scope.cancel()
