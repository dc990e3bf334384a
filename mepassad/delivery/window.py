"""What is under way to a node on one link: packets that were offered and are not acked yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from mepassad.api.types import AccountId, Outgoing
from mepassad.delivery.limits import Limits, Traffic

REMEMBERED = 8192  # packets known to be taken, so that they are not offered on the same link again; and most held


class Window:
    """Packets that wait for their ack, bounded in number and in bytes; which were taken lately; and which are held
    because they were refused for now."""

    def __init__(self, limits: Limits, traffic: Traffic) -> None:
        """Empty. `traffic` learns how much waits."""
        self._limits, self._traffic = limits, traffic
        self._unacked: dict[bytes, Outgoing] = {}
        self._taken: OrderedDict[bytes, None] = OrderedDict()
        self._held: dict[tuple[AccountId, AccountId], set[bytes]] = {}
        self._number_held = 0
        self.size = 0  # bytes of packets

    def __len__(self) -> int:
        return len(self._unacked)

    @property
    def full(self) -> bool:
        """Whether so much waits that no more should be offered now."""
        wide = len(self._unacked) < self._limits.window and self.size < self._limits.window_bytes
        return not wide or self._number_held >= REMEMBERED

    def admit(self, row: Outgoing) -> bool:
        """Take up a packet that is offered now; False for one that was offered on this link before."""
        if row.id in self._unacked or row.id in self._taken or row.id in self._held.get(_whose(row), ()):
            return False
        self._unacked[row.id] = row
        self.size += len(row.packet)
        self._traffic.unacked.note(len(self._unacked))
        self._traffic.unacked_bytes.note(self.size)
        return True

    def acked(self, packets: Iterable[bytes]) -> Sequence[Outgoing]:
        """The node has these; the rows of those that waited."""
        rows = [row for packet in packets if (row := self._leave(packet)) is not None]
        self._taken.update((row.id, None) for row in rows if row.message)
        while len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)
        return rows

    def refused(self, packet: bytes) -> Outgoing | None:
        """The node does not take this one: it is not offered again before somebody says `forget`."""
        row = self._leave(packet)
        if row is not None:
            self._taken[row.id] = None
        return row

    def hold(self, row: Outgoing) -> bool:
        """Offer a refused packet no more before `release`; whether it is the only one of its contact that is held."""
        self._taken.pop(row.id, None)
        held = self._held.setdefault(_whose(row), set())
        held.add(row.id)
        self._number_held += 1
        return len(held) == 1

    def release(self, account: AccountId, contact: AccountId) -> None:
        """What is held of a contact may be offered again."""
        self._number_held -= len(self._held.pop((account, contact), ()))

    def forget(self, packet: bytes) -> None:
        """The packet may be offered again."""
        self._taken.pop(packet, None)
        self._leave(packet)

    def _leave(self, packet: bytes) -> Outgoing | None:
        row = self._unacked.pop(packet, None)
        if row is not None:
            self.size -= len(row.packet)
        return row


def _whose(row: Outgoing) -> tuple[AccountId, AccountId]:
    return row.account, row.contact
