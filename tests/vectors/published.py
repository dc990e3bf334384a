"""The published vectors, as tests are given them: one case after the other, with the file and group it is of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

FOLDER = Path(__file__).parents[2] / "docs" / "protocol" / "vectors"


class Case(NamedTuple):
    layer: str
    group: str
    name: str
    inputs: dict[str, Any]
    expected: dict[str, Any]  # "out" or "error"

    def __str__(self) -> str:
        return f"{self.layer}: {self.group}: {self.name}"

    def function(self, layers: dict[str, ModuleType]) -> Callable[..., dict[str, Any]]:
        """What an implementation, a module a layer, has for this case's group."""
        found: Callable[..., dict[str, Any]] = getattr(layers[self.layer], self.group)
        return found


def documents() -> dict[str, dict[str, Any]]:
    """Every file of vectors by layer, without the one that is only for whoever makes them anew."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    return {layer: document for layer, document in found.items() if "groups" in document}


def cases() -> list[Case]:
    """Every case of every file."""
    return [
        Case(layer, name, case["case"], case["in"], {key: case[key] for key in ("out", "error") if key in case})
        for layer, document in documents().items()
        for name, group in document["groups"].items()
        for case in group["cases"]
    ]
