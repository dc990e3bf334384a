"""Text of other people on a terminal: what would move the cursor, colour or reorder it is shown, not obeyed."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import msgspec

_JOINERS = "\u200c\u200d"  # spelling in Persian and Indic scripts, and composed emoji, need them
_BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and signs that nobody sees
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SUSPECT = re.compile(r"[^\x20-\x7e]")


def visible(text: str) -> str:
    """`text` on one line, with control, bidirectional and other invisible characters as `<U+202E>`."""
    return _SUSPECT.sub(lambda match: f"<U+{ord(match[0]):04X}>" if _is_hidden(match[0]) else match[0], text)


def as_json(value: Any) -> str:
    """`value` as one line of JSON; invisible characters, which occur in strings only, as `\\u202e`."""
    plain = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
    return _SUSPECT.sub(lambda match: json.dumps(match[0])[1:-1] if _is_hidden(match[0]) else match[0], plain)


def width(text: str) -> int:
    """How many columns a terminal gives to visible text; for composed emoji it may be fewer."""
    return sum(map(_cells, text))


def cut(text: str, most: int | None) -> str:
    """Visible text in at most so many columns (None: as many as it has), with `…` where something is left out."""
    if most is None or width(text) <= most:
        return text
    return f"{beginning(text, most - 1)}…" if most > 0 else ""


def beginning(text: str, most: int) -> str:
    """As much of visible text as fits into so many columns."""
    used = 0
    for place, character in enumerate(text):
        used += _cells(character)
        if used > most:
            return text[:place]
    return text


def wrapped(text: str, most: int, indent: str = "") -> list[str]:
    """Visible text in lines of at most so many columns, broken between words where it can be.

    All lines but the first begin with `indent`, so that none of them looks like one of somebody else's.
    """
    lines, at, lead = [], 0, ""
    while True:
        room = max(most - len(lead), 1)
        line = beginning(text[at : at + 8 * room], room) or text[at : at + 1]
        if text[at + len(line) : at + len(line) + 1].strip(" ") and line.strip(" ").count(" "):
            line = line[: line.rstrip(" ").rindex(" ")]
        lines.append(lead + line.rstrip(" "))
        at += len(line)
        while text[at : at + 1] == " ":
            at += 1
        if at >= len(text):
            return lines
        lead = indent


def _cells(character: str) -> int:
    if " " <= character <= "~":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _is_hidden(character: str) -> bool:
    return character in _BLANKS or (unicodedata.category(character) in _HIDDEN and character not in _JOINERS)
