"""Bounds on what one node may send, and on what is under way to it."""

from __future__ import annotations

import msgspec

from mepassad.api.gauges import Gauge


class Limits(msgspec.Struct, frozen=True):
    """Bounds on what one link may carry: packets and bytes unacknowledged, bytes of a packet, packets a second, and
    seconds that packets may wait for an ack, or our answers to be read."""

    window: int
    max_packet: int
    rate: float
    burst: int
    stall: float
    window_bytes: int  # a packet that begins below it still goes


class Traffic(msgspec.Struct, frozen=True):
    """How full all links are: what waits for acks, in packets and bytes, and what arrived and is being dealt with."""

    unacked: Gauge
    unacked_bytes: Gauge
    arriving: Gauge


class Allowance:
    """How many packets a node may send: `burst` at once, `rate` a second on average."""

    def __init__(self, limits: Limits, now: float) -> None:
        """Full at first. `now`: monotonic seconds."""
        self._limits, self._left, self._last = limits, float(limits.burst), now

    def take(self, packets: int, now: float) -> float:
        """Count packets; the seconds to wait before more are read."""
        gained = (now - self._last) * self._limits.rate
        self._left, self._last = min(self._limits.burst, self._left + gained) - packets, now
        return max(0.0, -self._left / self._limits.rate)
