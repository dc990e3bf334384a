"""How many of something are under way, and waiting until none is."""

from __future__ import annotations

import anyio


class Count:
    """A number that goes up and down."""

    __slots__ = ("_none", "now")

    def __init__(self) -> None:
        self.now = 0
        self._none: anyio.Event | None = None

    def up(self) -> None:
        """One more."""
        self.now += 1

    def down(self) -> None:
        """One less."""
        self.now -= 1
        if not self.now and self._none is not None:
            self._none.set()

    async def at_zero(self) -> None:
        """Wait until it is zero."""
        while self.now:
            self._none = anyio.Event()
            await self._none.wait()
