"""Contacts as a user names them."""

from __future__ import annotations

from typing import Any

from mepassa.cli.session import Refused, Session
from mepassa.cli.text import visible


async def all_contacts(session: Session) -> list[dict[str, Any]]:
    """The account's contacts, oldest first."""
    items: list[dict[str, Any]] = []
    after = None
    while True:
        page = await session.call("contacts.list", after=after)
        items += page["items"]
        after = page["next"]
        if after is None:
            return items


async def find_contact(session: Session, wanted: str) -> str:
    """The id of the contact that `wanted` means: an id, a petname, the name they chose, or the only
    beginning of one of them.

    Raises `Refused` when it means nobody, or more than one.
    """
    contacts = await all_contacts(session)
    exact = [contact for contact in contacts if wanted in _names(contact)]
    found = exact or [contact for contact in contacts if _begins(contact, wanted)]
    if len(found) == 1:
        return str(found[0]["contact"])
    if not found:
        unnamed = any(not contact["name"] for contact in contacts)
        more = " Who has not answered yet has no name; use the id." if unnamed else ""
        raise Refused(f"Nobody among your contacts is called {visible(wanted)!r}; see `mepassa contacts`.{more}")
    several = ", ".join(f"{label(contact)} ({contact['contact']})" for contact in found[:5])
    raise Refused(f"{visible(wanted)!r} may be any of {several}; write more of it, or the id.")


def label(contact: dict[str, Any]) -> str:
    """A contact's petname, else the name they chose, safe to show."""
    return visible(contact["name"])


def _names(contact: dict[str, Any]) -> list[str]:
    return [name for name in (contact["contact"], contact["petname"], contact["chosen_name"]) if name]


def _begins(contact: dict[str, Any], wanted: str) -> bool:
    return bool(wanted) and any(name.casefold().startswith(wanted.casefold()) for name in _names(contact))
