"""`mepassa accept`: redeem an invite."""

from __future__ import annotations

import click

from mepassa.cli.i18n import _
from mepassa.cli.session import Refused, Session, over_socket, warn_when_unreachable
from mepassa.cli.text import echo_line
from mepassa.cli.words import state_word
from mepassa.generated import AlreadyContact

CODE = "mepassa:v/"


@click.command(short_help="Redeem an invite.")
@click.argument("uri", metavar="URI")
@click.option("--in-person", is_flag=True, help="URI is a code (mepassa:v/…) that they showed you, just now.")
@over_socket
async def accept(session: Session, uri: str, in_person: bool) -> None:
    """Redeem the invite URI; you may write at once, also while the other side has not answered yet."""
    uri = uri.strip()
    if uri.startswith(CODE) and not in_person:
        raise click.UsageError(
            _(
                "This code verifies whoever made it. Add --in-person if they showed it to you in person; "
                "if it was sent to you, do not use it, and ask for an invite."
            )
        )
    try:
        accepted = await session.client.invites.accept(uri=uri, account=session.account)
    except AlreadyContact:
        if not uri.startswith(CODE):
            raise
        raise Refused(_("You have this contact already; verify them with `mepassa verify --code`.")) from None
    echo_line(f"{accepted.contact}\t{state_word(accepted.state)}")
    await warn_when_unreachable(session, dials=True)
