"""`mepassa search` and `mepassa history`: what was written, in all conversations or in one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import click

from mepassa.cli import times
from mepassa.cli.i18n import _
from mepassa.cli.people import contact_argument, find_contact, label
from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import columns, echo_line
from mepassa.cli.words import fate_word
from mepassa.generated import MessageItem
from mepassa.text import as_json, cut, visible

PAGE = 100
LIMIT = click.IntRange(min=1)


@click.command(short_help="Find messages by their words.")
@click.argument("words", nargs=-1, required=True, metavar="WORDS...")
@click.option("--limit", type=LIMIT, default=20, show_default=True, metavar="N", help="At most so many.")
@click.option("--json", "json_", is_flag=True, help="One JSON list.")
@over_socket
async def search(session: Session, words: Sequence[str], limit: int, json_: bool) -> None:
    """Find messages with all WORDS in them; the last one may be a beginning, accents and case do not matter. Shows
    the newest last."""
    pages = session.client.messages.iterate_search(
        query=" ".join(words), limit=min(limit, PAGE), account=session.account
    )
    await _show(session, await newest(pages, limit), json_)


@click.command(short_help="Show what was written with a contact.")
@contact_argument()
@click.option("--limit", type=LIMIT, default=20, show_default=True, metavar="N", help="At most so many.")
@click.option("--json", "json_", is_flag=True, help="One JSON list.")
@over_socket
async def history(session: Session, contact: str, limit: int, json_: bool) -> None:
    """Show the last messages with CONTACT, the newest last. Nothing is marked as read."""
    found = await find_contact(session, contact)
    pages = session.client.messages.iterate(contact=found.contact, limit=min(limit, PAGE), account=session.account)
    await _show(session, await newest(pages, limit), json_)


async def newest(pages: AsyncIterator[MessageItem], limit: int) -> list[MessageItem]:
    """So many of what comes newest first, turned round."""
    found: list[MessageItem] = []
    async for message in pages:
        found.append(message)
        if len(found) == limit:
            break
    return found[::-1]


async def _show(session: Session, found: Sequence[MessageItem], json_: bool) -> None:
    if json_:
        echo_line(as_json(found))
        return
    contacts = {one.contact: label(one) async for one in session.client.contacts.iterate(account=session.account)}
    for message in found:
        name = contacts.get(message.contact) or f"…{visible(message.contact[-8:])}"
        who = name if message.incoming else _("you → {name}").format(name=name)
        fate = "" if message.incoming else f" ({fate_word(message.state, message.route)})"
        echo_line(cut(f"{times.whole(message.time)}  {who}{fate}: {visible(message.text)}", columns()))
