"""Trees of config.yaml against the keys' types: every value converted, every problem gathered."""

from __future__ import annotations

import re
import typing
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mepassad.config.problems import Place, Problem, mixed_up, unknown_key
from mepassad.config.tree import Tree
from mepassad.errors import MepassaError
from mepassad.i18n import _

Key = tuple[str, ...]
S = TypeVar("S", bound=msgspec.Struct)

_MAX_ITEMS = 20  # problems told of one list
FAMILIAR = ("transport_libp2p.bootstrap", "transport_libp2p.listen")  # known also where that plugin is not on
_NO_LIST = "Expected `array`, got `str`"  # msgspec's words for one item without its list


class Checker:
    """Takes one tree after the other, the later overriding; then builds sections from what it found."""

    def __init__(self, home: Path, folder: Path) -> None:
        """`~` is `home`; relative paths are relative to `folder`."""
        self.problems: list[Problem] = []
        self.found: dict[Key, Any] = {}
        self.places: dict[Key, Place] = {}
        self._home = home
        self._folder = folder

    def take(self, tree: Tree, keys: Mapping[str, Any], ignored: Collection[str] = (), path: Key = ()) -> None:
        """Check a mapping whose `keys` have these types; keys that are `ignored` are passed over."""
        if tree.value is None:
            return
        if not isinstance(tree.value, dict):
            told = _("expected keys with values: {keys}").format(keys=", ".join(keys))
            # What was likely meant comes first, since the names of all keys are many.
            self._problem(tree.place, path, " — ".join(filter(None, (mixed_up(path), told))))
            return
        for key, value in tree.value.items():
            here = (*path, key)
            if key in keys:
                self._take_value(value, keys[key], here)
            elif key not in ignored:
                homes = [] if path else _homes(key, keys)
                self.problems.append(unknown_key(value.key_place, here, keys, homes))

    def build(self, kind: type[S], path: Key = ()) -> S | None:
        """The section from the values found and the defaults; None if it could not be built, which is a problem."""
        values: dict[str, Any] = {}
        for field in fields(kind):
            here = (*path, field.encode_name)
            if inner := struct_type(field.type):
                if (section := self.build(inner, here)) is None:
                    return None
                values[field.name] = section
            elif here in self.found:
                values[field.name] = self.found[here]
        try:
            return kind(**values)
        except (ValueError, TypeError, MepassaError) as error:
            if not any(problem.key.startswith(".".join(path)) for problem in self.problems):
                self._refused(kind, path, str(error))
            return None

    def _take_value(self, tree: Tree, hint: Any, path: Key) -> None:
        if inner := struct_type(hint):
            self.take(tree, key_types(inner), path=path)
            return
        if (items := item_type(hint)) and isinstance(tree.value, dict):
            self._take_items(tree, tree.value, items, path)
            return
        raw = tree.plain()
        for _try in range(_MAX_ITEMS):
            try:
                self.found[path] = msgspec.convert(raw, hint, dec_hook=self._decode)
                self.places[path] = tree.key_place
                return
            except msgspec.ValidationError as error:
                text, _sign, where = str(error).partition(" - at `$")
                inner_tree = _at(tree, where)
                if text == _NO_LIST:
                    key = [*path, *re.findall(r"\.(\w+)", where)][-1]
                    wrong = _listed(key, inner_tree.plain())
                else:
                    wrong = _sentence(text, hint, inner_tree.plain())
                meant = mixed_up(path) if isinstance(raw, dict) else ""
                self._problem(inner_tree.place, path, " — ".join(filter(None, (wrong, meant))))
                index = re.match(r"\[(\d+)\]", where)
                if not (index and isinstance(raw, list) and isinstance(tree.value, list)):
                    return
                # The other items may be wrong as well: go on without this one.
                raw = [*raw[: int(index[1])], *raw[int(index[1]) + 1 :]]
                tree = Tree(
                    [*tree.value[: int(index[1])], *tree.value[int(index[1]) + 1 :]], tree.place, tree.key_place
                )

    def _take_items(self, tree: Tree, values: Mapping[str, Tree], hint: Any, path: Key) -> None:
        """A mapping whose keys are the user's own words: a later one adds to an earlier one."""
        for key, value in values.items():
            self._take_value(value, hint, (*path, key))
        right = {key: self.found[*path, key] for key in values if (*path, key) in self.found}
        self.found[path] = {**self.found.get(path, {}), **right}
        self.places[path] = tree.key_place

    def _refused(self, kind: type[msgspec.Struct], path: Key, text: str) -> None:
        """A section's own check said no. A sentence that begins with `key: ` is about that key."""
        key, colon, rest = text.partition(": ")
        here = (*path, key) if colon and key in key_types(kind) else path
        place = self.places.get(here) or next((p for k, p in self.places.items() if k[: len(path)] == path), None)
        self._problem(place, here, rest if here != path else text)

    def _decode(self, kind: type, value: Any) -> Any:
        if kind is not Path:
            raise NotImplementedError
        if not isinstance(value, str) or not value or "\0" in value:
            raise ValueError(_("expected a path"))
        if value == "~" or value.startswith("~/"):
            return self._home / value[2:]
        return self._folder / value

    def _problem(self, place: Place | None, path: Key, text: str) -> None:
        self.problems.append(Problem(place, ".".join(path), text))


