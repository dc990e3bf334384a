"""`mepassa status`: who the node is and where it is reached."""

from __future__ import annotations

import click

from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import echo_line, visible


@click.command(short_help="Show version, account and addresses.")
@over_socket
async def status(session: Session) -> None:
    """Show the node's version, account and addresses."""
    hello = await session.client.call("system.hello", client="mepassa", api=1)
    identity = await session.call("identity.show")
    echo_line(f"version  {visible(str(hello['version']))}")
    echo_line(f"name     {visible(identity.get('name') or '')}")
    echo_line(f"account  {identity['account']}")
    echo_line(f"socket   {session.client.socket}")
    for address in identity.get("addresses", []):
        echo_line(f"address  {visible(address)}")
