"""How fast a bot may answer one contact, so that two bots do not answer each other for ever."""

from __future__ import annotations

from collections import deque

from mepassa.bot.clock import Clock

WINDOW = 60.0
"""Seconds over which answers are counted."""


class Pace:
    """Counts the answers to each contact over the last `WINDOW` seconds."""

    def __init__(self, limit: int | None, clock: Clock) -> None:
        """`limit`: answers to one contact within the window; None: as many as there are."""
        self.limit = limit
        self._clock = clock
        self._answers: dict[str, deque[float]] = {}
        self._warned: dict[str, float] = {}
        self._tidied = clock.monotonic()

    def allows(self, contact: str) -> bool:
        """Whether one more answer may go to this contact now; if so, it is counted."""
        if self.limit is None:
            return True
        now = self._clock.monotonic()
        self._tidy(now)
        answers = self._answers.setdefault(contact, deque())
        while answers and now - answers[0] >= WINDOW:
            answers.popleft()
        if len(answers) >= self.limit:
            return False
        answers.append(now)
        return True

    def warns(self, contact: str) -> bool:
        """Whether a warning about this contact is due: one a `WINDOW`."""
        now = self._clock.monotonic()
        last = self._warned.get(contact)
        if last is not None and now - last < WINDOW:
            return False
        self._warned[contact] = now
        return True

    @property
    def known(self) -> int:
        """How many contacts it remembers."""
        return len(self._answers.keys() | self._warned.keys())

    def _tidy(self, now: float) -> None:
        """Once a window, forget whom it does not concern any more."""
        if now - self._tidied < WINDOW:
            return
        self._tidied = now
        self._answers = {who: times for who, times in self._answers.items() if times and now - times[-1] < WINDOW}
        self._warned = {who: last for who, last in self._warned.items() if now - last < WINDOW}
