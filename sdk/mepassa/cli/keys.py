"""What a terminal sends when somebody types: its bytes, cut into keys (sans-I/O)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

PASTE_BEGINS, PASTE_ENDS = "\x1b[200~", "\x1b[201~"
MAX_PENDING = 1 << 20  # characters of a key, or of what was pasted, that is not whole yet

_KEY = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b[^\[O\x1b]|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+",
    re.DOTALL,
)
_BEGUN = re.compile(r"\x1b(\[[0-?]*[ -/]*|O)?$")  # a key that may go on with the next bytes

_NAMES = {
    "left": ("\x1b[D", "\x1bOD", "\x02"),
    "right": ("\x1b[C", "\x1bOC", "\x06"),
    "up": ("\x1b[A", "\x1bOA", "\x10"),
    "down": ("\x1b[B", "\x1bOB", "\x0e"),
    "home": ("\x1b[H", "\x1bOH", "\x1b[1~", "\x01"),
    "end": ("\x1b[F", "\x1bOF", "\x1b[4~", "\x05"),
    "word left": ("\x1b[1;5D", "\x1b[1;3D", "\x1bb"),
    "word right": ("\x1b[1;5C", "\x1b[1;3C", "\x1bf"),
    "rub out": ("\x7f", "\x08"),
    "delete": ("\x1b[3~",),
    "delete or end": ("\x04",),
    "cut word": ("\x17", "\x1b\x7f", "\x1b\x08"),
    "cut to start": ("\x15",),
    "cut to end": ("\x0b",),
    "enter": ("\r", "\n"),
    "redraw": ("\x0c",),
}
_BY_SEQUENCE = {sequence: name for name, sequences in _NAMES.items() for sequence in sequences}


class Text(str):
    """Characters to put into the line; what was pasted may have line breaks in it."""


class Keys:
    """Turns the bytes of a terminal into names of keys, and `Text`. Keys that nothing is known of are dropped."""

    def __init__(self) -> None:
        """Nothing was typed yet."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def feed(self, data: bytes) -> Iterator[str]:
        """The keys that are whole with these bytes."""
        self._pending += self._decoder.decode(data)
        while self._pending:
            if self._pending.startswith(PASTE_BEGINS):
                pasted, ended, rest = self._pending.removeprefix(PASTE_BEGINS).partition(PASTE_ENDS)
                if not ended and len(pasted) < MAX_PENDING:
                    return
                self._pending = rest
                yield Text(pasted.replace("\r\n", "\n").replace("\r", "\n"))
                continue
            if _BEGUN.match(self._pending) and len(self._pending) < MAX_PENDING:
                return
            key = _key(self._pending)
            self._pending = self._pending[len(key) :]
            if key[0] >= " " and key[0] != "\x7f":
                yield Text(key)
            elif key in _BY_SEQUENCE:
                yield _BY_SEQUENCE[key]


def _key(typed: str) -> str:
    found = _KEY.match(typed)
    return found[0] if found else typed[0]
