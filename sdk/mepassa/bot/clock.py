"""Time as a bot meets it: the machine's, unless a test owns it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import anyio


class Clock:
    """The machine's clock; a test gives `Bot.serve` one of its own with the same three methods."""

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return so many seconds later."""
        await anyio.sleep(seconds)


async def give_up_after(clock: Clock, seconds: float, scope: anyio.CancelScope) -> None:
    """Cancel `scope` so many seconds later, by this clock."""
    await clock.sleep(seconds)
    scope.cancel()
