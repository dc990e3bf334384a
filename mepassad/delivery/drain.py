"""Draining a box: envelopes are opened, handed to the inbox, and deleted once nothing more is to be done with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from mepassad.api.context import Log
from mepassad.api.mailbox import Envelope
from mepassad.api.types import Contact
from mepassad.delivery.boxes import Box
from mepassad.delivery.inbox import Inbox
from mepassad.delivery.losses import Losses
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.delivery.seals import SealKeys
from mepassad.errors import CryptoError
from mepassad.people.contacts import Contacts
from mepassad.wire.packets import Reason, packet_id, parse_packet

PAGE = 128  # envelopes fetched at once
_LOST = (Reason.NO_SESSION, Reason.PREKEY_MISSING)


class MailboxSource:
    """What the inbox makes of the packets of one box. Implements `mepassad.delivery.source.Source`."""

    route = "mailbox"

    def __init__(self, number: bytes) -> None:
        """`number`: that of the box. Whoever puts something there was told it."""
        self.box = number
        self.refused: dict[bytes, Reason] = {}

    def ack(self, packets: Sequence[bytes]) -> None:
        """What is not refused is done with."""

    def refuse(self, packet: bytes, reason: Reason) -> None:
        """See `refused`."""
        self.refused[packet] = reason

    def is_of(self, contact: Contact) -> bool:
        """Whether the number was given to the contact alone."""
        return contact.number == self.box


class Page(msgspec.Struct, frozen=True):
    """What was fetched of a box: the cursor after it and the ids, how many of them stay for another try, and how many
    were of no use."""

    cursor: int
    ids: Sequence[bytes]
    left: int = 0
    junk: int = 0


class Drain:
    """Takes what waits in boxes, oldest first. `junk` counts envelopes that were deleted unread."""

    def __init__(self, log: Log, contacts: Contacts, seals: SealKeys, inbox: Inbox, losses: Losses) -> None:
        """All boxes of all mailboxes share one."""
        self._log, self._contacts, self._seals, self._inbox, self._losses = log, contacts, seals, inbox, losses
        self.junk = 0

    async def page(self, stream: MailboxStream, box: Box, after: int) -> Page:
        """Take what waits in a box after a cursor, a page of it; nothing is left after it when it is empty. Raises as
        `MailboxStream` does."""
        envelopes = await stream.fetch(box.private, after, PAGE)
        if not envelopes:
            return Page(after, ())
        source, packets, done = MailboxSource(box.number), self._opened(box, envelopes), list[bytes]()
        await self._hand_over(source, list(packets))
        junk = len(envelopes) - sum(map(len, packets.values()))
        for packet, ids in packets.items():
            reason = source.refused.get(packet_id(packet))
            if reason == Reason.BUSY:
                continue
            if reason is not None:
                junk += len(ids)
                self._useless(box, packet, reason)
            done += ids
        opened = {one for ids in packets.values() for one in ids}
        done += [envelope.id for envelope in envelopes if envelope.id not in opened]
        if done:
            await stream.ack(box.private, done)
        return Page(envelopes[-1].cursor, [one.id for one in envelopes], len(envelopes) - len(done), junk)

    def _opened(self, box: Box, envelopes: Sequence[Envelope]) -> dict[bytes, list[bytes]]:
        """The packets in envelopes, each with the ids of those that hold it. All others are not sealed to us, or to a
        key of long ago."""
        packets: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for envelope in envelopes:
            try:
                packets[self._seals.unseal(box.account, envelope.sealed)].append(envelope.id)
            except CryptoError:
                self.junk += 1
        return packets

    async def _hand_over(self, source: MailboxSource, packets: Sequence[bytes]) -> None:
        """Hand packets to the inbox. One at which it fails, by whatever mistake, stays where it is for another try, and
        costs no other."""
        if not packets:
            return
        try:
            await self._inbox.arrived(source, packets)
        except Exception as error:
            if len(packets) > 1:
                for packet in packets:
                    await self._hand_over(source, [packet])
                return
            self._log.error("a packet of a mailbox was set aside", reason=f"{type(error).__name__}: {error}")
            source.refuse(packet_id(packets[0]), Reason.BUSY)

    def _useless(self, box: Box, packet: bytes, reason: Reason) -> None:
        """A packet cannot be used, and nobody is there to be told. Its sender still has it."""
        self.junk += 1
        self._log.info("a packet of a mailbox was of no use", reason=reason)
        parsed = parse_packet(packet)
        if reason in _LOST:
            for contact in self._contacts.listing(box.account, parsed.sender):
                if contact.number == box.number and not contact.blocked:
                    self._losses.unopened(contact, parsed.sender, parsed.session)
