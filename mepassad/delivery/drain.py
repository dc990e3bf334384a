"""Draining a box: envelopes are opened, handed to the inbox, and deleted once nothing more is to be done with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mepassad.api.context import Log
from mepassad.api.mailbox import Envelope
from mepassad.api.types import Contact
from mepassad.delivery.boxes import Box
from mepassad.delivery.inbox import Inbox
from mepassad.delivery.losses import Losses
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.delivery.seals import SealKeys
from mepassad.errors import CryptoError, Unreachable
from mepassad.people.contacts import Contacts
from mepassad.wire.packets import Reason, packet_id, parse_packet

PAGE = 128  # envelopes fetched at once
MOST = 100_000  # envelopes of one box, more than mailboxes keep
_LOST = (Reason.NO_SESSION, Reason.PREKEY_MISSING)


class MailboxSource:
    """What the inbox makes of the packets of one box. Implements `mepassad.delivery.source.Source`."""

    route = "mailbox"

    def __init__(self, number: bytes) -> None:
        """`number`: that of the box. Whoever puts something there was told it."""
        self._number = number
        self.refused: dict[bytes, Reason] = {}

    def ack(self, packets: Sequence[bytes]) -> None:
        """What is not refused is done with."""

    def refuse(self, packet: bytes, reason: Reason) -> None:
        """See `refused`."""
        self.refused[packet] = reason

    def is_of(self, contact: Contact) -> bool:
        """Whether the number was given to the contact alone."""
        return contact.number == self._number


class Drain:
    """Takes what waits in boxes, oldest first. `junk` counts envelopes that were deleted unread."""

    def __init__(self, log: Log, contacts: Contacts, seals: SealKeys, inbox: Inbox, losses: Losses) -> None:
        """All boxes of all mailboxes share one."""
        self._log, self._contacts, self._seals, self._inbox, self._losses = log, contacts, seals, inbox, losses
        self.junk = 0

    async def drain(self, stream: MailboxStream, box: Box) -> bool:
        """Take what waits in a box; whether nothing is left that has to be tried again. Raises as `MailboxStream` does,
        and `Unreachable` where the node does not come to an end."""
        after, clean, seen = 0, True, set[bytes]()
        while envelopes := await stream.fetch(box.private, after, PAGE):
            after = envelopes[-1].cursor
            fresh = {envelope.id for envelope in envelopes} - seen
            seen |= fresh
            if len(fresh) < len(envelopes) or len(seen) > MOST:
                raise Unreachable("The mailbox hands out the same again, or more than any box holds.")
            done = await self._arrived(box, envelopes)
            clean = clean and len(done) == len(envelopes)
            if done:
                await stream.ack(box.private, done)
        return clean

    async def _arrived(self, box: Box, envelopes: Sequence[Envelope]) -> Sequence[bytes]:
        """Hand envelopes to the inbox; the ids of those that are done with."""
        done: list[bytes] = []
        packets: defaultdict[bytes, list[bytes]] = defaultdict(list)  # packet → its envelopes; one may have several
        for envelope in envelopes:
            try:
                packets[self._seals.unseal(box.account, envelope.sealed)].append(envelope.id)
            except CryptoError:
                self.junk += 1  # not sealed to us, or to a key of long ago
                done.append(envelope.id)
        source = MailboxSource(box.number)
        if packets:
            await self._inbox.arrived(source, list(packets))
        for packet, ids in packets.items():
            reason = source.refused.get(packet_id(packet))
            if reason == Reason.BUSY:
                continue
            if reason is not None:
                self._useless(box, packet, reason)
            done += ids
        return done

    def _useless(self, box: Box, packet: bytes, reason: Reason) -> None:
        """A packet cannot be used, and nobody is there to be told. Its sender still has it."""
        self.junk += 1
        self._log.info("a packet of a mailbox was of no use", reason=reason)
        parsed = parse_packet(packet)
        if reason in _LOST:
            for contact in self._contacts.listing(box.account, parsed.sender):
                if contact.number == box.number and not contact.blocked:
                    self._losses.unopened(contact, parsed.sender, parsed.session)
