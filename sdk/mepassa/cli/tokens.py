"""`mepassa tokens`: what programs show to do less than the user may."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from mepassa.cli import times
from mepassa.cli.files import new_file
from mepassa.cli.i18n import _
from mepassa.cli.invite import seconds
from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import echo_line, echo_table
from mepassa.text import as_json, visible


@click.group(short_help="Give programs less than you may do.")
def tokens() -> None:
    """Make, list and revoke tokens. Who shows one (--token-file) may do what its scopes allow, for its account only."""


@tokens.command(short_help="Make a token; it is shown once.")
@click.argument("name", metavar="NAME")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    help="read, write (and read), admin (everything) or a method; may be given several times.",
)
@click.option("--expires", type=seconds, metavar="SPAN", help="How long it is good for: 12h, 7d (default: for ever).")
@click.option("--file", "path", type=click.Path(path_type=Path), metavar="FILE", help="Write it into a new file 0600.")
@over_socket
async def create(session: Session, name: str, scopes: Sequence[str], expires: int | None, path: Path | None) -> None:
    """Make a token, with a NAME to find it again by. With --account before `tokens` it acts for that account only.
    Prints the token, nothing else; with --file its id."""
    with ExitStack() as files:
        file = None if path is None else files.enter_context(new_file(path))
        made = await session.client.tokens.create(
            name=name, scopes=list(scopes), account=session.account, expires_in=expires
        )
        if file is not None:
            file.write(f"{made.token}\n".encode())
    echo_line(visible(made.token if path is None else made.token_id))
    if path is None and sys.stdout.isatty():
        click.echo(_("This token is shown only now. Its id is {id}.").format(id=visible(made.token_id)), err=True)


@tokens.command("list", short_help="List tokens.")
@click.option("--json", "json_", is_flag=True, help="One JSON list.")
@over_socket
async def list_(session: Session, json_: bool) -> None:
    """List the tokens that are good, one a line: id, name, scopes, account and until when."""
    found = [token async for token in session.client.tokens.iterate()]
    if json_:
        echo_line(as_json(found))
        return
    rows = []
    for one in found:
        until = times.whole(one.expires_at) if one.expires_at else ""
        rows.append((one.token_id, visible(one.name), visible(" ".join(one.scopes)), one.account or "", until))
    echo_table(rows)


@tokens.command(short_help="Make a token worth nothing.")
@click.argument("token_id", metavar="ID")
@over_socket
async def revoke(session: Session, token_id: str) -> None:
    """Revoke the token ID, at once: who showed it is disconnected."""
    await session.client.tokens.revoke(token_id=token_id)
