"""Docstrings and heads of generated modules."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

WIDTH = 120
_QUOTES = '"""'


def head(purpose: str, imports: str) -> str:
    """How a generated module begins."""
    notice = "Generated from docs/openrpc.json by `make gen`; not to be edited."
    return f"{docstring([purpose, notice], 0)}\n\nfrom __future__ import annotations\n\n{imports.strip()}\n"


def flowing(text: str) -> list[str]:
    """The paragraphs of a text, without the line ends that its source has."""
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def docstring(paragraphs: Sequence[str], indent: int) -> str:
    """A docstring of paragraphs, whose lines are wrapped; the empty ones are left out."""
    margin = " " * indent
    lines: list[str] = []
    for paragraph in filter(None, paragraphs):
        lines += [""] if lines else []
        for line in paragraph.replace("\\", "\\\\").split("\n"):
            first = margin if lines else margin + _QUOTES
            lines += textwrap.wrap(line, WIDTH, initial_indent=first, subsequent_indent=margin, break_long_words=False)
    text = "\n".join(lines)
    if _QUOTES in text[indent + 3 :]:
        raise ValueError("a description holds the end of a docstring")
    alone = len(lines) == 1 and len(text) + 3 <= WIDTH
    return text + ("" if alone else f"\n{margin}") + _QUOTES
