"""Packets that cannot be opened yet, because too many before them are missing: kept, bounded, tried again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mepassad.api.context import Clock
from mepassad.api.gauges import Gauge
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, Quarantined
from mepassad.api.writes import AddQuarantined, DropQuarantined
from mepassad.bus import Change


class Quarantine:
    """What waits for a gap in its session to close; in memory and in the store."""

    def __init__(self, store: Store, clock: Clock, packets: int, size: int, minutes: int) -> None:
        """`packets` and `size` (bytes) of one contact at most; after `minutes` a gap counts as lost."""
        self._store, self._clock = store, clock
        self._packets, self._size, self._patience = packets, size, minutes * 60
        self._rows: dict[tuple[AccountId, bytes], Quarantined] = {}
        self.packets = Gauge(packets, lambda: Counter(_whose(row) for row in self._rows.values()).values())
        self.bytes = Gauge(size, lambda: self._bytes().values())

    def _bytes(self) -> Mapping[tuple[AccountId, AccountId], int]:
        found: Counter[tuple[AccountId, AccountId]] = Counter()
        for row in self._rows.values():
            found[_whose(row)] += len(row.raw)
        return found

    async def load(self, accounts: Sequence[AccountId]) -> None:
        """Read what waits."""
        for account in accounts:
            self._rows.update({(account, row.packet): row for row in await self._store.quarantined(account)})

    def keep(self, change: Change, contact: Contact, session: bytes, packet: bytes, raw: bytes) -> bool:
        """Keep a packet of a contact; False where that contact has no room left. One that is kept already stays."""
        key = (contact.account, packet)
        if key in self._rows:
            return True
        waiting = [row for row in self._rows.values() if _whose(row) == (contact.account, contact.id)]
        size = sum(len(row.raw) for row in waiting) + len(raw)
        if len(waiting) >= self._packets or size > self._size:
            return False
        self.packets.note(len(waiting) + 1)
        self.bytes.note(size)
        self._rows[key] = Quarantined(
            account=contact.account,
            packet=packet,
            contact=contact.id,
            session=session,
            raw=raw,
            at=int(self._clock.now()),
        )
        change.add(AddQuarantined(self._rows[key]))
        change.undoing(lambda: self._forget(key))
        return True

    def holds(self, account: AccountId, packet: bytes) -> bool:
        """Whether a packet waits."""
        return (account, packet) in self._rows

    def _forget(self, key: tuple[AccountId, bytes]) -> None:
        self._rows.pop(key, None)

    def of(self, account: AccountId, session: bytes) -> Sequence[Quarantined]:
        """What waits in a session, in the order it came."""
        return [row for row in self._rows.values() if (row.account, row.session) == (account, session)]

    def release(self, change: Change, account: AccountId, packet: bytes) -> None:
        """A packet needs no further try, if it waited at all."""
        row = self._rows.pop((account, packet), None)
        if row is not None:
            change.add(DropQuarantined(account, packet))
            change.undoing(lambda: self._rows.__setitem__((account, packet), row))

    def lost(self, account: AccountId, contact: AccountId) -> set[bytes]:
        """A contact's sessions in which something has waited for too long."""
        due = self._clock.now() - self._patience
        return {
            row.session
            for row in self._rows.values()
            if (row.account, row.contact) == (account, contact) and row.at <= due
        }

    def forget_contact(self, account: AccountId, contact: AccountId) -> None:
        """A contact was removed; the store forgets its packets with it."""
        self._rows = {key: row for key, row in self._rows.items() if (row.account, row.contact) != (account, contact)}

    def __len__(self) -> int:
        return len(self._rows)


def _whose(row: Quarantined) -> tuple[AccountId, AccountId]:
    return row.account, row.contact
