"""Safety numbers: libsignal's, of account keys, the same on both sides and never taken for another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.errors import InvalidParams
from mepassad.wire.ids import account_id
from mepassad.wire.safety import DIGITS, fingerprint, groups, safety_number, same_number

ONE, OTHER, THIRD = (account_id(bytes([n]) * 32) for n in (1, 2, 3))

# libsignal, rust/protocol/src/fingerprint.rs: keys in its own serialization (0x05 before an X25519 key), phone numbers
LIBSIGNAL = [
    ("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868", "+14152222222"),
    ("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b", "+14153333333"),
]
DISPLAYED = "300354477692869396892869876765458257569162576843440918079131"
# The first 32 bytes of both hashes, as libsignal's scannable fingerprints carry them.
SCANNABLE = [
    "1e301a0353dce3dbe7684cb8336e85136cdc0ee96219494ada305d62a7bd61df",
    "d62cbf73a11592015b6b9f1682ac306fea3aaf3885b84d12bca631e9d4fb3a4d",
]


def test_libsignals_vectors_come_out() -> None:
    sides = [fingerprint(bytes.fromhex(key), name.encode()) for key, name in LIBSIGNAL]
    for side, scannable in zip(sides, SCANNABLE, strict=True):
        raw = bytes.fromhex(scannable)
        assert side == "".join(f"{int.from_bytes(raw[at : at + 5], 'big') % 100_000:05}" for at in range(0, 30, 5))
    assert "".join(sorted(sides)) == DISPLAYED


def test_a_number_of_two_accounts_is_what_the_document_says() -> None:
    # docs/protocol/safety.md has the same example.
    assert ONE == "mp1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqsk96tvx"
    assert safety_number(ONE, OTHER) == "150046718907078401969965064406433359895917914750009312620971"


def test_both_sides_see_the_same_and_no_third() -> None:
    number = safety_number(ONE, OTHER)
    assert number == safety_number(OTHER, ONE)
    assert len(number) == DIGITS
    assert number.isdigit()
    assert len({number, safety_number(ONE, THIRD), safety_number(OTHER, THIRD)}) == 3


def test_a_number_is_shown_in_twelve_groups_of_five() -> None:
    shown = groups(DISPLAYED)
    assert [len(group) for group in shown] == [5] * 12
    assert "".join(shown) == DISPLAYED


def test_a_number_is_typed_with_any_white_space() -> None:
    for typed in (DISPLAYED, " ".join(groups(DISPLAYED)), f"\n{DISPLAYED[:30]}\u00a0\t{DISPLAYED[30:]} "):
        assert same_number(DISPLAYED, typed)


@pytest.mark.parametrize("at", range(DIGITS))
def test_one_wrong_digit_is_another_number(at: int) -> None:
    wrong = DISPLAYED[:at] + str((int(DISPLAYED[at]) + 1) % 10) + DISPLAYED[at + 1 :]
    assert not same_number(DISPLAYED, wrong)


@pytest.mark.parametrize(
    "typed", ["", " ", DISPLAYED[:-1], DISPLAYED + "1", DISPLAYED[:-1] + "x", DISPLAYED[:-1] + "²", "١" * 60]
)
def test_what_has_not_60_digits_is_no_safety_number(typed: str) -> None:
    with pytest.raises(InvalidParams):
        same_number(DISPLAYED, typed)


@given(st.text())
def test_any_text_is_another_number_or_none(typed: str) -> None:
    try:
        assert same_number(DISPLAYED, typed) is ("".join(typed.split()) == DISPLAYED)
    except InvalidParams:
        return
