"""How long to wait before what failed is tried again: one way for lanes, supervisor and plugins."""

from __future__ import annotations

import random


class Backoff:
    """Waits that double up to a maximum, with jitter so that nodes do not retry in step."""

    def __init__(self, least: float, most: float, jitter: float) -> None:
        """`least` and `most` in seconds; `jitter` is the share of a wait that is random."""
        self._least, self._most, self._jitter = least, most, jitter
        self._next = least

    def reset(self) -> None:
        """Begin anew after a success, or when what failed before may work now."""
        self._next = self._least

    def wait(self) -> float:
        """Seconds to wait this time."""
        wait, self._next = self._next, min(self._next * 2, self._most)
        return wait * (1 - self._jitter * random.random())  # noqa: S311 (no secret)
