"""What is under way to a node on one link: packets that were offered and are not acked yet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from mepassad.api.types import Outgoing
from mepassad.delivery.limits import Limits, Traffic

REMEMBERED = 8192  # packets known to be taken, so that they are not offered on the same link again


class Window:
    """Packets that wait for their ack, bounded in number and in bytes; and which were taken lately."""

    def __init__(self, limits: Limits, traffic: Traffic) -> None:
        """Empty. `traffic` learns how much waits."""
        self._limits, self._traffic = limits, traffic
        self._unacked: dict[bytes, Outgoing] = {}
        self._taken: OrderedDict[bytes, None] = OrderedDict()
        self.size = 0  # bytes of packets

    def __len__(self) -> int:
        return len(self._unacked)

    @property
    def full(self) -> bool:
        """Whether so much waits that no more should be offered now."""
        return len(self._unacked) >= self._limits.window or self.size >= self._limits.window_bytes

    def admit(self, row: Outgoing) -> bool:
        """Take up a packet that is offered now; False for one that was offered on this link before."""
        if row.id in self._unacked or row.id in self._taken:
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

    def forget(self, packet: bytes) -> None:
        """The packet may be offered again."""
        self._taken.pop(packet, None)
        self._leave(packet)

    def _leave(self, packet: bytes) -> Outgoing | None:
        row = self._unacked.pop(packet, None)
        if row is not None:
            self.size -= len(row.packet)
        return row
