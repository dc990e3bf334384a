"""A layer's vectors while they are written: cases in groups, one group for each function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from mepassad.errors import MepassaError
from mepassad.testing.vectors.drawn import Drawn

Fields = dict[str, Any]  # what JSON can hold
NAMELESS = "Malformed"  # of a refusal that has no error of its own


def outcome(function: Callable[..., Fields], inputs: Fields) -> Fields:
    """What a function makes of a case's inputs: `{"out": …}`, or `{"error": name}` where it refuses them."""
    try:
        return {"out": function(**inputs)}
    except MepassaError as error:
        return {"error": error.name}
    except ValueError:
        return {"error": NAMELESS}


class Book:
    """The groups of one file, in the order in which they were begun."""

    def __init__(self, drawn: Drawn) -> None:
        """`drawn`: what cannot be made from fixed seeds."""
        self.drawn = drawn
        self.groups: dict[str, Fields] = {}

    def add(self, function: Callable[..., Fields], case: str, **inputs: Any) -> Fields:
        """Add a case, named by what is special about it; what came out, or nothing where it was refused."""
        begun = {"description": " ".join(inspect.getdoc(function).split()), "cases": []}  # type: ignore[union-attr]
        group = self.groups.setdefault(function.__name__, begun)
        found = outcome(function, inputs)
        group["cases"].append({"case": case, "in": inputs} | found)
        out: Fields = found.get("out", {})
        return out
