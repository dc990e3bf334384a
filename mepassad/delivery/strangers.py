"""First messages of sessions that are new here: whose they are, and who becomes a contact by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mepassad.api.types import Contact, Outgoing
from mepassad.bus import Change
from mepassad.delivery.arrivals import Arrival
from mepassad.delivery.introductions import Introductions
from mepassad.delivery.outbox import Outbox
from mepassad.delivery.prekeys import Prekeys
from mepassad.delivery.sessions import Opened, Sessions
from mepassad.delivery.verification import Verifications
from mepassad.people.accounts import Me
from mepassad.people.contacts import Contacts
from mepassad.wire.ids import b64
from mepassad.wire.messages_pb2 import Content, Packet
from mepassad.wire.packets import Reason


class Strangers:
    """Decides who speaks in a new session, and lets strangers in who redeem an invite."""

    def __init__(
        self,
        contacts: Contacts,
        sessions: Sessions,
        introductions: Introductions,
        outbox: Outbox,
        prekeys: Prekeys,
        verifications: Verifications,
    ) -> None:
        """`deliver` is called with hellos that are durable."""
        self._contacts, self._sessions = contacts, sessions
        self._introductions, self._outbox, self._prekeys = introductions, outbox, prekeys
        self._verifications = verifications
        self.deliver: Callable[[Contact, Sequence[Outgoing]], None] = lambda contact, rows: None

    def speaker(self, me: Me, packet: Packet, content: Content) -> Contact | None:
        """Who speaks in a new session: the contact who lists the device and whose conversation the device, which has
        signed it, names; or a contact who introduces a new device. Raises `MalformedContent`, `InvalidSignature`."""
        conversation = b64(content.conversation)
        listing = self._contacts.listing(me.row.id, packet.sender)
        known = next((one for one in listing if one.conversation == conversation), None)
        if known is None and content.HasField("introduction"):
            return self._introductions.newly_listed(me, packet.sender, content)
        return known

    def adopt(self, change: Change, opened: Opened, contact: Contact) -> None:
        """A new session is this contact's: keep it, and forget the keys that began it."""
        change.add(self._sessions.adopt(opened, contact.id))
        change.add(*self._sessions.surplus(contact, opened.head.row.device))
        self._prekeys.take(change, contact.account, opened.used, opened.changed)

    def admit(self, arrival: Arrival, me: Me, packet: Packet, opened: Opened, content: Content) -> Contact | None:
        """Somebody unknown: a contact if the first message redeems an invite; our hello goes into the same commit.

        None: not admitted, and the arrival says why. Raises `MalformedContent`, `InvalidSignature`.
        """
        if not content.HasField("introduction") or not content.introduction.invite:
            arrival.refuse(Reason.BUSY)  # what comes before its hello is welcome after it
            return None
        made = self._introductions.redeem(arrival, me, packet.sender, content, opened.transcript)
        if isinstance(made, Reason):
            arrival.refuse(made)
            return None
        self.adopt(arrival.change, opened, made)
        self.greet(arrival.change, me, made, packet.sender)
        self._verifications.answer(arrival.change, made, content.introduction.invite)
        return made

    def greet(self, change: Change, me: Me, contact: Contact, device: bytes) -> None:
        """Answer a device that redeems an invite with a hello of ours."""
        row = self._outbox.greet(change, me, contact, device, self._introductions.ours(me, contact))
        change.then(lambda: self.deliver(contact, (row,)))
