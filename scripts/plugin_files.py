"""Writes the files of the example plugins (mepassad/scaffold) into docs/plugins.md, each below the line that names it.

With `--check`, nothing is written: exits 1 if the document would change.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "plugins.md"
LANGUAGES = {".py": "python", ".toml": "toml", ".md": "markdown"}
BLOCK = re.compile(
    r"^<!-- (?P<path>mepassad/scaffold/\S+) -->\n(?:(?P<fence>`{3,})\w*\n(?P<text>.*?)\n(?P=fence)\n)?", re.M | re.S
)


def blocks(document: str) -> dict[str, str]:
    """The text of each block of a document that is a file, by the file's path."""
    return {found["path"]: f"{found['text']}\n" for found in BLOCK.finditer(document)}


def filled(document: str) -> str:
    """The document with the files as they are now."""

    def block(found: re.Match[str]) -> str:
        path = ROOT / found["path"]
        text = path.read_text(encoding="utf-8")
        fence = "````" if "```" in text else "```"
        return f"<!-- {found['path']} -->\n{fence}{LANGUAGES[path.suffix]}\n{text.rstrip()}\n{fence}\n"

    return BLOCK.sub(block, document)


def main() -> None:
    """Write the document if it is stale, or with `--check` say so."""
    text = DOCUMENT.read_text(encoding="utf-8")
    if (wanted := filled(text)) == text:
        return
    if "--check" in sys.argv:
        sys.exit("stale, run `make gen`: docs/plugins.md")
    DOCUMENT.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    main()
