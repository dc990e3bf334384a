"""`mepassa send`: one text message, and on request what becomes of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from mepassa.cli.i18n import _
from mepassa.cli.people import contact_argument, contact_or_guest
from mepassa.cli.session import Refused, Session, over_socket
from mepassa.cli.text import echo_line
from mepassa.cli.words import route_word, sentence, state_word
from mepassa.errors import CallTooLarge
from mepassa.events import Events
from mepassa.generated import MessageProgress
from mepassa.text import width
from mepassa.wire import LINE_LIMIT

STDIN = "-"


@click.command(short_help="Send a text message.")
@contact_argument()
@click.argument("text", nargs=-1, metavar="[TEXT]...")
@click.option("--reply-to", metavar="ID", help="The id of the message that this one answers.")
@click.option("--wait", is_flag=True, help="Wait until it is delivered; show each state, its route and milliseconds.")
@over_socket
async def send(session: Session, contact: str, text: Sequence[str], reply_to: str | None, wait: bool) -> None:
    """Send TEXT to CONTACT: an id, a name, the only beginning of one, or an invite's link. Without TEXT, or with -,
    standard input is sent. Prints the message's id."""
    words = _standard_input() if tuple(text) in ((), (STDIN,)) else " ".join(text)
    to = (await contact_or_guest(session, contact)).contact
    what = {"contact": to, "text": words, "reply_to": reply_to, "account": session.account}
    if wait:
        async with session.client.events(
            topics=["message.sent", "message.delivered", "message.read", "message.failed"], account=session.account
        ) as events:
            started = time.monotonic()
            await _watch(events, await _send(session, what), started)
    else:
        await _send(session, what)


def _standard_input() -> str:
    """All of it, without the end of its last line. Raises `CallTooLarge`, UnicodeDecodeError, click.UsageError."""
    if sys.stdin.isatty():
        raise click.UsageError(_("There is no text; write it behind CONTACT, or pipe it in."))
    read = sys.stdin.buffer.read(LINE_LIMIT + 1)
    if len(read) > LINE_LIMIT:
        raise CallTooLarge
    return read.decode().removesuffix("\n")


async def _send(session: Session, what: dict[str, Any]) -> str:
    sent = await session.client.messages.send(**what)
    echo_line(sent.message_id)
    return sent.message_id


async def _watch(events: Events[MessageProgress], message_id: str, started: float) -> None:
    """Show the states of a message as they come, until it has arrived. Raises `Refused` when it never will."""
    _show("queued", None, started)
    async for event in events:
        if event.data.message_id != message_id:
            continue
        if event.topic == "message.failed":
            reason = sentence(event.data.reason or _("The node gives no reason."))
            raise Refused(_("The message was not delivered. {reason}").format(reason=reason))
        state = event.topic.removeprefix("message.")
        _show(state, event.data.route, started)
        if state in ("delivered", "read"):
            return


def _show(state: str, route: str | None, started: float) -> None:
    cells = (state_word(state), route_word(route) if route else "-")
    named = "".join(cell + " " * max(12 - width(cell), 1) for cell in cells)
    echo_line(f"{named}{(time.monotonic() - started) * 1000:8.1f} ms")
