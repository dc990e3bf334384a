"""The line editor of `mepassa chat`: keys do what they do elsewhere, whatever comes in, and nothing typed is obeyed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mepassa.cli.editor import MAX_HISTORY, End, LineEditor
from mepassa.cli.keys import MAX_PENDING, Keys
from mepassa.text import width

LEFT, RIGHT, UP, DOWN, HOME, END, DELETE = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B", "\x1b[H", "\x1b[F", "\x1b[3~"


class Typist:
    """Somebody who types at an editor."""

    def __init__(self) -> None:
        self.editor, self.keys = LineEditor(), Keys()

    def type(self, typed: str | bytes) -> list[str]:
        """Type it; the lines that were entered."""
        data = typed.encode() if isinstance(typed, str) else typed
        lines = (self.editor.press(key) for key in self.keys.feed(data))
        return [line for line in lines if line is not None]

    def lines(self, typed: str) -> list[str]:
        return self.type(f"{typed}\r")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("bom dia", "bom dia"),
        (f"bm{LEFT}o", "bom"),
        (f"om{HOME}b{END}!", "bom!"),
        ("om\x01b\x05!", "bom!"),
        ("\x1bOHx\x1bOFy", "xy"),
        (f"bxom{LEFT}{LEFT}\x7f", "bom"),
        (f"bxom{HOME}{RIGHT}{DELETE}", "bom"),
        ("bxom\x01\x06\x04", "bom"),
        ("bom dia\x17noite", "bom noite"),
        ("bom dia  \x17noite", "bom noite"),
        ("bom dia\x15boa", "boa"),
        (f"bom dia{LEFT}{LEFT}{LEFT}{LEFT}\x0b", "bom"),
        ("um dois\x1bbX", "um Xdois"),
        (f"um dois{HOME}\x1b[1;5CX", "umX dois"),
        (f"{LEFT}{RIGHT}{DELETE}\x7f\x17\x15\x0bok", "ok"),
        (f"{RIGHT}{RIGHT}a{LEFT}{LEFT}{LEFT}b", "ba"),
        ("João\x7f\x7fé", "Joé"),
        ("cafe\u0301\x7f", "caf"),
        (f"cafe\u0301{LEFT}x", "cafxe\u0301"),
        ("\x1b[200~um\rdois\r\ntrês\x1b[201~", "um\ndois\ntrês"),
        ("\x1b[200~a\x1b[2Jb\x1b[201~", "a\x1b[2Jb"),
        ("a\x1b[15~b\x1b[Zc\x00\x1cd\te", "abcde"),
        ("a\x1b\x1b[Db", "ba"),
    ],
)
def test_keys_edit_the_line(typed: str, line: str) -> None:
    assert Typist().lines(typed) == [line]


def test_what_was_entered_comes_back_and_the_new_line_is_not_lost() -> None:
    typist = Typist()
    typist.lines("um")
    typist.lines("dois")
    assert typist.lines(f"três{UP}{UP}{UP}{DOWN}{DOWN}{DOWN}") == ["três"]
    assert typist.lines(f"{UP}{UP}!") == ["dois!"]
    assert typist.lines(f"{UP}{UP}{UP}{UP}") == ["um"]
    assert typist.lines("\x10\x10\x0e") == ["um"]


def test_a_line_that_is_entered_twice_comes_back_once_and_the_oldest_are_forgotten() -> None:
    typist = Typist()
    for number in range(MAX_HISTORY + 1):
        typist.lines(str(number))
    typist.lines(str(MAX_HISTORY))
    assert typist.lines(UP * 2) == [str(MAX_HISTORY - 1)]
    assert typist.lines(UP * 2 * MAX_HISTORY) == ["2"]


def test_ctrl_d_ends_an_empty_line_only() -> None:
    typist = Typist()
    typist.type("a\x04")
    assert typist.editor.text == "a"
    with pytest.raises(End):
        typist.type("\x7f\x04")


def test_keys_come_in_any_pieces() -> None:
    whole = f"é{LEFT}\x1b[200~1\r2\x1b[201~👩{HOME}x\x1bOF\r".encode()
    for cut in range(len(whole)):
        typist = Typist()
        assert typist.type(whole[:cut]) + typist.type(whole[cut:]) == ["x1\n2👩é"]
    typist = Typist()
    assert [line for byte in whole for line in typist.type(bytes([byte]))] == ["x1\n2👩é"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert Typist().type(b"a\xff\xc3\r") == ["a\ufffd\ufffd"]


def test_a_paste_or_key_without_end_is_not_kept_for_ever() -> None:
    typist = Typist()
    typist.type("\x1b[200~" + "x" * (MAX_PENDING - 1))
    assert typist.editor.text == ""
    typist.type("x")
    assert typist.editor.text == "x" * MAX_PENDING
    typist = Typist()
    typist.type("\x1b[" + "1" * MAX_PENDING)
    assert typist.lines("x")[0].endswith("x")


def test_a_line_wider_than_the_terminal_is_shown_around_the_place() -> None:
    typist = Typist()
    typist.type("".join(chr(ord("a") + n) for n in range(26)))
    assert typist.editor.view(10) == ("qrstuvwxyz", "")
    typist.type(HOME)
    assert typist.editor.view(10) == ("", "abcdefghij")
    typist.type(RIGHT * 13)
    assert typist.editor.view(9) == ("hijklm", "nop")
    assert typist.editor.view(26) == ("abcdefghijklm", "nopqrstuvwxyz")


def test_line_breaks_and_invisible_characters_are_shown_as_something() -> None:
    typist = Typist()
    typist.type("\x1b[200~um\ndois\x1b[2J\u202e\x1b[201~")
    assert typist.editor.view(80) == ("um↵dois<U+001B>[2J<U+202E>", "")


NAMED = [LEFT, RIGHT, UP, DOWN, HOME, END, DELETE, "\x7f", "\x17", "\x15", "\x0b", "\x1bb", "\x1bf", "\r"]


@given(st.lists(st.sampled_from(NAMED) | st.text(max_size=8), max_size=40), st.integers(1, 40))
def test_whatever_is_typed_the_place_is_in_the_line_and_the_view_in_the_terminal(typed: list[str], room: int) -> None:
    typist = Typist()
    for one in typed:
        try:
            typist.type(one.encode("utf-8", "replace"))
        except End:
            return
        editor = typist.editor
        assert 0 <= editor.place <= len(editor.text)
        before, after = editor.view(room)
        assert width(before) + width(after) <= room
        assert not [c for c in before + after if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]


@given(st.binary(max_size=200))
def test_junk_from_a_terminal_breaks_nothing(junk: bytes) -> None:
    typist = Typist()
    try:
        typist.type(junk)
    except End:
        return
    assert width("".join(typist.editor.view(20))) <= 20
