"""`mepassa accept`: redeem an invite."""

from __future__ import annotations

import click

from mepassa.cli.session import Session, over_socket, warn_when_local_only
from mepassa.cli.text import echo_line


@click.command(short_help="Redeem an invite.")
@click.argument("uri")
@over_socket
async def accept(session: Session, uri: str) -> None:
    """Redeem the invite URI; you may write at once, also while the other side has not answered yet."""
    accepted = await session.call("invites.accept", uri=uri.strip())
    echo_line(f"{accepted['contact']}\t{accepted['state']}")
    await warn_when_local_only(session)
