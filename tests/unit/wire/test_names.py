"""Names come out safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.wire.names import MAX_NAME, clean_name


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
    ],
)
def test_what_would_deceive_the_eye_is_taken_out(given_name: str, shown: str) -> None:
    assert clean_name(given_name) == shown


def test_a_name_has_64_characters_at_most_and_does_not_end_in_a_space() -> None:
    assert clean_name("a" * MAX_NAME) == "a" * MAX_NAME
    assert clean_name("a" * (MAX_NAME + 1)) == "a" * MAX_NAME
    assert clean_name("a" * (MAX_NAME - 1) + " b") == "a" * (MAX_NAME - 1)


@given(st.text(st.characters()))
def test_any_text_becomes_a_name_that_stays_as_it_is(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= MAX_NAME
    assert clean_name(name) == name
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for c in name)
    name.encode()
