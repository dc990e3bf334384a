"""When a session ends before its time: what is owed in it waits for a new one, under the same content ids."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

from msgspec.structs import replace

from mepassad import facts
from mepassad.api.context import Clock
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, Outgoing
from mepassad.api.writes import DropOutgoing, ReplaceOutgoing, Write
from mepassad.bus import Bus, Change
from mepassad.delivery.sessions import Sessions
from mepassad.errors import MepassaError
from mepassad.people.contacts import Contacts
from mepassad.wire.identity import Devices
from mepassad.wire.packets import Reason, parse_packet

RENEWAL = 3600.0  # seconds between two new sessions with one device that the other side asked for
MAX_LOST = 8  # sessions in one content that are looked at; five are kept with a device
_MOVED_LABEL = b"mepassa/1 row for another device"
_PAGE = 256

Work = Callable[[Contact, Outgoing], Awaitable[None]]


class Renewals:
    """Gives sessions up, and takes back what was encrypted in them."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, contacts: Contacts, sessions: Sessions) -> None:
        """`deliver` is called with a contact to whom something waits for a new session."""
        self._store, self._bus, self._clock = store, bus, clock
        self._contacts, self._sessions = contacts, sessions
        self._renewed: dict[tuple[AccountId, bytes], float] = {}
        self._plain: dict[tuple[AccountId, bytes], float] = {}
        self.deliver: Callable[[Contact], None] = lambda contact: None

    # -- the other side could not open a packet

    def after(self, contact: Contact, row: Outgoing, reason: int) -> Work | None:
        """What to do about a packet that was refused for its session; None: nothing but to offer it again later."""
        if self._is_given_up(contact, row):
            return self._take_back
        if reason == Reason.PREKEY_MISSING and self._once(self._plain, row.account, row.device):
            return self._renew  # with a bundle that needs no one-time keys, so this cannot happen again
        if reason in (Reason.NO_SESSION, Reason.PREKEY_MISSING) and self._once(self._renewed, row.account, row.device):
            return self._renew
        return None

    def needs_last_resort(self, contact: Contact) -> bool:
        """Whether a one-time key of a device of this contact was missing lately."""
        devices = self._contacts.devices(contact)
        now = self._clock.monotonic()
        return any(
            now - self._plain.get((contact.account, device), -RENEWAL) < RENEWAL
            for device in (devices.names if devices else ())
        )

    def may_renew(self, account: AccountId, device: bytes) -> bool:
        """Whether a new session with a device may be begun because something of it could not be opened."""
        return self._once(self._renewed, account, device)

    def _once(self, last: dict[tuple[AccountId, bytes], float], account: AccountId, device: bytes) -> bool:
        """Whether it may be done for a device: once an hour."""
        now = self._clock.monotonic()
        if now - last.get((account, device), -RENEWAL) < RENEWAL:
            return False
        last[account, device] = now
        return True

    def _is_given_up(self, contact: Contact, row: Outgoing) -> bool:
        devices = self._contacts.devices(contact)
        listed = devices is None or row.device in devices.names
        return not listed or self._sessions.known(row.account, parse_packet(row.packet).session) is None

    def _may_again(self, account: AccountId, device: bytes) -> None:
        """What was to be done for a device was not kept, so it may be done before the hour is over."""
        self._renewed.pop((account, device), None)

    async def _renew(self, contact: Contact, row: Outgoing) -> None:
        """The other side lost a session, and perhaps others: what its device was sent and did not confirm waits for a
        new one."""
        change = Change()
        try:
            await self._renewal(change, contact, row)
        except MepassaError:
            await self._sessions.undo(row.account, change.writes)
            self._may_again(row.account, row.device)
            raise

    async def _renewal(self, change: Change, contact: Contact, row: Outgoing) -> None:
        async with self._sessions.lock(row.account, row.contact):
            await self._take_back_all(change, contact, row.device)
            dropped = self._sessions.drop(row.account, parse_packet(row.packet).session)
            if dropped is not None:
                change.add(dropped)
            self._sessions.renounce(contact, row.device)
            kept = self._bus.keep(change)
        await kept

    async def _take_back_all(self, change: Change, contact: Contact, device: bytes) -> None:
        """Let all that a device of a contact, whose lock is held, was sent wait for a new session."""
        async for owed in self.owed(contact):
            if owed.packet and owed.device == device:
                change.add(_undone(owed, (device,)))

    async def begin_anew(self, contact: Contact, device: bytes) -> None:
        """The session that is spoken with a device was never answered: what was sent waits for a new one. It stays, as
        an answer may be on its way. Raises `StoreFull`."""
        change = Change()
        async with self._sessions.lock(contact.account, contact.id):
            await self._take_back_all(change, contact, device)
            self._sessions.renounce(contact, device)
            kept = self._bus.keep(change)
        await kept

    async def _take_back(self, contact: Contact, row: Outgoing) -> None:
        """A packet of a session, or to a device, that was given up meanwhile: its message waits for the new one."""
        async with self._sessions.lock(row.account, row.contact):
            await self._bus.keep(Change())  # whoever gave it up may have taken it back already
            if not await self._store.outgoing_by_id(row.account, [row.id]):
                return
            devices, change = self._contacts.devices(contact), Change()
            listed = devices.names if devices else {row.device: ""}
            change.add(_undone(row, (row.device,) if row.device in listed else tuple(listed)))
            kept = self._bus.keep(change)
        await kept

    # -- the other side says so inside another session

    async def lost(self, change: Change, contact: Contact, device: bytes, sessions: Sequence[bytes]) -> None:
        """A contact's device cannot open some sessions any more: what was sent in them waits for another."""
        known = [(session, self._sessions.known(contact.account, session)) for session in sessions[:MAX_LOST]]
        gone = {session for session, row in known if row and (row.contact, row.device) == (contact.id, device)}
        if not gone or not self._once(self._renewed, contact.account, device):
            return
        change.undoing(lambda: self._may_again(contact.account, device))
        async for owed in self.owed(contact):
            if owed.packet and owed.device == device and parse_packet(owed.packet).session in gone:
                change.add(_undone(owed, (device,)))
        change.add(*(write for session in gone if (write := self._sessions.drop(contact.account, session))))
        change.then(lambda: self.deliver(contact))

    # -- a contact's devices changed

    async def superseded(self, change: Change, contact: Contact, before: Devices | None, after: Devices) -> None:
        """A new device list of a contact: devices that are gone lose their sessions, what they are owed goes to the
        new ones, and the user is told."""
        if before is None or before.stamp == after.stamp:
            return
        gone, fresh = before.names.keys() - after.names.keys(), after.names.keys() - before.names.keys()
        if gone:
            async for owed in self.owed(contact):
                if owed.device in gone:
                    change.add(_undone(owed, sorted(fresh)))
            for device in gone:
                change.add(*self._sessions.drop_device(contact, device))
        now_ms = int(self._clock.now() * 1000)
        change.fact(contact.account, "contact.keys_changed", contact.id, facts.keys_changed(contact), now_ms)
        change.then(lambda: self.deliver(contact))

    async def owed(self, contact: Contact) -> AsyncIterator[Outgoing]:
        """All that is owed to a contact, whose lock is held."""
        await self._bus.keep(Change())  # what was said a moment ago is durable after this, and so found below
        after = 0
        while rows := await self._store.outgoing(contact.account, contact.id, after, _PAGE):
            after = rows[-1].seq
            for row in rows:
                yield row


def _undone(row: Outgoing, devices: Collection[bytes]) -> Write:
    """Take a packet back: its message waits for sessions with these devices, anything else is made anew anyway."""
    if not row.message:
        return DropOutgoing(row.account, row.id)
    waiting = replace(row, packet=b"", state="waiting", attempts=0)
    return ReplaceOutgoing(row.account, row.id, tuple(_moved(waiting, device) for device in devices))


def _moved(row: Outgoing, device: bytes) -> Outgoing:
    if device == row.device:
        return row
    return replace(row, id=hashlib.sha256(_MOVED_LABEL + row.id + device).digest(), device=device)
