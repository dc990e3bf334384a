"""A command that fills its terminal, seen as a person sees it: through an emulated terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

from tests.terminal import Terminal


class Screen(Terminal):
    """Runs a command in a terminal whose screen can be looked at."""

    def __init__(self, *command: str | Path, **environment: str) -> None:
        """Starts it, in English; the screen has 24 lines of 80 columns. What an rxvt can do, the emulation can."""
        self._seen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._seen)
        super().__init__(*command, **{"TERM": "rxvt", **environment})

    def shows(self, *texts: str, no: Sequence[str] = ()) -> None:
        """Wait until all of some texts are to be seen and none of others."""
        self._wait(
            lambda: all(text in self.text for text in texts) and not any(text in self.text for text in no),
            lambda: f"{texts} are not all, or one of {no} is, on this screen:\n{self.text}",
        )

    def looks(self, right: Callable[[Sequence[str]], bool]) -> None:
        """Wait until the lines of the screen are right; one that is looked at only once may be half drawn."""
        self._wait(lambda: right(self.lines), lambda: f"this screen is not right:\n{self.text}")

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        rows = (self._seen.buffer[row] for row in range(self._seen.lines))
        # Not `display`, which fails where something combines with a wide character.
        return ["".join(row[column].data for column in range(self._seen.columns)).rstrip() for row in rows]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    def resize(self, lines: int, columns: int) -> None:
        """Give the terminal another size."""
        self._seen.resize(lines, columns)
        super().resize(lines, columns)

    def _take(self, output: bytes) -> None:
        super()._take(output)
        self._stream.feed(output)
