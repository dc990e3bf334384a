"""`mepassa send`: one text message, and on request what becomes of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from mepassa.cli.awaiting import Awaited
from mepassa.cli.i18n import _
from mepassa.cli.people import contact_argument, contact_or_guest
from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import echo_line
from mepassa.errors import CallTooLarge
from mepassa.wire import LINE_LIMIT

STDIN = "-"


@click.command(short_help="Send a text message.")
@contact_argument()
@click.argument("text", nargs=-1, metavar="[TEXT]...")
@click.option("--reply-to", metavar="ID", help="The id of the message that this one answers.")
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until it is delivered, or lies in a mailbox of who is away; show each state, route and milliseconds.",
)
@over_socket
async def send(session: Session, contact: str, text: Sequence[str], reply_to: str | None, wait: bool) -> None:
    """Send TEXT to CONTACT: an id, a name, the only beginning of one, or an invite's link. Without TEXT, or with -,
    standard input is sent. Prints the message's id."""
    words = _standard_input() if tuple(text) in ((), (STDIN,)) else " ".join(text)
    to = await contact_or_guest(session, contact)
    what = {"contact": to.contact, "text": words, "reply_to": reply_to, "account": session.account}
    if wait:
        async with session.client.events(
            topics=["message.sent", "message.delivered", "message.read", "message.failed"], account=session.account
        ) as events:
            started = time.monotonic()
            await Awaited(to, events, started).watch(await _send(session, what))
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
