"""One-time prekeys on their way into the boxes of one mailbox: made sparingly, and not anew where it refused them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mepassad.api.context import Clock
from mepassad.delivery.boxes import Box, Boxes

A_DAY = 24  # one-time blobs made for one box in a day, whatever its mailbox says of how many are left
_DAY = 86_400


class Made(msgspec.Struct):
    """What was made for a box since a time, Unix seconds: how many in all, and those that still are to be sent."""

    since: float
    count: int = 0
    unsent: tuple[bytes, ...] = ()


class Blobs:
    """Keeps count for all boxes of one mailbox while the node runs."""

    def __init__(self, clock: Clock, boxes: Boxes) -> None:
        """`boxes` makes the blobs."""
        self._clock, self._boxes = clock, boxes
        self._made: dict[bytes, Made] = {}

    def _of(self, box: Box) -> Made:
        now, made = self._clock.now(), self._made.get(box.number)
        if made is None or not 0 <= now - made.since < _DAY:
            made = self._made[box.number] = Made(now)
        return made

    def may(self, box: Box) -> bool:
        """Whether there are any for a box, or may be made."""
        made = self._of(box)
        return bool(made.unsent) or made.count < A_DAY

    async def some(self, box: Box, count: int) -> Sequence[bytes]:
        """So many one-time blobs for a box, or as many as there may be: first those that it was offered before. Raises
        `StoreFull`."""
        made = self._of(box)
        while len(made.unsent) < count and made.count < A_DAY:
            made.count += 1
            made.unsent += (await self._boxes.blob(box, one_time=True),)
        return made.unsent[:count]

    def gone(self, box: Box) -> None:
        """Those that were offered lie in the box, or may lie there: they are not to be offered again."""
        if (made := self._made.get(box.number)) is not None:
            made.unsent = ()

    def forget(self, number: bytes) -> None:
        """A box was closed."""
        self._made.pop(number, None)