def struct_type(hint: Any) -> type[msgspec.Struct] | None:
    """The section's type if the hint is one."""
    return hint if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else None


def _homes(key: str, keys: Mapping[str, Any]) -> list[str]:
    """The dotted keys of this name in the sections among `keys`: what stands at the top may belong into one."""
    sections = {name: struct_type(hint) for name, hint in keys.items()}
    found = [f"{name}.{key}" for name, kind in sections.items() if kind and key in key_types(kind)]
    return found or [home for home in FAMILIAR if home.endswith(f".{key}")]


def item_type(hint: Any) -> Any:
    """The type of the values if the hint is that of a mapping by the user's own words, else None."""
    kind = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    return typing.get_args(kind)[1] if typing.get_origin(kind) is dict else None


def key_types(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """A section's keys and their types, bounds included."""
    return {field.encode_name: field.type for field in fields(kind)}


def key_names(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    """The dotted keys of a section and of those inside it, in the order in which they are declared."""
    for field in fields(kind):
        key = f"{prefix}.{field.encode_name}" if prefix else field.encode_name
        inner = struct_type(field.type)
        yield from key_names(inner, key) if inner else (key,)


@cache  # msgspec evaluates all annotations anew each time, and a start asks for those of every section
def fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields of a section."""
    return msgspec.structs.fields(kind)


def _at(tree: Tree, where: str) -> Tree:
    """The subtree at msgspec's path, such as `[2].port`; as deep as it can be followed."""
    for index, key in re.findall(r"\[(\d+)\]|\.(\w+)", where):
        if isinstance(tree.value, list) and index and int(index) < len(tree.value):
            tree = tree.value[int(index)]
        elif isinstance(tree.value, dict) and key in tree.value:
            tree = tree.value[key]
        else:
            break
    return tree


def _sentence(text: str, hint: Any, value: object) -> str:
    kind = msgspec.inspect.type_info(hint)
    while isinstance(kind, msgspec.inspect.Metadata | msgspec.inspect.VarTupleType):
        kind = kind.type if isinstance(kind, msgspec.inspect.Metadata) else kind.item_type
    if isinstance(kind, msgspec.inspect.LiteralType) and isinstance(value, str):
        words = ", ".join(map(str, kind.values))
        return _("expected one of {words}, got {value}").format(words=words, value=repr(value))
    if (found := re.fullmatch(r"Expected `(\w+)`, got `(\w+)`", text)) is not None:
        return _("expected {kind}, got {found}").format(kind=_kind(found[1]), found=_kind(found[2]))
    if (found := re.fullmatch(r"Expected `(\w+)` (of length )?([<>]=? .+)", text)) is not None:
        told = _("expected {kind} of length {bound}") if found[2] else _("expected {kind} {bound}")
        return told.format(kind=_kind(found[1]), bound=found[3])
    return text[:1].lower() + text[1:].replace("`", "")


def _listed(key: str, value: object) -> str:
    """What to write instead of a text where a list is expected."""
    example = f"`{key}: [{value}]`" if value else "[]"
    return _("expected a list, such as {example}, got text").format(example=example)


def _kind(name: str) -> str:
    """msgspec's name of a kind of value in words."""
    words = {
        "str": _("text"),
        "int": _("a whole number"),
        "float": _("a number"),
        "bool": _("true or false"),
        "array": _("a list"),
        "object": _("keys with values"),
        "null": _("nothing"),
    }
    return words.get(name, name)
