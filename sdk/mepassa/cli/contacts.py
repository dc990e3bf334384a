"""`mepassa contacts`: whom the account knows."""

from __future__ import annotations

import click

from mepassa.cli.people import all_contacts, label
from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import echo_line


@click.command(short_help="List contacts.")
@over_socket
async def contacts(session: Session) -> None:
    """List contacts, one a line: id, state and name, and `verified` where it is so, separated by tabs."""
    for contact in await all_contacts(session):
        verified = "\tverified" if contact["verified"] else ""
        echo_line(f"{contact['contact']}\t{contact['state']}\t{label(contact)}{verified}")
