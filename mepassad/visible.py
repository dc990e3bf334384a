"""Text of other people made harmless: nothing of it moves the cursor of a terminal, or hides what follows."""

from __future__ import annotations


def visible(text: str, instead: str = "\ufffd") -> str:
    """One line with `instead` in place of each control character, line break and invisible character."""
    return "".join(char if char.isprintable() else instead for char in text)
