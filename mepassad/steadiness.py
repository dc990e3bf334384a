"""Whether the wall clock can be believed: what is erased by a wrong clock does not come back."""

from __future__ import annotations

from mepassad.api.context import Clock

JUMP = 60.0  # seconds between two looks that are not drift any more
DISTRUST = 6 * 3600.0  # seconds without another jump until the wall clock is believed again; suspended ones count


class Steadiness:
    """Whether the wall clock can be believed: a jump against the clock that never jumps costs trust for a while.

    That a machine was suspended is no jump: a laptop whose lid is closed every few hours is to be tidied too.
    """

    def __init__(self, clock: Clock) -> None:
        """Trusted at first: nothing is known against it."""
        self._clock = clock
        self._offset = clock.now() - clock.elapsed()
        self._distrusted_until = clock.elapsed()

    def look(self) -> bool:
        """Compare the clocks; False while a jump is too fresh to erase or expire anything by it."""
        now = self._clock.elapsed()
        offset = self._clock.now() - now
        if abs(offset - self._offset) > JUMP:
            self._distrusted_until = now + DISTRUST
        self._offset = offset
        return now >= self._distrusted_until
