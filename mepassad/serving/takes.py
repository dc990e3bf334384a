"""How fast the one-time blobs of each box go out."""

from __future__ import annotations

from collections import OrderedDict

from mepassad.delivery.limits import Allowance, Pace

BOXES = 65_536  # boxes of which it is known how many went out lately; of others, then, none goes out


class Takes:
    """A box that was drained stays drained until its allowance is whole again, whoever asks for others meanwhile."""

    def __init__(self, pace: Pace) -> None:
        """`pace`: one-time blobs of one box."""
        self._pace = pace
        self._known: OrderedDict[bytes, Allowance] = OrderedDict()  # those not whole, who was asked longest ago first

    def may(self, number: bytes, now: float) -> bool:
        """Whether a one-time blob of a box that there is may go out now (monotonic seconds); counts it."""
        self._forget(now)
        allowance = self._known.pop(number, None)
        if allowance is None:
            if len(self._known) >= BOXES:
                return False
            allowance = Allowance(self._pace, now)
        self._known[number] = allowance
        if not allowance.left(now):
            return False
        allowance.take(1)
        return True

    def _forget(self, now: float) -> None:
        """Drop those that are whole again."""
        while self._known:
            number, allowance = next(iter(self._known.items()))
            if allowance.left(now) < self._pace.burst:
                break
            del self._known[number]
