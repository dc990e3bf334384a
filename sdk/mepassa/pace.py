"""How fast a bot may answer one contact, so that two bots do not answer each other for ever."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

MAX_ANSWERS = 30  # to one contact within a window
WINDOW = 60.0  # seconds


class Pace:
    """Counts the answers to each contact over the last `WINDOW` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds that never run backwards."""
        self._clock = clock
        self._answers: dict[str, deque[float]] = {}
        self._warned: dict[str, float] = {}

    def allows(self, contact: str) -> bool:
        """Whether one more answer may go to this contact now; if so, it is counted."""
        now = self._clock()
        answers = self._answers.setdefault(contact, deque())
        while answers and now - answers[0] >= WINDOW:
            answers.popleft()
        if len(answers) >= MAX_ANSWERS:
            return False
        answers.append(now)
        return True

    def warns(self, contact: str) -> bool:
        """Whether a warning about this contact is due: one a `WINDOW`."""
        now = self._clock()
        last = self._warned.get(contact)
        if last is not None and now - last < WINDOW:
            return False
        self._warned[contact] = now
        return True
