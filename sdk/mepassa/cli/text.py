"""Text of other people on a terminal: what would move the cursor, colour or reorder it is shown, not obeyed."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import click

_JOINERS = "\u200c\u200d"  # spelling in Persian and Indic scripts, and composed emoji, need them
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_SUSPECT = re.compile(r"[^\x20-\x7e]")


def visible(text: str) -> str:
    """`text` on one line, with control, bidirectional and other invisible characters as `<U+202E>`."""
    return _SUSPECT.sub(lambda match: f"<U+{ord(match[0]):04X}>" if _is_hidden(match[0]) else match[0], text)


def as_json(value: Any) -> str:
    """`value` as one line of JSON; invisible characters, which occur in strings only, as `\\u202e`."""
    plain = json.dumps(value, ensure_ascii=False)
    return _SUSPECT.sub(lambda match: json.dumps(match[0])[1:-1] if _is_hidden(match[0]) else match[0], plain)


def echo_line(line: str) -> None:
    """Print a line at once, so that a reader at the other end of a pipe has it."""
    click.echo(line)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN and character not in _JOINERS
