"""Bounds on what one node may send, and on what is under way to it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Protocol

import msgspec

from mepassad.api.gauges import Gauge

ANSWERS = 8192  # acks and refusals that a node may leave unread; no window is wider, so an honest node's never are more
_ROUNDING = 1e-6  # of a packet
ALLOWANCES = 4096  # nodes whose allowance is remembered, so that none has a whole one by coming again


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


class Bounded(Protocol):
    """What an allowance goes by."""

    @property
    def rate(self) -> float:
        """So many a second, on average."""
        ...

    @property
    def burst(self) -> int:
        """So many at once."""
        ...


class Pace(msgspec.Struct, frozen=True):
    """A rate a second and a burst, of whatever is counted."""

    rate: float
    burst: int


class Allowance:
    """How many packets a node may send: `burst` at once, `rate` a second on average."""

    def __init__(self, limits: Bounded, now: float) -> None:
        """Full at first. `now`: monotonic seconds."""
        self._limits, self._left, self._last = limits, float(limits.burst), now

    def debt(self, now: float) -> float:
        """The seconds to wait before more packets are dealt with."""
        gained = (now - self._last) * self._limits.rate
        self._left, self._last = min(self._limits.burst, self._left + gained), now
        return -self._left / self._limits.rate if self._left < -_ROUNDING else 0.0

    def left(self, now: float) -> int:
        """How many may come now without a debt."""
        self.debt(now)
        return max(0, int(self._left + _ROUNDING))

    def take(self, packets: int) -> None:
        """Count packets; more than are left have to be waited for afterwards."""
        self._left -= packets


class Allowances:
    """Those of nodes, shared by all links of one: also by links that come after each other. Or of whatever else."""

    def __init__(self, limits: Bounded) -> None:
        """`limits`: what a node may send."""
        self._limits = limits
        self._known: OrderedDict[Hashable, Allowance] = OrderedDict()

    def of(self, node: Hashable, now: float) -> Allowance:
        """That of a node; full where it has not come lately. `now`: monotonic seconds."""
        allowance = self._known.pop(node, None) or Allowance(self._limits, now)
        self._known[node] = allowance
        if len(self._known) > ALLOWANCES:
            self._known.popitem(last=False)
        return allowance
