"""How full the queues of the node are, as `system.stats` shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Gauge:
    """All queues of one kind: how long the longest is, how long one has ever been, and where whoever fills it waits.

    What was begun below the limit may still come on top, so a length in bytes can be one item above it.
    """

    def __init__(self, limit: int, lengths: Callable[[], Iterable[int]]) -> None:
        """`limit`: the length at which no more is put into a queue; `lengths` gives those of all that there are."""
        self._limit, self._lengths, self._most = limit, lengths, 0

    def note(self, length: int) -> None:
        """A queue has grown to this length."""
        if length > self._most:
            self._most = length

    def show(self, name: str) -> dict[str, int]:
        """Three numbers for `system.stats`: `<name>`, `<name>_most` and `<name>_limit`."""
        now = max(self._lengths(), default=0)
        self.note(now)
        return {name: now, f"{name}_most": self._most, f"{name}_limit": self._limit}
