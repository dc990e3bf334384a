"""`mepassa send`: one text message, and on request what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from mepassa.cli.people import find_contact
from mepassa.cli.session import Refused, Session, over_socket
from mepassa.cli.text import echo_line, visible
from mepassa.events import Events

_STATES = {
    "message.sent": "sent",
    "message.delivered": "delivered",
    "message.read": "read",
    "message.failed": "failed",
}


@click.command(short_help="Send a text message.")
@click.argument("contact")
@click.argument("text", nargs=-1, required=True)
@click.option("--wait", is_flag=True, help="Wait until it is delivered; show each state, its route and milliseconds.")
@over_socket
async def send(session: Session, contact: str, text: Sequence[str], wait: bool) -> None:
    """Send TEXT to CONTACT: an id, a name, or the only beginning of one. Prints the message's id."""
    to = await find_contact(session, contact)
    if wait:
        async with session.client.follow(topics=list(_STATES)) as events:
            started = time.monotonic()
            message_id = await _send(session, to, text)
            await _watch(session, events, message_id, started)
    else:
        await _send(session, to, text)


async def _send(session: Session, contact: str, text: Sequence[str]) -> str:
    sent = await session.call("messages.send", contact=contact, text=" ".join(text))
    echo_line(sent["message_id"])
    return str(sent["message_id"])


async def _watch(session: Session, events: Events[dict[str, Any]], message_id: str, started: float) -> None:
    """Show the states of a message as they come, until it has arrived. Raises `Refused` when it never will."""
    _show("queued", None, started)
    async for event in events:
        if event.data.get("message_id") != message_id:
            continue
        state = _STATES[event.topic]
        if state == "failed":
            message = await session.call("messages.get", message_id=message_id)
            reason = visible(message.get("reason") or "the node gives no reason")
            raise Refused(f"The message was not delivered: {reason}.")
        _show(state, event.data.get("route"), started)
        if state in ("delivered", "read"):
            return


def _show(state: str, route: str | None, started: float) -> None:
    echo_line(f"{state:<10}{route or '-':<8}{(time.monotonic() - started) * 1000:8.1f} ms")
