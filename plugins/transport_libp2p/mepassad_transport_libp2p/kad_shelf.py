"""The records that a node of the DHT keeps for others: bounded, each until its life is over."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import NamedTuple

from mepassad.api import MepassaError
from mepassad.api.directory import Check
from mepassad_transport_libp2p.kad_wire import distance, place_of_record

MAX_RECORDS = 8192
"""Records that are kept; beyond, the one farthest from the node goes of those that came from the network which brought
most: so who has one network cannot push out what others brought."""

TIDIED = 64
"""Records that are looked at together for whether their life is over."""


class _Kept(NamedTuple):
    key: bytes
    value: bytes
    version: int
    origin: str  # the network that it came from


class Shelf:
    """Records by their place, of each the highest version. `check` says what a record must be; none before it is
    set."""

    def __init__(self, own: bytes) -> None:
        """`own`: the node's place."""
        self._own = own
        self._records: dict[bytes, _Kept] = {}  # by place
        self._crowds: dict[str, list[tuple[int, bytes]]] = {}  # origin → distance and place of each, the farthest last
        self._unchecked: list[bytes] = []  # places that `tidy` has yet to look at
        self.check: Check | None = None

    def __len__(self) -> int:
        return len(self._records)

    def keep(self, key: bytes, value: bytes, origin: str = "") -> bool:
        """Whether this record is the one that is kept now. `origin`: the network that it came from, if there is one."""
        version = self.version(key, value)
        if version is None:
            return False
        place = place_of_record(key)
        known = self._records.get(place)
        if known is not None and known.version >= version:
            return known.value == value
        self._drop(place)
        self._records[place] = _Kept(key, value, version, origin)
        insort(self._crowds.setdefault(origin, []), (distance(self._own, place), place))
        if len(self._records) > MAX_RECORDS:
            crowd = max(self._crowds.values(), key=lambda crowd: (len(crowd), crowd[-1]))
            self._drop(crowd[-1][1])
        return place in self._records

    def _drop(self, place: bytes) -> None:
        gone = self._records.pop(place, None)
        if gone is not None:
            crowd = self._crowds[gone.origin]
            del crowd[bisect_left(crowd, (distance(self._own, place), place))]
            if not crowd:
                del self._crowds[gone.origin]

    def version(self, key: bytes, value: bytes) -> int | None:
        """The version of a record; None where it is none that may be passed on."""
        try:
            return None if self.check is None else self.check(key, value)
        except MepassaError:
            return None

    def at(self, place: bytes) -> bytes:
        """The record at a place, if its life is not over; else b""."""
        found = self._records.get(place)
        if found is None:
            return b""
        if self.version(found.key, found.value) is None:
            self._drop(place)
            return b""
        return found.value

    def tidy(self) -> None:
        """Look at the next few records, and forget those whose life is over: to check one takes a signature."""
        if not self._unchecked:
            self._unchecked = list(self._records)
        for place in self._unchecked[-TIDIED:]:
            self.at(place)
        del self._unchecked[-TIDIED:]
