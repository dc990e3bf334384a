"""Names come out safe to show."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.errors import InvalidName
from mepassad.wire.names import MAX_MARKS, MAX_NAME, clean_name, own_name


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("Ana", "Ana"),
        ("  Ana\t Maria \n", "Ana Maria"),
        ("João", "João"),
        ("Joa\u0303o", "João"),
        ("A\x00n\x1b[31ma\x7f", "An[31ma"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("\u2066Ana\u2069", "Ana"),
        ("A\u200bn\u200da\ufeff", "Ana"),
        ("A\ud800na", "Ana"),
        ("A\ue000na", "Ana"),
        ("A\u2028B\u2029C", "ABC"),
        ("\u200b\u202e\x07", ""),
        ("", ""),
        ("日本語 😀", "日本語 😀"),
        ("A\ufe0fn\u034fa\U000e0041\U000e0101", "Ana"),
        ("a\u200b\u0303", "ã"),
        ("Ana\u2800\u2800Maria\u2800", "Ana Maria"),
        ("\u0301Ana \u0301\u0302Maria", "Ana Maria"),
        ("Nguyễn Phước", "Nguyễn Phước"),
        ("हिन्दी ภาษาไทย עִבְרִית", "हिन्दी ภาษาไทย עִבְרִית"),
        ("한국어", "한국어"),
    ],
)
def test_what_would_deceive_the_eye_is_taken_out(given_name: str, shown: str) -> None:
    assert clean_name(given_name) == shown


@pytest.mark.parametrize(
    "nothing",
    [
        "\u0301", "\u0301\u0302 \u20dd", "\u2800", " \u2800\u2800", "\u3164", "\u115f\u1160", "\uffa0", "\U0001d159",
        "\u034f", "\u17b4\u17b5", "\u180b\u180f", "\u2065", "\ufe00\ufe0f", "\ufff0", "\U000e0001\U000e0041\U000e007f",
        "\U000e0100\U000e01ef", "\u00ad", "\u061c", "\u200f", "\u3000\u00a0", "\u3164\u0301",
    ],
)  # fmt: skip
def test_a_name_of_which_nothing_is_seen_comes_out_empty(nothing: str) -> None:
    assert clean_name(nothing) == ""
    with pytest.raises(InvalidName):
        own_name(nothing)


def test_accents_are_not_piled_up() -> None:
    whole = "x" + "\u0335" * MAX_MARKS
    assert clean_name(whole) == whole
    assert clean_name(whole + "\u0335") == whole
    assert clean_name("Z" + "\u0335\u0327" * 30 + "algo") == "Z\u0335\u0335\u0335\u0335algo"


def test_a_name_has_64_characters_at_most_and_does_not_end_in_a_space() -> None:
    assert clean_name("a" * MAX_NAME) == "a" * MAX_NAME
    assert clean_name("a" * (MAX_NAME + 1)) == "a" * MAX_NAME
    assert clean_name("a" * (MAX_NAME - 1) + " b") == "a" * (MAX_NAME - 1)


def test_a_name_of_many_marks_out_of_order_is_read_at_once() -> None:
    began = time.perf_counter()
    assert clean_name("a" + "\u0300\u0316" * 100_000) == "à" + "\u0316" * MAX_MARKS
    assert time.perf_counter() - began < 1


_ODD = "aA \u0301\u0327\u0335\u0b47\u0b3e\u1100\u1161\u11a8\u115f\u034f\u200d\ufe0f\u2800\u3164\U000e0041\U0001d159"


@given(st.text(st.characters()) | st.text(_ODD, max_size=100))
def test_any_text_becomes_a_name_that_stays_as_it_is(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= MAX_NAME
    assert clean_name(name) == name
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for c in name)
    assert not set(name) & set("\u034f\u115f\u2800\u3164\ufe0f\U000e0041")
    assert not any(unicodedata.category(word[0]).startswith("M") for word in name.split())
    name.encode()
