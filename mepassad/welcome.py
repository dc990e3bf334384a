"""What a person sees when the node starts: who they are, how to be reached, their words once."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
import segno

from mepassad.api.types import Account
from mepassad.i18n import _
from mepassad.people.keyfiles import write_words
from mepassad.wire.addresses import worth_telling

if TYPE_CHECKING:
    from mepassad.node import Node


def numbered(words: str) -> str:
    """The words in four columns, each with its number."""
    cells = [f"{number:>2} {word:<12}" for number, word in enumerate(words.split(), 1)]
    return "\n".join("".join(cells[row : row + 4]).rstrip() for row in range(0, len(cells), 4))


class FirstWords:
    """A new account's words on their way to a person: shown once, below all else, or in a file without a terminal."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where a file of words goes."""
        self._folder = folder
        self._words = ""

    def take(self, words: str, account: Account) -> None:
        """An account was made."""
        if sys.stdout.isatty():
            self._words = words
            return
        path = write_words(words, self._folder, account)
        click.echo(_("The 24 words that restore this account are in {path}").format(path=path))
        click.echo(_("Write them down on paper, then delete the file."))

    def show(self) -> None:
        """Show the words that a terminal is still owed."""
        if self._words:
            click.echo(_("These 24 words restore this account. Write them down: they are shown only now."))
            click.echo(f"\n{numbered(self._words)}\n")
            self._words = ""


async def show(node: Node, invite: bool) -> None:
    """Print account, socket and addresses; on a terminal also what to do next. An invite, which is a key, is printed
    on a terminal or where it is asked for."""
    account = node.accounts.resolve(None)
    click.echo(_("Account: {account}").format(account=account.id))
    click.echo(_("Socket: {path}").format(path=node.config.rpc.socket))
    for address in node.addresses():
        click.echo(_("Listening: {address}").format(address=address))
    if node.addresses() and (invite or sys.stdout.isatty()):
        uri = await node.invites.standing(account.id)
        click.echo(_("Invite, for one person: {uri}").format(uri=uri))
        click.echo(qr(uri))
    elif node.addresses():
        click.echo(_("Invite: ask for one with `mepassa invite`"))
    for line in node.roles.lines(worth_telling(node.addresses())):
        click.echo(_("Whom this node serves has this line in their config.yaml, in the place of the one there:"))
        click.echo(line)
        if node.roles.asks_for_pass():
            click.echo(_("and beside it `pass_file:` with the path of a file 0600 that holds this node's pass."))
    if sys.stdout.isatty():
        _show_next(client_command(sys.argv[0], node.config.rpc.socket, os.environ), bool(node.addresses()))
    sys.stdout.flush()


def _show_next(mepassa: str, reachable: bool) -> None:
    told = _("`{mepassa} bot new NAME` begins a bot. Ctrl-C here ends the node.")
    if reachable:
        told = _("`{mepassa} chat INVITE` talks to whoever gave you an invite, or give this one away.") + "\n" + told
    click.echo(_("Next, in another terminal:") + " " + told.format(mepassa=mepassa))


def client_command(program: str, socket: Path, environ: Mapping[str, str]) -> str:
    """How `mepassa` is called in another terminal so that it finds this node: the one that is installed beside
    `program`, with `--socket` unless the socket is where it looks by itself."""
    beside = Path(program).with_name("mepassa")
    on_path = shutil.which("mepassa")
    elsewhere = beside.is_file() and (on_path is None or not beside.samefile(on_path))
    data = environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    named = [] if socket == Path(data, "mepassad", "run", "mepassad.sock") else ["--socket", str(socket)]
    return shlex.join([str(beside) if elsewhere else "mepassa", *named])


def qr(text: str) -> str:
    """A QR code in half-block characters, for a terminal."""
    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, compact=True)
    return out.getvalue()
