"""`mepassa verify`: see that a contact is who you think, by their safety number or by a code shown in person."""

from __future__ import annotations

import sys
from typing import Any

import anyio
import click

from mepassa.cli.invite import show as show_link
from mepassa.cli.people import find_contact, label
from mepassa.cli.session import INTERRUPTED, Refused, Session, over_socket, warn_when_unreachable
from mepassa.cli.text import echo_line

PATIENCE = 30.0
"""Seconds that the maker of a code is given to confirm it."""
_GROUPS_A_LINE = 4


@click.command(short_help="Verify a contact, in person.")
@click.argument("contact", required=False)
@click.option("--number", metavar="DIGITS", help="The 60 digits that they read out, with or without spaces.")
@click.option("--show", is_flag=True, help="Show a code, good for five minutes and once: who scans it is verified.")
@click.option("--code", metavar="URI", help="The code (mepassa:v/…) that they showed you, just now.")
@over_socket
async def verify(session: Session, contact: str | None, number: str | None, show: bool, code: str | None) -> None:
    """Show the safety number of CONTACT. Compare it in person, or over a line where you know their voice: if they see
    the same, nobody stands between you. Instead, one of you may --show a code, and the other scan it."""
    if (number is not None) + (code is not None) + show > 1 or (show and contact is not None):
        raise click.UsageError("Choose one of --number, --show and --code; --show takes no CONTACT.")
    if show:
        show_link(await session.call("invites.create", in_person=True))
        await warn_when_unreachable(session)
        return
    if contact is None and code is None:
        raise click.UsageError("Missing argument 'CONTACT'.")
    named = None if contact is None else await find_contact(session, contact)
    if code is not None:
        await _scan(session, named, code.strip())
    elif number is not None:
        _verified(await session.call("contacts.verify", contact=named, number=number))
    else:
        await _compare(session, named)


async def _compare(session: Session, contact: str | None) -> None:
    """Show the number, and on a terminal ask whether it is theirs."""
    shown = await session.call("contacts.safety_number", contact=contact)
    groups = shown["groups"]
    for at in range(0, len(groups), _GROUPS_A_LINE):
        echo_line(" ".join(groups[at : at + _GROUPS_A_LINE]))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    if not _yes("Do they see the same 60 digits?"):
        raise Refused("Then somebody may stand between you: trust this contact with nothing until it fits.")
    _verified(await session.call("contacts.verify", contact=contact, number=shown["number"]))


def _yes(question: str) -> bool:
    try:
        return click.confirm(question, default=None)
    except click.Abort:
        raise click.exceptions.Exit(INTERRUPTED) from None


async def _scan(session: Session, contact: str | None, code: str) -> None:
    """Show a contact that their code was scanned, and wait until they confirm it."""
    async with session.client.follow(topics=["contact.changed"], account=session.account) as events:
        scanned = await session.call("contacts.verify", contact=contact, code=code)
        if scanned["verified"]:
            _verified(scanned)
            click.echo("They were verified before; whether they took this code is not told.", err=True)
            return
        with anyio.move_on_after(PATIENCE):
            while not scanned["verified"]:
                event = await anext(events)
                if event.data.get("conversation") == scanned["conversation"]:
                    scanned = {**scanned, "verified": event.data.get("verified")}
            _verified(scanned)
            return
    raise Refused(
        "They have not confirmed this code. It is good for five minutes and once, and their node must be online: "
        "let them show you a new one."
    )


def _verified(contact: dict[str, Any]) -> None:
    echo_line(f"{contact['contact']}\tverified\t{label(contact)}")
