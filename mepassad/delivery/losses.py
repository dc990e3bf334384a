"""Sessions in which something was lost: a new one is begun, and its hello names them."""

from __future__ import annotations

from mepassad.api.types import AccountId, Contact
from mepassad.bus import Bus, Change
from mepassad.delivery.quarantine import Quarantine
from mepassad.delivery.renewals import Renewals
from mepassad.delivery.sessions import Sessions
from mepassad.people.contacts import Contacts
from mepassad.wire.packets import parse_packet


class Losses:
    """What contacts' devices are to be told of when a session with them begins."""

    def __init__(
        self, bus: Bus, contacts: Contacts, sessions: Sessions, quarantine: Quarantine, renewals: Renewals
    ) -> None:
        """Begin with what waits in quarantine."""
        self._bus, self._contacts, self._sessions = bus, contacts, sessions
        self._quarantine, self._renewals = quarantine, renewals
        self._unopened: dict[tuple[AccountId, AccountId, bytes], bytes] = {}

    async def give_up_gaps(self, contact: Contact) -> None:
        """Where packets have waited for too long for those before them, a new session with their device is wanted;
        those of a device that is not listed any more are forgotten. Raises `StoreFull`."""
        devices, change = self._contacts.devices(contact), Change()
        for session in self._quarantine.lost(contact.account, contact.id):
            for row in self._quarantine.of(contact.account, session):
                sender = parse_packet(row.raw).sender
                if devices is not None and sender in devices.names:
                    self._sessions.renounce(contact, sender)
                else:
                    self._quarantine.release(change, contact.account, row.packet)
        if not change.writes:
            return
        try:
            await self._bus.keep(change)
        except Exception:
            change.revert()
            raise

    def unopened(self, contact: Contact, device: bytes, session: bytes) -> None:
        """A packet of a contact's device came through a mailbox, which cannot tell it, and there is no session to open
        it: a new one is wanted, once an hour."""
        if self._renewals.may_renew(contact.account, device):
            self._sessions.renounce(contact, device)
            self._unopened[contact.account, contact.id, device] = session
            self._renewals.deliver(contact)

    def named(self, change: Change, contact: Contact, device: bytes) -> list[bytes]:
        """The sessions with a device that are lost, while a new one begins with the change; their packets will come
        again in that."""
        lost = []
        key = (contact.account, contact.id, device)
        if (unopened := self._unopened.pop(key, None)) is not None:
            lost.append(unopened)
            change.undoing(lambda: self._unopened.__setitem__(key, unopened))
        for session in self._quarantine.lost(contact.account, contact.id):
            known = self._sessions.known(contact.account, session)
            if known is None or known.device == device:
                for row in self._quarantine.of(contact.account, session):
                    self._quarantine.release(change, contact.account, row.packet)
                lost.append(session)
        return lost
