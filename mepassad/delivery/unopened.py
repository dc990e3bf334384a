"""What becomes of a packet that cannot be opened: a double, one that came too early, or one of a lost session."""

from __future__ import annotations

import asyncio
import functools

from mepassad.api.context import Log
from mepassad.api.store import Committed, Store
from mepassad.api.types import Contact, MessageId
from mepassad.bus import Bus
from mepassad.delivery.arrivals import Arrival
from mepassad.delivery.quarantine import Quarantine
from mepassad.delivery.receipts import Receipts
from mepassad.delivery.source import Source
from mepassad.errors import CryptoError, GapTooLarge, KeyMissing
from mepassad.people.accounts import Me
from mepassad.wire.ids import b64
from mepassad.wire.messages_pb2 import Packet
from mepassad.wire.packets import Reason


class Unopened:
    """Settles packets that failed to open; nothing of the session was changed by them."""

    def __init__(self, store: Store, bus: Bus, log: Log, receipts: Receipts, quarantine: Quarantine) -> None:
        """Begin with nothing on its way."""
        self._store, self._bus, self._log = store, bus, log
        self._receipts, self._quarantine = receipts, quarantine
        self._arriving: dict[bytes, asyncio.Future[Committed]] = {}  # packets whose effect is on its way to the disk

    def keep(self, arrival: Arrival) -> Arrival:
        """Hand an arrival's change to the store; until it is durable, doubles of the packet wait for it too."""
        arrival.kept = self._arriving[arrival.id] = self._bus.keep(arrival.change)
        arrival.kept.add_done_callback(functools.partial(self._arrived, arrival.id))
        return arrival

    def _arrived(self, packet: bytes, kept: asyncio.Future[Committed]) -> None:
        self._arriving.pop(packet, None)
        if not kept.cancelled():
            kept.exception()  # seen here too: whoever waits for it may have ended with its link

    async def settle(
        self, source: Source, me: Me, arrival: Arrival, contact: Contact | None, packet: Packet, error: CryptoError
    ) -> Arrival:
        """A double is acked again, with the first where that is not durable yet; what came too early is kept and
        acked; all else is refused, and its sender begins a new session."""
        arrival.kept = self._arriving.get(arrival.id)
        if arrival.kept is not None:
            return arrival
        if isinstance(error, GapTooLarge) and self._quarantine.holds(me.row.id, arrival.id):
            return arrival  # it was acked when it came, so it waits on, whoever's packet let it be tried again
        brought = await self._store.seen(me.row.id, arrival.id)
        if brought is not None:
            return self._again(arrival, contact, brought)
        # A gap is told by a header that anybody can write: only what is the contact's own is kept.
        if isinstance(error, GapTooLarge) and contact is not None and source.is_of(contact):
            return self._early(arrival, contact, packet)
        self._log.info("a packet could not be opened", packet=b64(arrival.id), reason=error.name)
        self._quarantine.release(arrival.change, me.row.id, arrival.id)
        if arrival.change.writes:
            self.keep(arrival)
        return arrival.refuse(Reason.PREKEY_MISSING if isinstance(error, KeyMissing) else Reason.NO_SESSION)

    def _again(self, arrival: Arrival, contact: Contact | None, brought: str) -> Arrival:
        """A packet is offered again: its sender never had the receipt, so it is owed again."""
        if contact is not None and brought:
            arrival.owe(contact, MessageId(brought), self._receipts)
            arrival.kept = self._bus.keep(arrival.change)
        return arrival

    def _early(self, arrival: Arrival, contact: Contact, packet: Packet) -> Arrival:
        if not self._quarantine.keep(arrival.change, contact, packet.session, arrival.id, arrival.raw):
            return arrival.refuse(Reason.BUSY)
        return self.keep(arrival) if arrival.change.writes else arrival
