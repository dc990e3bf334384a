"""The fenced blocks of the documents. A test says which it runs: `@pytest.mark.runs(document, heading, language)`."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("*.md", "docs/**/*.md", "sdk/*.md", "plugins/*/*.md", "examples/**/*.md")
READ: set[tuple[str, int]] = set()
"""The blocks (document, line) that tests of this process have taken."""

_FENCE = re.compile(r"( *)(```+|~~~+) *(\w*).*")


@dataclass(frozen=True)
class Block:
    """A fenced block: where its fence opens, under which heading, in which language ("": none is named)."""

    document: str
    line: int
    heading: str
    language: str
    _text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line} ({self.language or 'no language'}, under {self.heading!r})"

    @property
    def text(self) -> str:
        """What stands in it, without the indentation of the fence. To ask for it is to run it."""
        READ.add((self.document, self.line))
        return self._text

    @property
    def was_read(self) -> bool:
        """Whether a test has asked for the text."""
        return (self.document, self.line) in READ


def documents() -> list[str]:
    """The documents of this repository, by path."""
    return sorted({str(path.relative_to(ROOT)) for folder in FOLDERS for path in ROOT.glob(folder)})


def blocks(document: str, heading: str | None = None, language: str | None = None) -> list[Block]:
    """The blocks of a document: those under this heading, of this language; None: of any."""
    found = parse(document, (ROOT / document).read_text())
    return [one for one in found if heading in (None, one.heading) and language in (None, one.language)]


def parse(document: str, text: str) -> Iterator[Block]:
    """The blocks of a text. Raises AssertionError where a fence is not closed."""
    heading, lines = "", enumerate(text.splitlines(), 1)
    for number, line in lines:
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif fence := _FENCE.fullmatch(line):
            inside: list[str] = []
            for _, line in lines:
                if line == fence[1] + fence[2]:
                    break
                inside.append(line + "\n")
            else:
                raise AssertionError(f"{document}:{number}: this block has no end")
            yield Block(document, number, heading, fence[3], textwrap.dedent("".join(inside)))
