"""`mepassa.generated.params`: the parameters of every method with their bounds, to refuse a call before it is sent."""

from __future__ import annotations

from scripts.client.prose import docstring, head
from scripts.client.schemas import Checks, Schema, camel, default, references

_IMPORTS = """
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
"""

_BASE = '''
class Params(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Parameters of a method."""
'''


def module(document: Schema) -> str:
    """The module's text, not yet formatted."""
    methods = document["methods"]
    table = "".join(f'    "{one["name"]}": {camel(one["name"])},\n' for one in methods)
    return "\n\n".join(
        [
            head("The parameters of every method, with their bounds.", _IMPORTS),
            f"API = {document['info']['version']}\n"
            + docstring(["The version of the interface that this client was made for."], 0),
            _BASE,
            *(_nested(name, document["components"]["schemas"][name]) for name in sorted(_used(document))),
            *(_params(one) for one in methods),
            f"PARAMS: dict[str, type[Params]] = {{\n{table}}}\n" + docstring(["By the names of their methods."], 0),
        ]
    )


def _params(method: Schema) -> str:
    lines = [f"class {camel(method['name'])}(Params, kw_only=True):", docstring([f"Of `{method['name']}`."], 4), ""]
    lines += [_field(param["name"], param["schema"], param["required"]) for param in method["params"]]
    return "\n".join(lines) + "\n"


def _nested(name: str, schema: Schema) -> str:
    lines = [f"class {name}Params(Params, kw_only=True):", docstring([schema.get("description", name)], 4), ""]
    required = schema.get("required", ())
    lines += [_field(field, one, field in required) for field, one in schema.get("properties", {}).items()]
    return "\n".join(lines) + "\n"


def _field(name: str, schema: Schema, required: bool) -> str:
    return f"    {name}: {Checks().annotation(schema, name)}{default(schema, required)}"


def _used(document: Schema) -> set[str]:
    """The objects that parameters are made of."""
    found: set[str] = set()
    new = references([method["params"] for method in document["methods"]])
    while new:
        found |= new
        new = references([document["components"]["schemas"][name] for name in new]) - found
    return found
