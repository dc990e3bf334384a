"""The system's clock, as the node uses it; tests inject `mepassad.testing.clock.ManualClock` instead."""

from __future__ import annotations

import time

import anyio

_ELAPSED = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # of Linux; that of macOS counts them by itself


class SystemClock:
    """Real time. Implements `mepassad.api.context.Clock`."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def elapsed(self) -> float:
        """Seconds that never jump, those of a suspended machine included."""
        return time.clock_gettime(_ELAPSED)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)
