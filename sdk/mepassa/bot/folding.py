"""Texts without case and accents, as people type them: `OLA`, `olá` and `Olà` are the same word."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def fold(text: str) -> str:
    """The text without case, accents and surrounding space."""
    return without_accents(text.strip()).casefold()


def without_accents(text: str) -> str:
    """The text with each letter's marks taken off."""
    if text.isascii():
        return text
    return "".join(_bare(letter) for letter in text)


def places(text: str) -> Sequence[int]:
    """Where in `text` each character of `without_accents(text)` comes from, and at the end the text's length."""
    if text.isascii():
        return range(len(text) + 1)
    return [place for place, letter in enumerate(text) for _ in _bare(letter)] + [len(text)]


def _bare(letter: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
