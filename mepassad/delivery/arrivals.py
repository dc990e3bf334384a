"""What the inbox makes of one packet: its effect, gathered before it is kept."""

from __future__ import annotations

import asyncio

from mepassad.api.store import Committed
from mepassad.api.types import AccountId, Contact, Message, MessageId, Receipt
from mepassad.api.writes import OweReceipt
from mepassad.bus import Change, Signal
from mepassad.delivery.receipts import Receipts
from mepassad.wire.ids import account_key, b64, message_id
from mepassad.wire.messages_pb2 import Content
from mepassad.wire.packets import Reason

LAST_MS = 253_402_300_799_000  # the end of the year 9999, beyond which there is no date to show


class Arrival:
    """A packet on its way in.

    `kept` is the commit of its effect; None when there is nothing to keep: then it is acked at once, or refused with
    `reason`. `message` is the id of the message that it brought, if any; `session` the one that it opened in, and
    `transcript` that of the handshake where it began it. `box` is the number of the box that it lay in, if it did.
    """

    __slots__ = ("box", "change", "id", "kept", "message", "raw", "reason", "session", "transcript")

    def __init__(self, raw: bytes, packet: bytes, box: bytes) -> None:
        """`packet`: the packet id."""
        self.raw, self.id, self.box = raw, packet, box
        self.change = Change()
        self.message, self.transcript = "", b""
        self.kept: asyncio.Future[Committed] | None = None
        self.reason: Reason | None = None
        self.session: tuple[AccountId, bytes] | None = None

    def refuse(self, reason: Reason) -> Arrival:
        """Nothing is kept, and the sender is told why."""
        self.reason = reason
        return self

    def owe(self, contact: Contact, message: MessageId, receipts: Receipts) -> None:
        """Owe the contact a receipt for a message, once the change is kept."""
        receipt = Receipt(account=contact.account, contact=contact.id, message=message, kind="delivered")
        self.change.add(OweReceipt(receipt))
        self.change.then(lambda: receipts.owe((receipt,)))


def received_row(contact: Contact, content: Content, time_ms: int, place: int) -> Message:
    """The row of a contact's message; `place` is its `sort_ms`."""
    return Message(
        account=contact.account,
        id=message_id(account_key(contact.id), content.id),
        conversation=contact.conversation,
        contact=contact.id,
        incoming=True,
        content_id=content.id,
        kind=content.kind,
        text=content.text.text,
        reply_to=b64(content.reply_to) if content.reply_to else "",
        time_ms=time_ms,
        sort_ms=place,
        state="received",
    )


def typing(contact: Contact, content: Content) -> Signal:
    """What clients see of a contact who is typing, or stopped."""
    data: dict[str, object] = {
        "account": contact.account,
        "contact": contact.id,
        "conversation": contact.conversation,
        "active": content.typing.active,
    }
    return Signal(contact.account, "typing", data)
