"""Device lists as the two sides of a conversation know them: a difference makes one fetch, or is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from mepassad.api.context import Clock
from mepassad.api.types import AccountId, Contact
from mepassad.bus import Change
from mepassad.people.accounts import Me
from mepassad.people.contacts import Contacts
from mepassad.wire.content import INVISIBLE
from mepassad.wire.identity import Devices
from mepassad.wire.messages_pb2 import Content, ListStamp

ASK, TELL, WARN = 60.0, 60.0, 86_400.0  # seconds between two of the same for one contact, who may name what it likes

Difference = Literal["same", "older", "newer", "other"]


def difference(named: ListStamp, known: Devices) -> Difference:
    """What a stamp names, seen from a list that is known: `other` is another list of the same version."""
    if named.version != known.version:
        return "newer" if named.version > known.version else "older"
    return "same" if named.hash == known.stamp else "other"


class Stamps:
    """Compares the lists that contents name with those that are known here.

    An older list of the sender's is no reason to refuse a content, if its device is on the newest list: the same bytes
    may have been on their way since before the change.
    """

    def __init__(self, clock: Clock, contacts: Contacts) -> None:
        """`fetch` is called with a contact whose list is to be asked for, `tell` with one who is to hear of ours."""
        self._clock, self._contacts = clock, contacts
        self._last: dict[tuple[AccountId, AccountId, str], float] = {}
        self.fetch: Callable[[Contact], None] = lambda contact: None
        self.tell: Callable[[Contact], None] = lambda contact: None

    def compare(self, change: Change, me: Me, contact: Contact, content: Content) -> None:
        """Look at the stamps of a content of a contact; what they lead to happens once the change is kept."""
        if content.kind >= INVISIBLE:
            return  # a contact could find out by the answer when we are there, and its user would see nothing
        seen = self._contacts.devices(contact)
        theirs = difference(content.ours, seen) if seen and content.HasField("ours") else "same"
        ours = difference(content.theirs, me.devices) if content.HasField("theirs") else "same"
        if theirs in ("newer", "other") and self._may(contact, "fetch", ASK):
            change.then(lambda: self.fetch(contact))
        if ours == "older" and self._may(contact, "tell", TELL):
            change.then(lambda: self.tell(contact))
        elif ours in ("newer", "other") and self._may(contact, "warn", WARN):
            data: dict[str, object] = {"account": me.row.id, "contact": contact.id}
            now_ms = int(self._clock.now() * 1000)
            change.fact(me.row.id, "account.superseded", contact.id, data, now_ms)

    def _may(self, contact: Contact, what: str, pause: float) -> bool:
        """Whether it is long enough since the same was done for this contact."""
        key, now = (contact.account, contact.id, what), self._clock.monotonic()
        if now - self._last.get(key, -pause) < pause:
            return False
        self._last[key] = now
        return True
