"""The records that a node of the DHT keeps for others: bounded, each until its life is over."""

from __future__ import annotations

from mepassad.api import MepassaError
from mepassad.api.directory import Check
from mepassad_transport_libp2p.kad_wire import distance, place_of_record

MAX_RECORDS = 8192
"""Records that are kept; beyond, those farthest from the node go first."""

TIDIED = 64
"""Records that are looked at together for whether their life is over."""


class Shelf:
    """Records by their place, of each the highest version. `check` says what a record must be; none before it is
    set."""

    def __init__(self, own: bytes) -> None:
        """`own`: the node's place."""
        self._own = own
        self._records: dict[bytes, tuple[bytes, bytes, int]] = {}  # place → name, value, version
        self._unchecked: list[bytes] = []  # places that `tidy` has yet to look at
        self.check: Check | None = None

    def __len__(self) -> int:
        return len(self._records)

    def keep(self, key: bytes, value: bytes) -> bool:
        """Whether this record is the one that is kept now."""
        version = self.version(key, value)
        if version is None:
            return False
        place = place_of_record(key)
        known = self._records.get(place)
        if known is not None and known[2] >= version:
            return known[1] == value
        self._records[place] = key, value, version
        if len(self._records) > MAX_RECORDS:
            del self._records[max(self._records, key=self._far)]
        return place in self._records

    def _far(self, place: bytes) -> int:
        return distance(self._own, place)

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
        if self.version(*found[:2]) is None:
            del self._records[place]
            return b""
        return found[1]

    def tidy(self) -> None:
        """Look at the next few records, and forget those whose life is over: to check one takes a signature."""
        if not self._unchecked:
            self._unchecked = list(self._records)
        for place in self._unchecked[-TIDIED:]:
            self.at(place)
        del self._unchecked[-TIDIED:]
