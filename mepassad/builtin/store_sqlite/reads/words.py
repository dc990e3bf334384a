"""From what a person typed to an FTS5 expression: any text is a valid query, none of it is syntax."""

from __future__ import annotations

import unicodedata

MAX_WORDS = 32  # more words than a person searches for; the rest is ignored


def match_expression(query: str) -> str:
    """All words must be there, the last one may be a beginning; "" where there is no word (FTS5, section 3)."""
    words = "".join(char if _is_of_word(char) else " " for char in query).split()[:MAX_WORDS]
    if not words:
        return ""
    return " ".join(f'"{word}"' for word in words) + "*"


def _is_of_word(char: str) -> bool:
    """What the tokenizer unicode61 takes for part of a word: letters, numbers, private use, and accents on them."""
    return unicodedata.category(char)[0] in "LNM" or unicodedata.category(char) == "Co"
