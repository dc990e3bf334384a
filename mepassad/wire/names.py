"""Names that people choose for themselves, made safe to show."""

from __future__ import annotations

import unicodedata

MAX_NAME = 64
# Cc control, Cf format (bidirectional marks, zero width), Cs surrogate, Co private use, Zl/Zp line and paragraph ends
_STRIPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def clean_name(text: str) -> str:
    """A name without control, format and bidirectional characters, spaces folded, at most 64 characters.

    May come out empty: then the key's suffix is all there is to show.
    """
    kept = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) not in _STRIPPED)
    return " ".join(kept.split())[:MAX_NAME].strip()
