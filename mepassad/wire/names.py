"""Names that people choose for themselves, made safe to show."""

from __future__ import annotations

import re
import unicodedata

from mepassad.errors import InvalidName

MAX_NAME = 64
MAX_MARKS = 4
MAX_READ = 1024  # characters that are looked at: bringing marks into order takes the square of their number
# Cc control, Cf format (bidirectional marks, zero width), Cs surrogate, Co private use, Zl/Zp line and paragraph ends
_STRIPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties) beyond those: joiners, Hangul fillers, variation
# selectors, tags. A font shows nothing of them.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_BLANK = re.compile("[\u2800\U0001d159]")  # empty Braille cell, null notehead: symbols that look like a space


def clean_name(text: str) -> str:
    """A name without control, format, bidirectional and other invisible characters, spaces folded, no more than 4
    accents on one letter, at most 64 characters.

    May come out empty: then the key's suffix is all there is to show.
    """
    read = _IGNORABLE.sub("", text[:MAX_READ])
    kept = "".join(c for c in read if unicodedata.category(c) not in _STRIPPED)
    words = _BLANK.sub(" ", unicodedata.normalize("NFC", kept)).split()
    return " ".join(filter(None, map(_bounded, words)))[:MAX_NAME].strip()


def _bounded(word: str) -> str:
    """A word without marks that stand on nothing, or that are piled up over the lines above it."""
    kept, marks = [], MAX_MARKS
    for character in word:
        marks = marks + 1 if unicodedata.category(character).startswith("M") else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def own_name(text: str) -> str:
    """A name that a user of this node gives, clean. Raises `InvalidName` rather than cut it short."""
    name = clean_name(text)
    if not name or len(text) > MAX_NAME:
        raise InvalidName
    return name
