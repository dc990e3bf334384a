"""From a content to packets: signed, padded, encrypted for each device, with the receipts that are due."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from mepassad.api.context import Clock
from mepassad.api.types import AccountId, Contact, Message, Outgoing
from mepassad.api.writes import DropReceipts
from mepassad.bus import Change
from mepassad.delivery.receipts import Receipts
from mepassad.delivery.sessions import Sessions
from mepassad.people.accounts import Me
from mepassad.people.contacts import Contacts
from mepassad.wire.content import TEXT, seal_content
from mepassad.wire.identity import stamp_of
from mepassad.wire.ids import account_key, unb64
from mepassad.wire.messages_pb2 import Content, Text
from mepassad.wire.messages_pb2 import Receipts as ReceiptsBody
from mepassad.wire.packets import packet_id

_WAITING_LABEL = b"mepassa/1 waiting row"
_DAY = 86_400


class Contents:
    """Prepares contents; the caller holds the contact's lock and hands the change over in the same step."""

    def __init__(
        self,
        clock: Clock,
        contacts: Contacts,
        sessions: Sessions,
        receipts: Receipts,
        expire_days: int,
        mailbox_after: float,
    ) -> None:
        """`expire_days`: how long a packet is offered; `mailbox_after`: seconds until it goes into mailboxes as
        well."""
        self._mailbox_after = mailbox_after
        self._clock, self._contacts = clock, contacts
        self._sessions, self._receipts = sessions, receipts
        self._lifetime = expire_days * _DAY

    def spoken(self, contact: Contact) -> Sequence[bytes]:
        """The devices of a contact that there is a session with."""
        devices = self._contacts.devices(contact)
        names = devices.names if devices else ()
        return [device for device in names if self._sessions.current(contact, device)]

    def prepare_all(self, change: Change, me: Me, contact: Contact, content: Content, message: str) -> list[Outgoing]:
        """Rows for all devices of a contact: packets where there is a session, else rows that wait for one."""
        devices, spoken = self._contacts.devices(contact), self.spoken(contact)
        silent = [device for device in devices.names if device not in spoken] if devices else [b""]
        rows = [self._waiting(contact, device, message, content.id) for device in silent]
        return rows + (self.prepare(change, me, contact, content, spoken, message) if spoken else [])

    def prepare(
        self,
        change: Change,
        me: Me,
        contact: Contact,
        content: Content,
        devices: Sequence[bytes],
        message: str = "",
        lasting: bool = True,
    ) -> list[Outgoing]:
        """Packets for devices that there are sessions with. The steps of the sessions go into the change."""
        content.ours.CopyFrom(stamp_of(me.devices))
        theirs = self._contacts.devices(contact)
        if theirs is not None:
            content.theirs.CopyFrom(stamp_of(theirs))
        if lasting:
            self._attach_receipts(change, contact, content)
        plaintext = seal_content(content, me.device, account_key(contact.id))
        return [self.encrypt(change, me, contact, device, plaintext, message) for device in devices]

    def encrypt(
        self, change: Change, me: Me, contact: Contact, device: bytes, plaintext: bytes, message: str = ""
    ) -> Outgoing:
        """The row of one plaintext for one device. Raises LookupError where there is no session."""
        head = self._sessions.current(contact, device)
        if head is None:
            raise LookupError("no session with this device")
        packet, put = self._sessions.encrypt(me, head, plaintext)
        change.add(put)
        now = self._clock.now()
        return Outgoing(
            account=me.row.id,
            id=packet_id(packet),
            contact=contact.id,
            device=device,
            message=message,
            packet=packet,
            state="ready",
            next_at=math.ceil(now + self._mailbox_after),
            expires_at=int(now) + self._lifetime,
        )

    def _attach_receipts(self, change: Change, contact: Contact, content: Content) -> None:
        taken = self._receipts.take(contact.account, contact.id)
        if not taken:
            return
        content.receipts.CopyFrom(
            ReceiptsBody(
                delivered=[unb64(row.message) for row in taken if row.kind == "delivered"],
                read=[unb64(row.message) for row in taken if row.kind == "read"],
            )
        )
        change.add(DropReceipts(tuple(taken)))

    def _waiting(self, contact: Contact, device: bytes, message: str, content_id: bytes) -> Outgoing:
        return Outgoing(
            account=contact.account,
            id=hashlib.sha256(_WAITING_LABEL + content_id + device).digest(),
            contact=contact.id,
            device=device,
            message=message,
            expires_at=int(self._clock.now()) + self._lifetime,
        )

    async def undo(self, change: Change, account: AccountId) -> None:
        """After a change was not kept: take back what memory shows of it, owe its receipts again, and take its
        sessions back to what is kept."""
        change.revert()
        for write in change.writes:
            if isinstance(write, DropReceipts):
                self._receipts.owe(write.rows)
        await self._sessions.undo(account, change.writes)


def text_content(message: Message) -> Content:
    """The content of a message; made from its row each time, so that it is the same after a session was reset."""
    return Content(
        id=message.content_id,
        conversation=unb64(message.conversation),
        kind=TEXT,
        time_ms=message.time_ms,
        reply_to=unb64(message.reply_to) if message.reply_to else b"",
        text=Text(text=message.text),
    )
