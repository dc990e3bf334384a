"""`mepassa rpc`: any method of the node, for scripts and for what has no command of its own."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from mepassa.cli.i18n import _
from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import echo_line
from mepassa.text import as_json


def json_object(text: str) -> dict[str, Any]:
    """The object that `text` is. Raises click.BadParameter."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise click.BadParameter(_("parameters are one JSON object, for example '{\"limit\": 10}'.")) from None


@click.command(short_help="Call any method of the node.")
@click.argument("method", metavar="METHOD")
@click.argument("params", type=json_object, default="{}", metavar="[PARAMS]")
@over_socket
async def rpc(session: Session, method: str, params: dict[str, Any]) -> None:
    """Call METHOD with the JSON object PARAMS and print its result as one line of JSON."""
    echo_line(as_json(await session.client.call(method, **{"account": session.account, **params})))
