"""Presence: which contacts are online, told to clients as it changes; from links alone, and kept nowhere."""

from __future__ import annotations

from mepassad.api.types import AccountId, Contact
from mepassad.bus import Bus, Signal

Key = tuple[AccountId, AccountId]


class Presence:
    """Who was said to be online last."""

    def __init__(self, bus: Bus) -> None:
        """Nobody is."""
        self._bus = bus
        self._online: set[Key] = set()

    def look(self, contact: Contact, linked: bool) -> None:
        """Signal when a contact came online or went offline. `linked`: whether a link to them is live."""
        key = (contact.account, contact.id)
        online = linked and contact.state == "accepted" and not contact.blocked
        if online != (key in self._online):
            (self._online.add if online else self._online.discard)(key)
            topic = "contact.online" if online else "contact.offline"
            self._bus.signal(Signal(contact.account, topic, {"account": contact.account, "contact": contact.id}))

    def forget(self, key: Key) -> None:
        """A contact (account, contact) was removed, of whom nothing more is told."""
        self._online.discard(key)
