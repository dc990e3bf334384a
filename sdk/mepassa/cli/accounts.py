"""`mepassa accounts`: those of the node, and new ones."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click

from mepassa.cli.files import new_file
from mepassa.cli.i18n import _
from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import echo_line, echo_table
from mepassa.cli.words import kind_word
from mepassa.text import as_json, visible

KINDS = ("person", "bot", "ai-agent", "node")
Kind = Literal["person", "bot", "ai-agent", "node"]
_COLUMNS = 4


@click.group(invoke_without_command=True, short_help="List the node's accounts, make one.")
@click.option("--json", "json_", is_flag=True, help="One JSON list.")
@click.pass_context
def accounts(context: click.Context, json_: bool) -> None:
    """List the node's accounts, one a line: id, kind and name. The first is the one meant where none is named."""
    if context.invoked_subcommand is None:
        _list(json_)


@over_socket
async def _list(session: Session, json_: bool) -> None:
    found = [account async for account in session.client.accounts.iterate()]
    if json_:
        echo_line(as_json(found))
    else:
        echo_table([(one.account, kind_word(one.kind), visible(one.name)) for one in found])


@accounts.command(short_help="Make an account; shows its 24 words once.")
@click.argument("name", metavar="NAME")
@click.option("--kind", type=click.Choice(KINDS), default="person", show_default=True, help="What the account is.")
@click.option(
    "--words-file", type=click.Path(path_type=Path), metavar="FILE", help="Write the words into a new file 0600."
)
@over_socket
async def create(session: Session, name: str, kind: Kind, words_file: Path | None) -> None:
    """Make an account, which contacts see by NAME. The 24 words that restore it are shown this once, on a terminal;
    elsewhere they need a --words-file."""
    if words_file is None and not sys.stdout.isatty():
        raise click.UsageError(_("The 24 words are shown on a terminal only; give a --words-file for them."))
    with ExitStack() as files:
        file = None if words_file is None else files.enter_context(new_file(words_file))
        made = await session.client.accounts.create(name=name, kind=kind)
        if file is not None:
            file.write(f"{made.words}\n".encode())
    echo_line(_("Account: {account}").format(account=made.account))
    if words_file is not None:
        echo_line(_("The 24 words that restore this account are in {path}").format(path=words_file))
        echo_line(_("Write them down on paper, then delete the file."))
    else:
        echo_line(_("These 24 words restore this account. Write them down: they are shown only now."))
        click.echo(f"\n{numbered(made.words)}\n")


def numbered(words: str) -> str:
    """The words in columns, each with its number."""
    cells = [f"{number:>2} {visible(word):<12}" for number, word in enumerate(words.split(), 1)]
    return "\n".join("".join(cells[row : row + _COLUMNS]).rstrip() for row in range(0, len(cells), _COLUMNS))
