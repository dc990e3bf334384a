"""`python -m mepassad.rpc.generate`: writes docs/openrpc.json and docs/rpc.md from the code."""

from __future__ import annotations

import json
from pathlib import Path

from mepassad.rpc import markdown, openrpc
from mepassad.rpc.methods import ALL
from mepassad.rpc.registry import Registry

DOCS = Path(__file__).parents[2] / "docs"


def files() -> dict[str, str]:
    """The generated files: name → text."""
    document = openrpc.document(Registry(ALL))
    return {
        "openrpc.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        "rpc.md": markdown.render(document),
    }


def main() -> None:
    """Write them."""
    for name, text in files().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
