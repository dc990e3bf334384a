"""Device lists as the two sides of a conversation know them: a difference makes one fetch, or is told once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from mepassad.api.context import Clock
from mepassad.api.types import AccountId, Contact
from mepassad.bus import Change
from mepassad.people.accounts import Me
from mepassad.people.contacts import Contacts
from mepassad.wire.identity import Devices
from mepassad.wire.messages_pb2 import Content, ListStamp

_REMEMBERED = 1024  # differences that were dealt with; a contact may name as many as it likes

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
        self._dealt: OrderedDict[tuple[AccountId, AccountId, str, int, bytes], None] = OrderedDict()
        self.fetch: Callable[[Contact], None] = lambda contact: None
        self.tell: Callable[[Contact], None] = lambda contact: None

    def compare(self, change: Change, me: Me, contact: Contact, content: Content) -> None:
        """Look at the stamps of a content of a contact; what they lead to happens once the change is kept."""
        seen = self._contacts.devices(contact)
        if seen is not None and content.HasField("ours"):
            differs = difference(content.ours, seen) in ("newer", "other")
            if differs and self._is_first(contact, "theirs", content.ours):
                change.then(lambda: self.fetch(contact))
        if content.HasField("theirs"):
            theirs = difference(content.theirs, me.devices)
            if theirs == "older" and self._is_first(contact, "ours", content.theirs):
                change.then(lambda: self.tell(contact))
            elif theirs in ("newer", "other") and self._is_first(contact, "ours", content.theirs):
                data: dict[str, object] = {"account": me.row.id, "contact": contact.id}
                now_ms = int(self._clock.now() * 1000)
                change.fact(me.row.id, "account.superseded", contact.id, data, now_ms)

    def _is_first(self, contact: Contact, whose: str, stamp: ListStamp) -> bool:
        """Whether this difference was not dealt with before."""
        key = (contact.account, contact.id, whose, stamp.version, stamp.hash)
        if key in self._dealt:
            return False
        self._dealt[key] = None
        if len(self._dealt) > _REMEMBERED:
            self._dealt.popitem(last=False)
        return True
