"""`python -m scripts.client`: writes sdk/mepassa/generated from docs/openrpc.json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from scripts.client import errors, methods, params, values
from scripts.client.prose import head
from scripts.client.schemas import Schema

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "openrpc.json"
PLACE = ROOT / "sdk" / "mepassa" / "generated"


def files() -> dict[str, str]:
    """The generated modules: name → text, as `ruff` leaves them."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    made = {
        "__init__.py": _package(document),
        "blocking.py": methods.module(document, methods.BLOCKING),
        "errors.py": errors.module(document),
        "methods.py": methods.module(document, methods.AWAITED),
        "params.py": params.module(document),
        "topics.py": methods.topics(document),
        "values.py": values.module(document),
    }
    return {name: _formatted(name, text) for name, text in made.items()}


def _package(document: Schema) -> str:
    refused, shown = errors.names(document), values.names(document)
    listed = "".join(f'    "{name}",\n' for name in sorted([*refused, *shown]))
    imports = (
        f"from mepassa.generated.errors import {', '.join(refused)}\n"
        f"from mepassa.generated.values import {', '.join(shown)}\n"
    )
    return head("What the SDK knows of the node's interface.", imports) + f"\n__all__ = [\n{listed}]\n"


def _formatted(name: str, text: str) -> str:
    for command in (["check", "--select", "I,F401", "--fix"], ["format"]):
        arguments = [*command, "--quiet", "--stdin-filename", str(PLACE / "made" / name), "-"]
        done = subprocess.run(  # noqa: S603 - ruff, on what was made here
            [sys.executable, "-m", "ruff", *arguments],
            input=text, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT,
        )  # fmt: skip
        text = done.stdout
    return text


def main() -> None:
    """Write them, and remove what is no longer made."""
    made = files()
    PLACE.mkdir(exist_ok=True)
    for path in PLACE.glob("*.py"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (PLACE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
