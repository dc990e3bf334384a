"""`mepassa invite`: a link, and its QR code, that makes whoever redeems it a contact."""

from __future__ import annotations

import io
import re
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import click

from mepassa.cli import times
from mepassa.cli.files import new_file
from mepassa.cli.i18n import _
from mepassa.cli.session import Session, over_socket, warn_when_unreachable
from mepassa.cli.text import echo_line

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PIXELS = 8  # of a module of a PNG


def seconds(span: str) -> int:
    """The seconds of a time span: `90s`, `30m`, `12h`, `7d`; a bare number is seconds. Raises click.BadParameter."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", span)
    if match is None:
        told = _("{span} is not a time span; write for example 90s, 30m, 12h or 7d.")
        raise click.BadParameter(told.format(span=repr(span)))
    return int(match[1]) * _SECONDS[match[2]]


@click.command(short_help="Make an invite: a link and its QR code.")
@click.option("--uses", type=click.IntRange(min=1), metavar="N", help="How many may redeem it (default: one).")
@click.option(
    "--expires", type=seconds, metavar="SPAN", help="How long it is good for: 30m, 12h, 7d (default: seven days)."
)
@click.option("--png", type=click.Path(path_type=Path), metavar="FILE", help="Write the QR code as a picture.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="The same, of lines, for print.")
@over_socket
async def invite(session: Session, uses: int | None, expires: int | None, png: Path | None, svg: Path | None) -> None:
    """Make an invite; on a terminal also show it as a QR code. Whoever has it can use it: files are for you alone."""
    with ExitStack() as files:
        pictures = {kind: files.enter_context(new_file(path)) for kind, path in (("png", png), ("svg", svg)) if path}
        made = await session.client.invites.create(uses=uses or 1, expires_in=expires, account=session.account)
        for kind, file in pictures.items():
            file.write(picture(made.uri, kind))
    show(made.uri, made.expires_at)
    await warn_when_unreachable(session)


def show(uri: str, expires_at: datetime) -> None:
    """Print a link or code; on a terminal with its QR code, and until when it is good."""
    echo_line(uri)
    if sys.stdout.isatty():
        import segno  # here, because few commands need it

        segno.make(uri, error="l", micro=False).terminal(compact=True)
        click.echo(_("good until {time}").format(time=times.whole(expires_at)), err=True)


def picture(uri: str, kind: str) -> bytes:
    """A QR code as a file: `png` or `svg`."""
    import segno

    out = io.BytesIO()
    segno.make(uri, error="l", micro=False).save(out, kind=kind, scale=_PIXELS)
    return out.getvalue()
