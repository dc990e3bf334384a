"""YAML text to a tree of plain values that know their place. Bounded: size, depth, no aliases, no foreign tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from mepassad.config.problems import Place, Problem, as_error
from mepassad.i18n import _

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Tree:
    """A value and its place; `key_place` is that of the key it belongs to (its own for an item of a list)."""

    value: str | int | float | bool | dict[str, Tree] | list[Tree] | None
    place: Place
    key_place: Place

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: tree.plain() for key, tree in self.value.items()}
        if isinstance(self.value, list):
            return [tree.plain() for tree in self.value]
        return self.value


class _Loader(yaml.SafeLoader):
    """YAML with the scalars of 1.2 (`no` and `1:30` are text), without aliases, of bounded depth."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own way
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _refusal(self, _("aliases are not supported"))
        if self.depth >= MAX_DEPTH:
            raise _refusal(self, _("nested deeper than {depth}").format(depth=MAX_DEPTH))
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _refusal(loader: _Loader, text: str) -> yaml.MarkedYAMLError:
    event: Any = loader.peek_event()  # type: ignore[no-untyped-call]
    return yaml.MarkedYAMLError(problem=text, problem_mark=event.start_mark)


_SCALARS: dict[str, tuple[str, str]] = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}", "-+0123456789"),
    "float": (r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?", "-+.0123456789"),
    "null": (r"~|null|Null|NULL|", "~nN"),
}
for _name, (_pattern, _first) in _SCALARS.items():
    _chars: list[str] = [*_first, ""] if _name == "null" else list(_first)
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _chars)


Locate = Callable[[yaml.Mark | None], Place]


def parse_file(text: str, name: str) -> Tree:
    """The tree of a file's one YAML document. Raises `ConfigError` with all that is wrong."""
    lines = text.splitlines()

    def locate(mark: yaml.Mark | None) -> Place:
        line, column = (mark.line, mark.column) if mark else (0, 0)
        return Place(name, line + 1, column + 1, lines[line] if line < len(lines) else "")

    return _parse(text, locate)


def parse_variable(text: str, name: str) -> Tree:
    """The tree of an environment variable's value; its only place is the variable. Raises `ConfigError`."""
    return _parse(text, lambda mark: Place(name))


def compose(text: str) -> yaml.Node | None:
    """PyYAML's nodes of the one document, which know where in `text` they stand; None where it is empty.

    Raises `yaml.YAMLError`.
    """
    node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    return node


def _parse(text: str, locate: Locate) -> Tree:
    try:
        node = compose(text)
    except yaml.MarkedYAMLError as error:
        text = _not_yaml(", ".join(part for part in (error.context, error.problem) if part))
        raise as_error([Problem(locate(error.problem_mark or error.context_mark), "", text)]) from None
    except yaml.YAMLError as error:
        raise as_error([Problem(locate(None), "", _not_yaml(str(error).splitlines()[0]))]) from None
    reader = _Reader(locate)
    tree = Tree(None, locate(None), locate(None)) if node is None else reader.tree(node, None)
    if reader.problems:
        raise as_error(reader.problems)
    return tree


def _not_yaml(reason: str) -> str:
    """`reason`: in the words of PyYAML, or ours."""
    return _("not YAML: {reason}").format(reason=reason)


class _Reader:
    """Turns PyYAML's nodes into trees and gathers what is not allowed in them."""

    def __init__(self, locate: Locate) -> None:
        self.problems: list[Problem] = []
        self._locate = locate

    def tree(self, node: yaml.Node, key: Place | None) -> Tree:
        place = self._locate(node.start_mark)
        if node.tag.removeprefix(_TAG) not in ("map", "seq", "str", *_SCALARS):
            self.problems.append(Problem(place, "", _("the tag {tag} is not supported").format(tag=repr(node.tag))))
        value: Any
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            value = [self.tree(item, None) for item in node.value]
        else:
            value = self._scalar(node, place)
        return Tree(value, place, key or place)

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        for key_node, value_node in node.value:
            place = self._locate(key_node.start_mark)
            key = self._scalar(key_node, place) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                self.problems.append(Problem(place, "", _("a key must be text")))
            elif key in found:
                text = _("this key is already there: {place}").format(place=found[key].key_place.origin)
                self.problems.append(Problem(place, key, text))
            else:
                found[key] = self.tree(value_node, place)
        return found

    def _scalar(self, node: yaml.Node, place: Place) -> str | int | float | bool | None:
        text, kind = str(node.value), node.tag.removeprefix(_TAG)
        if any("\ud800" <= char <= "\udfff" for char in text):
            self.problems.append(Problem(place, "", _("not valid Unicode text")))
        if kind not in _SCALARS or not re.fullmatch(_SCALARS[kind][0], text):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        return float(text) if kind == "float" else int(text, 0 if text[:2] in ("0x", "0o") else 10)
