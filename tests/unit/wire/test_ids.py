"""Ids and their text: bech32m by BIP-350, canonical base64url, UUIDv7, message and conversation ids."""

from __future__ import annotations

import hashlib
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mepassad.wire.ids import (
    account_id,
    account_key,
    b64,
    bech32m_decode,
    bech32m_encode,
    direct_conversation,
    message_id,
    new_content_id,
    unb64,
)

KEYS = st.binary(min_size=32, max_size=32)
KEY = bytes(range(32))
SENTENCE = r"[a-z]{3}"

SPLIT = "c5f38b70305f519bf66d85fb6cf03058f3dde463ecd7918f2dc743918f2d"
# BIP-350, "Test vectors": valid bech32m whose data are whole bytes, with the bytes in hexadecimal.
WHOLE = [
    ("A1LQFN3A", ""),
    ("a1lqfn3a", ""),
    ("an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6", ""),
    ("abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", "ffbbcdeb38bdab49ca307b9ac5a928398a418820"),
    ("split1checkupstagehandshakeupstreamerranterredcaperredlc445v", SPLIT),
    ("?1v759aa", ""),
]  # fmt: skip
# Valid there, but 82 groups of five ones are no whole number of bytes.
RAGGED = "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr8"
# BIP-350, invalid: no separator, empty prefix, wrong data character, short checksum, wrong checksum, too long.
INVALID = [
    ("", "\x201xj0phk"),
    ("", "1qyrz8wqd2c9m"),
    ("q", "qyrz8wqd2c9m"),
    ("y", "y1b0jsk6g"),
    ("lt", "lt1igcx5c0"),
    ("in", "in1muywd"),
    ("mm", "mm1crxm3i"),
    ("au", "au1s5cgom"),
    ("m", "M1VUXWEZ"),
    ("mp", "16plkw9"),
    ("mp", "1p2gdwpf"),
    (
        "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber",
        "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts4",
    ),
]


@pytest.mark.parametrize(("text", "data"), WHOLE)
def test_the_valid_vectors_of_bip_350_give_their_bytes_and_come_back(text: str, data: str) -> None:
    prefix = text.lower().rpartition("1")[0]
    assert bech32m_decode(prefix, text).hex() == data
    assert bech32m_encode(prefix, bytes.fromhex(data)) == text.lower()


def test_data_that_is_no_whole_number_of_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="padding"):
        bech32m_decode("1", RAGGED)


@pytest.mark.parametrize(("prefix", "text"), INVALID)
def test_the_invalid_vectors_of_bip_350_are_refused(prefix: str, text: str) -> None:
    with pytest.raises(ValueError, match=SENTENCE):
        bech32m_decode(prefix, text)


def test_bech32_of_the_older_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="checksum"):
        bech32m_decode("a", "a12uel5l")  # BIP-173's own valid vector


@given(KEYS)
def test_an_account_id_gives_back_its_key(key: bytes) -> None:
    text = account_id(key)
    assert text.startswith("mp1")
    assert len(text) == 61
    assert account_key(text) == account_key(text.upper()) == key


def test_every_single_character_changed_or_lost_is_noticed() -> None:
    text = account_id(KEY)
    for at in range(len(text)):
        for other in set("qpzry9x8gf2tvdw0s3jn54khce6mua7l1bio") - {text[at]}:
            with pytest.raises(ValueError, match=SENTENCE):
                account_key(text[:at] + other + text[at + 1 :])
        with pytest.raises(ValueError, match=SENTENCE):
            account_key(text[:at] + text[at + 1 :])


@pytest.mark.parametrize("size", [0, 20, 31, 33])
def test_an_account_id_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        account_key(bech32m_encode("mp", bytes(size)))


def test_mixed_case_and_other_prefixes_are_refused() -> None:
    text = account_id(KEY)
    for wrong in (text[:-1] + text[-1].upper(), bech32m_encode("bc", KEY), text + " ", " " + text, ""):
        with pytest.raises(ValueError, match=SENTENCE):
            account_key(wrong)


@given(st.text())
@example(account_id(b"k" * 32).upper().replace("K", "\N{KELVIN SIGN}", 1))
def test_any_text_is_an_account_id_or_one_value_error(text: str) -> None:
    try:
        key = account_key(text)
    except ValueError:
        return
    assert text in (account_id(key), account_id(key).upper())


# -- base64url


@given(st.binary())
def test_base64url_gives_back_its_bytes_and_has_no_padding(raw: bytes) -> None:
    assert unb64(b64(raw)) == raw
    assert "=" not in b64(raw)


@given(st.text(st.sampled_from("AQgw-_+/= \n\x00é9z")))
def test_base64url_has_one_spelling_only(text: str) -> None:
    try:
        raw = unb64(text)
    except ValueError:
        return
    assert b64(raw) == text


@pytest.mark.parametrize("text", ["QR", "QQ==", "QQ=", "Q", "+w", "/w", "QQ\n", " QQ", "Q Q", "é"])
def test_spellings_that_are_not_canonical_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=SENTENCE):
        unb64(text)


# -- content, message and conversation ids


@given(st.integers(0, (1 << 48) - 1))
def test_a_content_id_is_a_uuid_of_version_7_that_holds_its_time(now_ms: int) -> None:
    found = uuid.UUID(bytes=new_content_id(now_ms))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.bytes[:6] == now_ms.to_bytes(6, "big")


def test_content_ids_of_one_moment_differ() -> None:
    assert len({new_content_id(1) for _ in range(1000)}) == 1000


def test_a_message_id_is_bound_to_its_sender() -> None:
    content = bytes(range(16))
    label = b"mepassa/1 message id"
    assert message_id(KEY, content) == b64(content[:6] + hashlib.sha256(label + KEY + content).digest()[:10])
    assert message_id(KEY, content) != message_id(KEY[::-1], content)


@given(KEYS, KEYS)
def test_both_sides_have_the_same_conversation_and_nobody_else_has(one: bytes, other: bytes) -> None:
    assert direct_conversation(one, other) == direct_conversation(other, one)
    assert (direct_conversation(one, other) == direct_conversation(one, one)) == (one == other)
