"""A line that is being typed: keys in, what a terminal shows of it out (sans-I/O)."""

from __future__ import annotations

import re
from collections.abc import Callable

from mepassa.cli.keys import Text
from mepassa.text import beginning, visible, width

MAX_HISTORY = 500  # lines to go back to
_WORD = re.compile(r"\S+\s*$")
_NEXT_WORD = re.compile(r"\s*\S+")


class End(Exception):
    """Ctrl-D on an empty line: there will be no more lines."""


class LineEditor:
    """The line, the place in it where typed text goes, and the lines before it."""

    def __init__(self) -> None:
        """An empty line."""
        self.text = ""
        self.place = 0
        self._history: list[str] = []
        self._back = 0  # how many lines back the one shown is
        self._draft = ""  # the new line, while an older one is shown
        self._actions: dict[str, Callable[[], None]] = {
            "left": lambda: self._go(-1),
            "right": lambda: self._go(1),
            "up": lambda: self._recall(1),
            "down": lambda: self._recall(-1),
            "home": lambda: self._to(0),
            "end": lambda: self._to(len(self.text)),
            "word left": lambda: self._to(self._word_start()),
            "word right": lambda: self._to(self._word_end()),
            "rub out": self._rub_out,
            "delete": self._delete,
            "cut word": lambda: self._cut(self._word_start(), self.place),
            "cut to start": lambda: self._cut(0, self.place),
            "cut to end": lambda: self._cut(self.place, len(self.text)),
        }

    def press(self, key: str) -> str | None:
        """Take a key of `Keys`; the line, once it is whole. Raises `End`."""
        if isinstance(key, Text):
            self.text = self.text[: self.place] + key + self.text[self.place :]
            self.place += len(key)
        elif key == "enter":
            return self._enter()
        elif key == "delete or end":
            if not self.text:
                raise End
            self._delete()
        elif key in self._actions:
            self._actions[key]()
        return None

    def view(self, room: int) -> tuple[str, str]:
        """What is shown before the place and behind it, in at most so many columns; the place is always in it."""
        # No character is narrower than a column but those that stand on another one.
        before = _shown(self.text[max(self.place - room, 0) : self.place])
        after = _shown(self.text[self.place : self.place + room])
        if width(before) + width(after) > room:
            after = beginning(after, max(room // 3, room - width(before)))
            while width(before) + width(after) > room:
                before = before[1:]
        return before, after

    def _enter(self) -> str:
        line = self.text
        if line and self._history[-1:] != [line]:
            self._history = [*self._history, line][-MAX_HISTORY:]
        self._set("")
        self._back, self._draft = 0, ""
        return line

    def _recall(self, step: int) -> None:
        back = min(max(self._back + step, 0), len(self._history))
        if back == self._back:
            return
        if self._back == 0:
            self._draft = self.text
        self._back = back
        self._set(self._history[-back] if back else self._draft)

    def _set(self, text: str) -> None:
        self.text, self.place = text, len(text)

    def _to(self, place: int) -> None:
        self.place = place

    def _go(self, step: int) -> None:
        """One character that is seen; what stands on it, such as accents, goes with it."""
        self.place = min(max(self.place + step, 0), len(self.text))
        while 0 < self.place < len(self.text) and not width(_shown(self.text[self.place])):
            self.place += step

    def _rub_out(self) -> None:
        end = self.place
        self._go(-1)
        self._cut(self.place, end)

    def _delete(self) -> None:
        start = self.place
        self._go(1)
        self._cut(start, self.place)

    def _cut(self, start: int, end: int) -> None:
        self.text, self.place = self.text[:start] + self.text[end:], start

    def _word_start(self) -> int:
        found = _WORD.search(self.text[: self.place])
        return found.start() if found else 0

    def _word_end(self) -> int:
        found = _NEXT_WORD.match(self.text, self.place)
        return found.end() if found else len(self.text)


def _shown(text: str) -> str:
    return "↵".join(visible(line) for line in text.split("\n"))
