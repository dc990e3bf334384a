"""`mepassa.generated.values`: what the node answers and tells, as structs."""

from __future__ import annotations

from scripts.client.prose import docstring, flowing, head
from scripts.client.schemas import (
    Results,
    Schema,
    camel,
    default,
    description,
    parts,
    references,
    secret,
    words,
    words_name,
)

_IMPORTS = """
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mepassa.value import Value
"""


def module(document: Schema) -> str:
    """The module's text, not yet formatted."""
    shown = objects(document)
    data = sorted({one["schema"]["$ref"].rpartition("/")[2] for one in document["x-events"]})
    everything = " | ".join([*data, "dict[str, Any]"])
    return "\n\n".join(
        [
            head("What the node answers and tells.", _IMPORTS),
            _vocabularies({"Topic": _topics(document), **_enumerations(shown)}),
            *(_struct(name, schema) for name, schema in shown.items()),
            f"EventData: TypeAlias = {everything}\n"
            + docstring(["The data of any event; a dict where this version of the client does not know the topic."], 0),
        ]
    )


def objects(document: Schema) -> dict[str, Schema]:
    """The objects that users of the client meet: all but those of notifications."""
    hidden = references(document["x-notifications"])
    return {name: schema for name, schema in document["components"]["schemas"].items() if name not in hidden}


def names(document: Schema) -> list[str]:
    """What the module offers."""
    shown = objects(document)
    return [*shown, *_enumerations(shown), "EventData", "Topic"]


def _struct(name: str, schema: Schema) -> str:
    lines = [f"class {name}(Value, frozen=True, kw_only=True):", docstring(flowing(schema.get("description", "")), 4)]
    fields: dict[str, Schema] = schema.get("properties", {})
    if hidden := [field for field, one in fields.items() if secret(one)]:
        lines.append(f"\n    _hidden = frozenset({hidden!r})")
    for field, one in fields.items():
        shape = Results().annotation(one, name + camel(field))
        lines.append(f"\n    {field}: {shape}{default(one, field in schema.get('required', ()))}")
        if about := description(one):
            lines.append(docstring([about], 4))
    return "\n".join(lines) + "\n"


def _enumerations(shown: dict[str, Schema]) -> dict[str, Schema]:
    """Every enumeration with words, by name."""
    found: dict[str, Schema] = {}
    for name, schema in shown.items():
        for field, one in schema.get("properties", {}).items():
            for part in parts(one):
                if any(words(part) if "enum" in part else ()):
                    found[words_name(part, name + camel(field))] = part
    return dict(sorted(found.items()))


def _topics(document: Schema) -> Schema:
    return {"enum": [one["topic"] for one in document["x-events"]], "description": "What events may be about."}


def _vocabularies(enumerations: dict[str, Schema]) -> str:
    known, any_word = [], []
    for name, schema in enumerations.items():
        listed = ", ".join(map(repr, words(schema)))
        known.append(f"    {name}: TypeAlias = Literal[{listed}]")
        if about := description(schema):
            known.append(docstring([about], 4))
        any_word.append(f"    {name} = str")
    return "\n".join(["if TYPE_CHECKING:", *known, "else:  # a newer node may know more words", *any_word])
