"""The system's clock, as the node uses it; tests inject `mepassad.testing.clock.ManualClock` instead."""

from __future__ import annotations

import time

import anyio


class SystemClock:
    """Real time. Implements `mepassad.api.context.Clock`."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)
