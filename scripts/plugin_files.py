"""Writes the files of the plugins in mepassad/scaffold into docs/plugins.md, each below the line that names it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "plugins.md"
LANGUAGES = {".py": "python", ".toml": "toml", ".md": "markdown"}
PLACE = re.compile(
    r"^<!-- (?P<path>mepassad/scaffold/\S+) -->\n(?:(?P<fence>`{3,})\w*\n.*?\n(?P=fence)\n)?", re.MULTILINE | re.DOTALL
)


def filled(document: str) -> str:
    """The document with the files as they are now."""

    def block(found: re.Match[str]) -> str:
        path = ROOT / found["path"]
        text = path.read_text(encoding="utf-8")
        fence = "````" if "```" in text else "```"
        return f"<!-- {found['path']} -->\n{fence}{LANGUAGES[path.suffix]}\n{text.rstrip()}\n{fence}\n"

    return PLACE.sub(block, document)


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
