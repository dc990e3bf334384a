"""`mepassa verify`: see that a contact is who you think, by their safety number or by a code shown in person."""

from __future__ import annotations

import sys

import anyio
import click
import msgspec

from mepassa.cli.asking import yes
from mepassa.cli.i18n import _
from mepassa.cli.invite import show as show_link
from mepassa.cli.people import contact_argument, find_contact, label
from mepassa.cli.session import Refused, Session, over_socket, warn_when_unreachable
from mepassa.cli.text import echo_line
from mepassa.generated import ContactItem

PATIENCE = 30.0
"""Seconds that the maker of a code is given to confirm it."""
_GROUPS_A_LINE = 4


@click.command(short_help="Verify a contact, in person.")
@contact_argument(required=False, metavar="[CONTACT]")
@click.option("--number", metavar="DIGITS", help="The 60 digits that they read out, with or without spaces.")
@click.option("--show", is_flag=True, help="Show a code, good for five minutes and once: who scans it is verified.")
@click.option("--code", metavar="URI", help="The code (mepassa:v/…) that they showed you, just now.")
@over_socket
async def verify(session: Session, contact: str | None, number: str | None, show: bool, code: str | None) -> None:
    """Show the safety number of CONTACT. Compare it in person, or over a line where you know their voice: if they see
    the same, nobody stands between you. Instead, one of you may --show a code, and the other scan it."""
    if (number is not None) + (code is not None) + show > 1 or (show and contact is not None):
        raise click.UsageError(_("Choose one of --number, --show and --code; --show takes no CONTACT."))
    if show:
        made = await session.client.invites.create(in_person=True, account=session.account)
        show_link(made.uri, made.expires_at)
        await warn_when_unreachable(session)
        return
    if contact is None and code is None:
        raise click.UsageError(_("Say which CONTACT, or give --show or --code."))
    named = None if contact is None else (await find_contact(session, contact)).contact
    if code is not None:
        await _scan(session, named, code.strip())
    elif number is not None:
        _verified(await session.client.contacts.verify(contact=named, number=number, account=session.account))
    elif named is not None:
        await _compare(session, named)


async def _compare(session: Session, contact: str) -> None:
    """Show the number, and on a terminal ask whether it is theirs."""
    shown = await session.client.contacts.safety_number(contact=contact, account=session.account)
    for at in range(0, len(shown.groups), _GROUPS_A_LINE):
        echo_line(" ".join(shown.groups[at : at + _GROUPS_A_LINE]))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    if not yes(_("Do they see the same 60 digits?")):
        raise Refused(_("Then somebody may stand between you: trust this contact with nothing until it fits."))
    _verified(await session.client.contacts.verify(contact=contact, number=shown.number, account=session.account))


async def _scan(session: Session, contact: str | None, code: str) -> None:
    """Show a contact that their code was scanned, and wait until they confirm it."""
    async with session.client.events(topics=["contact.changed"], account=session.account) as events:
        scanned = await session.client.contacts.verify(contact=contact, code=code, account=session.account)
        if scanned.verified:
            _verified(scanned)
            click.echo(_("They were verified before; whether they took this code is not told."), err=True)
            return
        with anyio.move_on_after(PATIENCE):
            async for event in events:
                if event.data.conversation == scanned.conversation and event.data.verified:
                    _verified(msgspec.structs.replace(scanned, verified=True))
                    return
    raise Refused(
        _(
            "They have not confirmed this code. It is good for five minutes and once, and their node must be online: "
            "let them show you a new one."
        )
    )


def _verified(contact: ContactItem) -> None:
    echo_line(f"{contact.contact}\t{_('verified')}\t{label(contact)}")
