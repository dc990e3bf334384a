"""The `mepassa` command: a thin client of a running node, one module a sub-command."""

from __future__ import annotations

import click

from mepassa.cli.accept import accept
from mepassa.cli.contacts import contacts
from mepassa.cli.invite import invite
from mepassa.cli.rpc import rpc
from mepassa.cli.send import send
from mepassa.cli.session import Session
from mepassa.cli.status import status
from mepassa.cli.tail import tail
from mepassa.cli.verify import verify


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no node answers, 130 interrupted with Ctrl-C.",
)
@click.option("--socket", metavar="PATH", help="The node's socket (default: $MEPASSAD_SOCKET, else the usual place).")
@click.option("--account", metavar="ID", help="The account to act for (default: the node's first).")
@click.version_option(package_name="mepassa")
@click.pass_context
def main(context: click.Context, socket: str | None, account: str | None) -> None:
    """Speak to a running mepassad."""
    context.obj = Session(socket, account)


for command in (status, invite, accept, contacts, verify, send, tail, rpc):
    main.add_command(command)
