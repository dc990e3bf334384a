"""Contacts as a user names them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import click
from click.shell_completion import CompletionItem

from mepassa.cli.i18n import _
from mepassa.cli.session import Refused, Session
from mepassa.generated import AlreadyContact, ContactItem
from mepassa.text import visible

F = TypeVar("F", bound=Callable[..., Any])

LINK = "mepassa:i/"
COMPLETION_PATIENCE = 2.0  # seconds that Tab waits for the node
_HARMLESS = re.compile(r"\w[\w .@+-]*")  # names that no shell takes for anything else, but for their spaces


def contact_argument(**more: Any) -> Callable[[F], F]:
    """The argument CONTACT of a command, which Tab completes; `more` as click.argument takes it."""
    return click.argument("contact", shell_complete=complete, **{"metavar": "CONTACT", **more})


def complete(context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names that begin so, and ids of contacts without a name, or with one that a shell might obey."""
    try:
        words = anyio.run(_words, Session(**context.find_root().params))
    except Exception:  # whatever it is: the line that is being typed is no place to tell it
        return []
    return [CompletionItem(_quoted(word)) for word in words if word.casefold().startswith(incomplete.casefold())]


async def find_contact(session: Session, wanted: str) -> ContactItem:
    """The contact that `wanted` means: an id, a petname, the name they chose, or the only beginning of one of them.

    Raises `Refused` when it means nobody, or more than one.
    """
    contacts = [contact async for contact in session.client.contacts.iterate(account=session.account)]
    exact = [contact for contact in contacts if wanted in _names(contact)]
    found = exact or [contact for contact in contacts if _begins(contact, wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        told = _("Nobody among your contacts is called {name}; see `mepassa contacts`.")
        if not all(contact.name for contact in contacts):
            told += " " + _("Who has not answered yet has no name; use the id.")
        raise Refused(told.format(name=repr(visible(wanted))))
    several = ", ".join(f"{label(contact)} ({contact.contact})" for contact in found[:5])
    told = _("{name} may be any of {several}; write more of it, or the id.")
    raise Refused(told.format(name=repr(visible(wanted)), several=several))


async def contact_or_guest(session: Session, wanted: str) -> ContactItem:
    """The contact that `wanted` means, as `find_contact`; if it is an invite's link, whom it makes a contact.

    Raises also `RpcError` when the link is refused.
    """
    if not wanted.strip().startswith(LINK):
        return await find_contact(session, wanted)
    try:
        contact = (await session.client.invites.accept(uri=wanted.strip(), account=session.account)).contact
    except AlreadyContact as known:
        contact = str(known.data["contact"])
    return await session.client.contacts.get(contact=contact, account=session.account)


def label(contact: ContactItem) -> str:
    """A contact's petname, else the name they chose, safe to show."""
    return visible(contact.name)


def called(contact: ContactItem) -> str:
    """How to call a contact in a sentence: as `label`, else by the end of their id."""
    return label(contact) or f"…{visible(contact.key_suffix)}"


async def _words(session: Session) -> list[str]:
    with anyio.fail_after(COMPLETION_PATIENCE):
        async with session.open() as client:
            found = [contact async for contact in client.contacts.iterate(account=session.account)]
    return [contact.name if _HARMLESS.fullmatch(contact.name) else contact.contact for contact in found]


def _quoted(word: str) -> str:
    """With its spaces as the shell wants them; bash takes one of two backslashes away, others quote by themselves."""
    return word.replace(" ", "\\\\ ") if os.environ.get("_MEPASSA_COMPLETE") == "bash_complete" else word


def _names(contact: ContactItem) -> list[str]:
    return [name for name in (contact.contact, contact.petname, contact.chosen_name) if name]


def _begins(contact: ContactItem, wanted: str) -> bool:
    return bool(wanted) and any(name.casefold().startswith(wanted.casefold()) for name in _names(contact))
