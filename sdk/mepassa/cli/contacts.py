"""`mepassa contacts`: whom the account knows, by which name, and who is to be heard no more."""

from __future__ import annotations

import sys

import click

from mepassa.cli.asking import yes
from mepassa.cli.i18n import _
from mepassa.cli.people import called, contact_argument, find_contact, label
from mepassa.cli.session import Session, over_socket
from mepassa.cli.text import echo_line, echo_table
from mepassa.cli.words import state_word
from mepassa.generated import ContactItem
from mepassa.text import as_json


@click.group(invoke_without_command=True, short_help="List contacts, name, block, remove them.")
@click.option("--json", "json_", is_flag=True, help="One JSON list.")
@click.pass_context
def contacts(context: click.Context, json_: bool) -> None:
    """List contacts, one a line: id, state, name, and whether they are verified or blocked."""
    if context.invoked_subcommand is None:
        _list(json_)


@over_socket
async def _list(session: Session, json_: bool) -> None:
    found = [contact async for contact in session.client.contacts.iterate(account=session.account)]
    if json_:
        echo_line(as_json(found))
    else:
        echo_table([_row(contact) for contact in found])


@contacts.command(short_help="Give a contact a name of your own.")
@contact_argument()
@click.argument("name", metavar="NAME")
@over_socket
async def rename(session: Session, contact: str, name: str) -> None:
    """Call CONTACT by a NAME of your own, which they do not learn of; with an empty one ('') by the name they chose."""
    found = await find_contact(session, contact)
    named = await session.client.contacts.rename(contact=found.contact, name=name, account=session.account)
    echo_table([_row(named)])


@contacts.command(short_help="Hear a contact no more.")
@contact_argument()
@over_socket
async def block(session: Session, contact: str) -> None:
    """Block CONTACT: what they write is dropped. They do not learn of it."""
    await _block(session, contact, True)


@contacts.command(short_help="Hear a contact again.")
@contact_argument()
@over_socket
async def unblock(session: Session, contact: str) -> None:
    """Unblock CONTACT."""
    await _block(session, contact, False)


async def _block(session: Session, contact: str, blocked: bool) -> None:
    found = await find_contact(session, contact)
    done = await session.client.contacts.block(contact=found.contact, blocked=blocked, account=session.account)
    echo_table([_row(done)])


@contacts.command(short_help="Take back that a contact is verified.")
@contact_argument()
@over_socket
async def unverify(session: Session, contact: str) -> None:
    """Take back that CONTACT is verified. They do not learn of it."""
    found = await find_contact(session, contact)
    echo_table([_row(await session.client.contacts.unverify(contact=found.contact, account=session.account))])


@contacts.command(short_help="Forget a contact and the conversation.")
@contact_argument()
@click.option("--yes", "sure", is_flag=True, help="Do not ask.")
@over_socket
async def remove(session: Session, contact: str, sure: bool) -> None:
    """Forget CONTACT, with the conversation and all its messages. Asks before, on a terminal."""
    found = await find_contact(session, contact)
    if not sure:
        _ask(found)
    await session.client.contacts.remove(contact=found.contact, account=session.account)
    echo_line(f"{found.contact}\t{state_word('removed')}\t{label(found)}")


def _ask(contact: ContactItem) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(_("Without a terminal, nobody can be asked: give --yes to remove a contact."))
    if not yes(_("Remove {name} and all your messages with them?").format(name=called(contact))):
        raise click.exceptions.Exit(1)


def _row(contact: ContactItem) -> tuple[str, ...]:
    marks = [(contact.verified, _("verified")), (contact.blocked, _("blocked"))]
    marked = ", ".join(word for so, word in marks if so)
    return contact.contact, state_word(contact.state), label(contact), marked
