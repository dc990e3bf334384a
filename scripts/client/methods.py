"""`mepassa.generated.methods` and `.blocking`: every noun a class, every method of the node a method with its types."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from scripts.client import values
from scripts.client.prose import docstring, flowing, head
from scripts.client.schemas import Results, Schema, Signatures, camel, description, immutable_default, reference

_NOT_METHODS = {"events.subscribe", "events.unsubscribe"}  # `client.events` is for both
_CURSORS = {"after", "before"}


class Way(NamedTuple):
    """How calls are made: awaited, or waited for."""

    purpose: str
    imports: str
    start: str
    wait: str
    loop: str


AWAITED = Way(
    "The node's methods, to be awaited.",
    "from mepassa.events import Events\nfrom mepassa.nouns import Call, Noun\nfrom mepassa.pages import Pages",
    "async def",
    "await ",
    "async for",
)
BLOCKING = Way(
    "The node's methods, for code without async.",
    "from mepassa.blocking import Call, Events, Noun, Pages",
    "def",
    "",
    "for",
)


def module(document: Schema, way: Way) -> str:
    """The module's text, not yet formatted."""
    methods = [one for one in document["methods"] if one["name"] not in _NOT_METHODS]
    grouped = {noun: [*found] for noun, found in groupby(methods, lambda one: one["name"].partition(".")[0])}
    return "\n\n".join(
        [
            head(way.purpose, _imports(document, way)),
            *(_noun(document, way, noun, found) for noun, found in grouped.items()),
            _all(document, way, list(grouped)),
        ]
    )


def _imports(document: Schema, way: Way) -> str:
    return (
        "from collections.abc import Mapping, Sequence\nfrom typing import Any, Literal, overload\n\n"
        f"{way.imports}\nfrom mepassa.generated.values import {', '.join(values.names(document))}\n"
    )


def _noun(document: Schema, way: Way, noun: str, methods: list[Schema]) -> str:
    lines = [f"class {camel(noun)}Methods(Noun):", docstring([f"The methods `{noun}.*`."], 4)]
    for method in methods:
        lines += ["", _method(way, method)]
        if item := _item(document, method):
            lines += ["", _pages(way, method, item)]
    return "\n".join(lines) + "\n"


def _method(way: Way, method: Schema) -> str:
    name, params = method["name"], method["params"]
    result = Results().annotation(method["result"]["schema"], camel(name))
    given = ", ".join(f'"{one["name"]}": {one["name"]}' for one in params)
    return (
        f"    {way.start} {_verb(method)}(self{_signature(params)}) -> {result}:\n"
        f"{_about(method, params)}\n"
        f'        return {way.wait}self._call("{name}", {result}, {{{given}}})\n'
    )


def _verb(method: Schema) -> str:
    return str(method["name"]).partition(".")[2].replace(".", "_")


def _signature(params: list[Schema]) -> str:
    shown = []
    for one in params:
        kind = Signatures().annotation(one["schema"], "")
        shown.append(f"{one['name']}: {kind}{immutable_default(one['schema'], one['required'])}")
    return ", *, " + ", ".join(shown) if shown else ""


def _about(method: Schema, params: list[Schema]) -> str:
    told = [(one["name"], description(one["schema"])) for one in params]
    errors = ", ".join(f"`{one['data']['name']}`" for one in method["errors"])
    return docstring(
        [
            method["summary"],
            *flowing(method.get("description", "")),
            "\n".join(f"`{name}`: {text}" for name, text in told if text),
            f"Raises {errors}." if errors else "",
        ],
        8,
    )


def _item(document: Schema, method: Schema) -> str | None:
    """What a method lists, if it answers a page."""
    result = method["result"]["schema"]
    if "$ref" not in result:
        return None
    fields = document["components"]["schemas"][reference(result)].get("properties", {})
    return Results().annotation(fields["items"]["items"], "") if fields.keys() >= {"items", "next"} else None


def _pages(way: Way, method: Schema, item: str) -> str:
    """The method that walks over all pages of another."""
    verb = _verb(method)
    params = [one for one in method["params"] if one["name"] not in _CURSORS]
    cursors = [one["name"] for one in method["params"] if one["name"] in _CURSORS]
    given = [f"{one['name']}={one['name']}" for one in params] + [f"{name}=cursor" for name in cursors]
    taken = "cursor" if cursors else "_"
    name = "iterate" if verb == "list" else f"iterate_{verb}"
    about = docstring([f"All that `{verb}` finds, over all its pages: `{way.loop} … in`."], 8)
    return (
        f"    def {name}(self{_signature(params)}) -> Pages[{item}]:\n{about}\n"
        f"        return Pages(lambda {taken}: self.{verb}({', '.join(given)}))\n"
    )


def _all(document: Schema, way: Way, nouns: list[str]) -> str:
    """The class that a client inherits: every noun as an attribute, and `events` with the types of their data."""
    made = "\n".join(f"        self.{noun} = {camel(noun)}Methods(call)" for noun in nouns)
    topics: dict[str, list[str]] = {}
    for event in document["x-events"]:
        topics.setdefault(reference(event["schema"]), []).append(event["topic"])
    more = "after: int | None = None, account: str | None = None"
    typed = [
        f"    @overload\n    def events(self, *, topics: Sequence[Literal[{', '.join(map(repr, names))}]], {more})"
        f" -> Events[{data}]: ..."
        for data, names in topics.items()
    ]
    shared = f"topics: Sequence[Topic | str] | None = None, {more}"
    about = docstring(
        [
            "The node's events: of some topics or all, of one account or all.",
            "`topics`: those to follow, None for all.\n"
            "`after`: begin behind this number, 0 = with the oldest that is kept, None = from now on.\n"
            "`account`: whose, None for those of all accounts that one may see.",
        ],
        8,
    )
    return "\n".join(
        [
            "class Nouns:",
            docstring(["Every noun of the node as an attribute, and its events."], 4),
            f"\n    def __init__(self, call: Call) -> None:\n{docstring(['`call` carries out a call.'], 8)}\n{made}\n",
            *typed,
            f"    @overload\n    def events(self, *, {shared}) -> Events: ...",
            f"    def events(self, *, {shared}) -> Events[Any]:\n{about}\n"
            "        return self._follow(topics, after, account)\n",
            "    def _follow(self, topics: Sequence[str] | None, after: int | None, account: str | None)"
            " -> Events[Any]:\n        raise NotImplementedError\n",
        ]
    )


def topics(document: Schema) -> str:
    """`mepassa.generated.topics`: the data of each topic."""
    data = sorted({reference(event["schema"]) for event in document["x-events"]})
    table = "".join(f'    "{one["topic"]}": {reference(one["schema"])},\n' for one in document["x-events"])
    imports = f"from mepassa.generated.values import {', '.join(data)}\nfrom mepassa.value import Value\n"
    return (
        head("What the node tells, and in what shape.", imports)
        + f"\nTOPICS: dict[str, type[Value]] = {{\n{table}}}\n"
        + docstring(["The data of the events of each topic."], 0)
        + "\n"
    )
