"""Adds words to lists of a config.yaml and takes them out, and touches nothing else: comments, order, spelling stay.

Text in, text out. Places come from the marks that PyYAML gives its nodes. What is written in so unusual a way that a
change would do something else is for the caller to notice: it reads the new text before it uses it.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from mepassad.config.tree import compose

Entry = tuple[int, int]  # where an item of a list, or a key with its value, begins and ends in the text


class CannotEdit(ValueError):
    """There is something else at the place where a list should be."""


def add(text: str, path: Sequence[str], words: Sequence[str]) -> str:
    """The text with `words` at the end of the list at `path`, without those that are in it. Raises `CannotEdit`."""
    node, rest = compose(text), list(path)
    while rest and isinstance(node, yaml.MappingNode) and (found := _value(node, rest[0])) is not None:
        node = found
        rest.pop(0)
    if not rest and isinstance(node, yaml.SequenceNode):
        return _add_items(text, node, words)
    value = f"[{', '.join(words)}]"
    if node is None:
        return _add_line(text, len(text), 0, _block(rest, value))
    if rest and isinstance(node, yaml.MappingNode):
        return _add_pair(text, node, rest, value)
    if _is_null(node):
        start, end = node.start_mark.index, node.end_mark.index
        return text[:start] + (" " if start == end else "") + _flow(rest, value) + text[end:]
    raise CannotEdit


def remove(text: str, path: Sequence[str], word: str) -> str:
    """The text without `word` in the list, or as a key of the mapping, at `path`. Raises `CannotEdit`."""
    node, key = compose(text), None
    for step in path:
        key = _key(node, step)
        node = _value(node, step) if isinstance(node, yaml.MappingNode) else None
    if isinstance(node, yaml.SequenceNode):
        wanted = [index for index, item in enumerate(node.value) if item.value == word]
    elif isinstance(node, yaml.MappingNode):
        wanted = [index for index, (name, _) in enumerate(node.value) if name.value == word]
    else:
        raise CannotEdit
    if not wanted or key is None:
        return text
    entries = _entries(node)
    if node.flow_style:
        return _remove_from_flow(text, node, entries, wanted[0])
    start, end = text.rfind("\n", 0, entries[wanted[0]][0]) + 1, _line_end(text, entries[wanted[0]][1])
    text = text[:start] + text[end:]
    if len(entries) > 1:
        return text
    colon = text.index(":", key.end_mark.index) + 1
    return text[:colon] + (" []" if isinstance(node, yaml.SequenceNode) else " {}") + text[colon:]


def _add_items(text: str, node: yaml.SequenceNode, words: Sequence[str]) -> str:
    new = [word for word in words if word not in {item.value for item in node.value}]
    entries = _entries(node)
    if node.flow_style:
        return _add_to_flow(text, node, entries, ", ".join(new))
    if not new:
        return text
    return _add_line(text, entries[-1][1], node.start_mark.column, [f"- {word}" for word in new])


def _add_pair(text: str, node: yaml.MappingNode, path: Sequence[str], value: str) -> str:
    entries = _entries(node)
    if node.flow_style:
        return _add_to_flow(text, node, entries, _flow(path, value)[1:-1])
    return _add_line(text, entries[-1][1], node.start_mark.column, _block(path, value))


def _add_to_flow(text: str, node: yaml.Node, entries: Sequence[Entry], new: str) -> str:
    if not new:
        return text
    place = entries[-1][1] if entries else node.start_mark.index + 1
    return text[:place] + (", " if entries else "") + new + text[place:]


def _remove_from_flow(text: str, node: yaml.Node, entries: Sequence[Entry], index: int) -> str:
    start, end = entries[index]
    until = entries[index + 1][0] if index + 1 < len(entries) else node.end_mark.index - 1
    if "," in text[end:until]:
        end = text.index(",", end) + 1
        while text[end] == " ":
            end += 1
    elif index:
        start = text.rindex(",", entries[index - 1][1], start)
    return text[:start] + text[end:]


def _add_line(text: str, after: int, column: int, lines: Sequence[str]) -> str:
    """The text with lines of its own below the line that a place is in."""
    place, line_break = _line_end(text, after), _line_break(text)
    head = text[:place] + (line_break if place and text[place - 1] != "\n" else "")
    return head + "".join(f"{' ' * column}{line}{line_break}" for line in lines) + text[place:]


def _entries(node: yaml.Node) -> list[Entry]:
    if isinstance(node, yaml.MappingNode):
        return [(key.start_mark.index, _end(value)) for key, value in node.value]
    return [(item.start_mark.index, _end(item)) for item in node.value]


def _end(node: yaml.Node) -> int:
    """Where a value ends: the mark of a block that holds others is only where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        return _entries(node)[-1][1]
    return int(node.end_mark.index)


def _line_end(text: str, index: int) -> int:
    """The beginning of the line below a place; of a text in literal style, which ends there, the place itself."""
    if index and text[index - 1] == "\n":
        return index
    return text.find("\n", index) + 1 or len(text)


def _key(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((key for key, _ in pairs if key.value == name), None)


def _value(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in node.value if key.value == name), None)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _flow(path: Sequence[str], value: str) -> str:
    for key in reversed(path):
        value = f"{{{key}: {value}}}"
    return value


def _block(path: Sequence[str], value: str) -> list[str]:
    """Lines: a key below the other, the last with the value."""
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(path)]
    return [*lines[:-1], f"{lines[-1]} {value}"]


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
