"""Names that people choose for themselves, made safe to show."""

from __future__ import annotations

import unicodedata

from mepassad.errors import InvalidName

MAX_NAME = 64
# Cc control, Cf format (bidirectional marks, zero width), Cs surrogate, Co private use, Zl/Zp line and paragraph ends
_STRIPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def clean_name(text: str) -> str:
    """A name without control, format and bidirectional characters, spaces folded, at most 64 characters.

    May come out empty: then the key's suffix is all there is to show.
    """
    kept = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) not in _STRIPPED)
    return " ".join(kept.split())[:MAX_NAME].strip()


def own_name(text: str) -> str:
    """A name that a user of this node gives, clean. Raises `InvalidName` rather than cut it short."""
    name = clean_name(text)
    if not name or len(text) > MAX_NAME:
        raise InvalidName
    return name
