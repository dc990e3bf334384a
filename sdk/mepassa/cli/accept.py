"""`mepassa accept`: redeem an invite."""

from __future__ import annotations

import click

from mepassa.cli.session import Session, over_socket, warn_when_unreachable
from mepassa.cli.text import echo_line


@click.command(short_help="Redeem an invite.")
@click.argument("uri")
@click.option("--in-person", is_flag=True, help="URI is a code (mepassa:v/…) that they showed you, just now.")
@over_socket
async def accept(session: Session, uri: str, in_person: bool) -> None:
    """Redeem the invite URI; you may write at once, also while the other side has not answered yet."""
    if uri.strip().startswith("mepassa:v/") and not in_person:
        raise click.UsageError(
            "This code verifies whoever made it. Add --in-person if they showed it to you in person; "
            "if it was sent to you, do not use it, and ask for an invite."
        )
    accepted = await session.call("invites.accept", uri=uri.strip())
    echo_line(f"{accepted['contact']}\t{accepted['state']}")
    await warn_when_unreachable(session, dials=True)
