"""`mepassa.generated.errors`: an exception for every refusal that the document names."""

from __future__ import annotations

from scripts.client.prose import docstring, head
from scripts.client.schemas import Schema

_IMPORTS = """
from mepassa.errors import RpcError
"""


def module(document: Schema) -> str:
    """The module's text, not yet formatted."""
    found = refusals(document)
    table = "".join(f"    {code}: {name},\n" for code, (name, _) in found.items())
    return "\n\n".join(
        [
            head("What the node may refuse, an exception each.", _IMPORTS),
            *(f"class {name}(RpcError):\n{docstring([message], 4)}\n" for name, message in found.values()),
            f"REFUSALS: dict[int, type[RpcError]] = {{\n{table}}}\n" + docstring(["The exceptions by their codes."], 0),
        ]
    )


def names(document: Schema) -> list[str]:
    """What the module offers to users."""
    return [name for name, _ in refusals(document).values()]


def refusals(document: Schema) -> dict[int, tuple[str, str]]:
    """Name and sentence of every error, by code, sorted."""
    listed = [*document["components"]["errors"].values()]
    for method in document["methods"]:
        listed += method["errors"]
    return {one["code"]: (one["data"]["name"], one["message"]) for one in sorted(listed, key=lambda one: one["code"])}
