"""The `mepassa` command: a thin client of a running node, one module a sub-command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mepassa.cli.accept import accept
from mepassa.cli.accounts import accounts
from mepassa.cli.bot import bot
from mepassa.cli.chat import chat
from mepassa.cli.completion import completion
from mepassa.cli.contacts import contacts
from mepassa.cli.i18n import speak
from mepassa.cli.invite import invite
from mepassa.cli.rpc import rpc
from mepassa.cli.search import history, search
from mepassa.cli.send import send
from mepassa.cli.session import Session
from mepassa.cli.status import status
from mepassa.cli.streams import prepare
from mepassa.cli.tail import tail
from mepassa.cli.tokens import tokens
from mepassa.cli.verify import verify


class Commands(click.Group):
    """The sub-commands, in the user's language."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line, as click does."""
        prepare()
        speak(self)
        return super().main(*args, **kwargs)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no node answers, 130 interrupted with Ctrl-C.",
)
@click.option("--socket", metavar="PATH", help="The node's socket (default: $MEPASSAD_SOCKET, else the usual place).")
@click.option("--account", metavar="ID", help="The account to act for (default: the node's first).")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    envvar="MEPASSA_TOKEN_FILE",
    metavar="FILE",
    help="Show the token in FILE, which nobody else may read (default: $MEPASSA_TOKEN_FILE, else none).",
)
@click.version_option(package_name="mepassa")
@click.pass_context
def main(context: click.Context, socket: str | None, account: str | None, token_file: Path | None) -> None:
    """Speak to a running mepassad."""
    context.obj = Session(socket, account, token_file)


COMMANDS = (
    status, accounts, invite, accept, contacts, verify, send, chat, history, search, tail, rpc, tokens, bot, completion,
)  # fmt: skip
for command in COMMANDS:
    main.add_command(command)
