"""Changing a config.yaml in place: the right value afterwards, and every other byte as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.config.edit import CannotEdit, add, remove
from mepassad.config.tree import parse_file

LIST, GIVEN = ["plugins"], ["permissions", "new"]


def plain(text: str) -> Any:
    return parse_file(text, "x").plain()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "plugins: [new]\n"),
        ("# only a comment", "# only a comment\nplugins: [new]\n"),
        ("node: {name: a}", "node: {name: a}\nplugins: [new]\n"),
        ("node:\n  name: a  # me\n# end\n", "node:\n  name: a  # me\nplugins: [new]\n# end\n"),
        ("node:\n  name: |\n    a\n\nlog:\n", "node:\n  name: |\n    a\n\nlog:\nplugins: [new]\n"),
        ("  node: {}\n", "  node: {}\n  plugins: [new]\n"),
        ("---\nnode: {}\n...\n", "---\nnode: {}\nplugins: [new]\n...\n"),
        ("{node: {}}", "{node: {}, plugins: [new]}"),
        ("{}", "{plugins: [new]}"),
        ("plugins:\nlog: {}", "plugins: [new]\nlog: {}"),
        ("plugins: # none\n", "plugins: [new] # none\n"),
        ("plugins: null # none\n", "plugins: [new] # none\n"),
        ("plugins: ~", "plugins: [new]"),
        ("plugins: []  # none", "plugins: [new]  # none"),
        ("plugins: [ ]", "plugins: [new ]"),
        ("plugins: [a, 'b'] # two", "plugins: [a, 'b', new] # two"),
        ("plugins: [a, b, ]", "plugins: [a, b, new, ]"),
        ("plugins: [\n  a, # one\n  b # two\n]\n", "plugins: [\n  a, # one\n  b, new # two\n]\n"),
        ("plugins:\n  - a", "plugins:\n  - a\n  - new\n"),
        ("plugins:\n- a # one\n# - b\nlog: {}\n", "plugins:\n- a # one\n- new\n# - b\nlog: {}\n"),
        ('plugins:\n    - a\n\n    - "b"\nlog: {}\n', 'plugins:\n    - a\n\n    - "b"\n    - new\nlog: {}\n'),
        ("plugins:\r\n  - a\r\nlog: {}\r\n", "plugins:\r\n  - a\r\n  - new\r\nlog: {}\r\n"),
        ("plugins: [a, new]", "plugins: [a, new]"),
        ("plugins:\n  - new", "plugins:\n  - new"),
    ],
)
def test_a_word_is_added_to_a_list_and_nothing_else_changes(before: str, after: str) -> None:
    assert add(before, LIST, ["new"]) == after
    assert plain(after)["plugins"][-1] == "new"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("log: {}", "log: {}\npermissions:\n  new: [a, b]\n"),
        ("{log: {}}", "{log: {}, permissions: {new: [a, b]}}"),
        ("permissions:\nlog: {}", "permissions: {new: [a, b]}\nlog: {}"),
        ("permissions: {} # who may what", "permissions: {new: [a, b]} # who may what"),
        ("permissions: {x: [a]}", "permissions: {x: [a], new: [a, b]}"),
        ("permissions:\n  x:\n    - a # one\n", "permissions:\n  x:\n    - a # one\n  new: [a, b]\n"),
        ("permissions:\n  x: [a]\n\n# log\nlog: {}", "permissions:\n  x: [a]\n  new: [a, b]\n\n# log\nlog: {}"),
        ("permissions:\n  new:\n  x: [a]\n", "permissions:\n  new: [a, b]\n  x: [a]\n"),
        ("permissions:\n  new: [b]\n", "permissions:\n  new: [b, a]\n"),
        ("permissions:\n  new:\n  - b\nlog: {}", "permissions:\n  new:\n  - b\n  - a\nlog: {}"),
        ("permissions: {new: [b, a]}", "permissions: {new: [b, a]}"),
    ],
)
def test_words_are_added_below_a_key_of_a_mapping(before: str, after: str) -> None:
    assert add(before, GIVEN, ["a", "b"]) == after
    assert set(plain(after)["permissions"]["new"]) == {"a", "b"}


@pytest.mark.parametrize("text", ["plugins: 5", "plugins: {}", "plugins: new", "- a", "a", "[]"])
def test_what_is_not_a_list_is_not_changed(text: str) -> None:
    with pytest.raises(CannotEdit):
        add(text, LIST, ["new"])


@pytest.mark.parametrize("text", ["", "plugins: 5", "plugins:", "plugins: new", "- a", "log: {}"])
def test_from_what_is_not_a_list_nothing_is_taken(text: str) -> None:
    with pytest.raises(CannotEdit):
        remove(text, LIST, "old")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("plugins: [old]  # one", "plugins: []  # one"),
        ("plugins: [old, a]", "plugins: [a]"),
        ("plugins: [a, old]", "plugins: [a]"),
        ("plugins: [a, old, b] # c", "plugins: [a, b] # c"),
        ("plugins: [a, 'old', ]", "plugins: [a, ]"),
        ("plugins: [ old, ]", "plugins: [ ]"),
        ("plugins: [\n  a, # one\n  old, # two\n  b # three\n]", "plugins: [\n  a, # one\n  # two\n  b # three\n]"),
        ("plugins:\n  - old # one\n  # - b\nlog: {}\n", "plugins: []\n  # - b\nlog: {}\n"),
        ("plugins: # mine\n- old", "plugins: [] # mine\n"),
        ("plugins:\n  # first\n  - old\n  - a\n", "plugins:\n  # first\n  - a\n"),
        ("plugins:\n  - a\n  - old", "plugins:\n  - a\n"),
        ("plugins:\r\n  - a\r\n  - old\r\n  - b\r\n", "plugins:\r\n  - a\r\n  - b\r\n"),
        ("plugins: [a, olden]", "plugins: [a, olden]"),
    ],
)
def test_a_word_is_taken_out_of_a_list_and_nothing_else_changes(before: str, after: str) -> None:
    assert remove(before, LIST, "old") == after
    assert plain(after)["plugins"] == [word for word in plain(before)["plugins"] if word != "old"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("permissions: {old: [a, b]}", "permissions: {}"),
        ("permissions: {x: [a], old: [b]} # c", "permissions: {x: [a]} # c"),
        ("permissions: {old: [b], x: [a]}", "permissions: {x: [a]}"),
        ("permissions:\n  old:\n    - a\n    - b\n  x: [a]\n", "permissions:\n  x: [a]\n"),
        ("permissions:\n  x: [a]\n  old: [b] # c\nlog: {}", "permissions:\n  x: [a]\nlog: {}"),
        ("permissions:\n  old: [a,\n    b]\nlog: {}", "permissions: {}\nlog: {}"),
    ],
)
def test_a_key_is_taken_out_of_a_mapping_with_its_value(before: str, after: str) -> None:
    assert remove(before, ["permissions"], "old") == after
    assert "old" not in plain(after)["permissions"]


words = st.sampled_from(["a", "b", "c", "old", "'q'", '"d"'])
comments = st.sampled_from(["", " # a comment", "  # - old, [new]: {"])


@st.composite
def lists(draw: st.DrawFn) -> str:
    """A key with a list, in any of the ways in which people write one."""
    items, key = draw(st.lists(words, max_size=4, unique=True)), "plugins:"
    if not items or draw(st.booleans()):
        gap = draw(st.sampled_from(["", " ", "\n   "]))
        inside = f",{gap or ' '}".join(items) + draw(st.sampled_from(["", ","]) if items else st.just(""))
        return f"{key} [{gap}{inside}{gap}]{draw(comments)}\n"
    indent = draw(st.sampled_from(["", "  ", "    "]))
    between = st.sampled_from(["", "\n", f"{indent}# between\n"])
    return f"{key}{draw(comments)}\n" + "".join(f"{draw(between)}{indent}- {word}{draw(comments)}\n" for word in items)


around = st.sampled_from(["", "# a comment\n", "log:\n  level: info # why\n", "node: {name: x}\n\n"])


def grew(short: str, long: str) -> bool:
    """Whether one text is the other with something in one place of it."""
    gap = len(long) - len(short)
    return any(long[:place] + long[place + gap :] == short for place in range(len(short) + 1))


@given(around, lists(), around.map(lambda text: text.replace("log", "rpc").replace("node", "keys")), st.booleans())
def test_whatever_way_a_list_is_written_words_come_and_go(head: str, text: str, tail: str, windows: bool) -> None:
    text = head + text + tail
    text = text.replace("\n", "\r\n") if windows else text
    values, words = plain(text), plain(text)["plugins"]
    added = add(text, LIST, ["new"])
    assert plain(added) == {**values, "plugins": [*words, "new"]}
    assert grew(text, added)
    gone = remove(text, LIST, "old")
    assert plain(gone) == {**values, "plugins": [word for word in words if word != "old"]}
    assert grew(gone, text) or words == ["old"]  # then the list's place says that it is empty
