"""`mepassa invite`: a link, and its QR code, that makes whoever redeems it a contact."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from mepassa.cli.session import Session, over_socket, warn_when_unreachable
from mepassa.cli.text import echo_line

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(span: str) -> int:
    """The seconds of a time span: `90s`, `30m`, `12h`, `7d`; a bare number is seconds. Raises click.BadParameter."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", span)
    if match is None:
        raise click.BadParameter(f"{span!r} is not a time span; write for example 90s, 30m, 12h or 7d.")
    return int(match[1]) * _SECONDS[match[2]]


@click.command(short_help="Make an invite: a link and its QR code.")
@click.option("--uses", type=click.IntRange(min=1), help="How many people may redeem it (default: one).")
@click.option(
    "--expires", type=seconds, metavar="SPAN", help="How long it is good for: 30m, 12h, 7d (default: seven days)."
)
@over_socket
async def invite(session: Session, uses: int | None, expires: int | None) -> None:
    """Make an invite; on a terminal also show it as a QR code."""
    show(await session.call("invites.create", uses=uses, expires_in=expires))
    await warn_when_unreachable(session)


def show(made: dict[str, Any]) -> None:
    """Print what `invites.create` made; on a terminal with its QR code."""
    echo_line(made["uri"])
    if sys.stdout.isatty():
        import segno  # here, because few commands need it

        segno.make(made["uri"], error="l").terminal(compact=True)
        click.echo(f"good until {made['expires_at']}", err=True)
