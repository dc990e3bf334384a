"""Contents: bound to sender and recipient, and refused whole when a byte is missing or wrong."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.api.crypto import DeviceKey
from mepassad.errors import InvalidSignature, MalformedContent, MessageTooLarge
from mepassad.wire.content import (
    CONTENT_LABEL,
    HELLO,
    INVISIBLE,
    RECEIPT,
    TEXT,
    TYPING,
    VERIFICATION,
    open_content,
    seal_content,
)
from mepassad.wire.messages_pb2 import Content, Text
from mepassad.wire.padding import MAX_PADDED, pad, unpad

SENDER, ANOTHER = DeviceKey(b"s" * 32), DeviceKey(b"a" * 32)
RECIPIENT = b"r" * 32
BAD = (MalformedContent, InvalidSignature)


def content(text: str = "olá") -> Content:
    return Content(id=b"i" * 16, conversation=b"c" * 16, kind=TEXT, time_ms=1, text=Text(text=text))


def signed(raw: bytes, label: bytes = CONTENT_LABEL) -> bytes:
    """Any bytes, signed as a content is."""
    return pad(SENDER.private.sign(label + SENDER.public + RECIPIENT + hashlib.sha256(raw).digest()) + raw)


GOOD = seal_content(content(), SENDER, RECIPIENT)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=2000))
def test_a_content_comes_out_as_it_went_in(text: str) -> None:
    sealed = seal_content(content(text), SENDER, RECIPIENT)
    assert open_content(sealed, SENDER.public, RECIPIENT) == content(text)


def test_a_short_text_has_the_smallest_size_class() -> None:
    assert len(GOOD) == 256


def test_the_kinds_are_those_of_the_protocol() -> None:
    assert (TEXT, INVISIBLE, HELLO, RECEIPT, TYPING, VERIFICATION) == (1, 64, 64, 65, 66, 67)


@pytest.mark.parametrize("size", [0, 63, 64])
def test_a_content_without_more_than_a_signature_is_malformed(size: int) -> None:
    with pytest.raises(MalformedContent):
        open_content(pad(unpad(GOOD)[:size]), SENDER.public, RECIPIENT)


def test_a_content_is_bound_to_its_sender_and_its_recipient() -> None:
    with pytest.raises(InvalidSignature):
        open_content(GOOD, ANOTHER.public, RECIPIENT)
    with pytest.raises(InvalidSignature):
        open_content(GOOD, SENDER.public, b"x" * 32)


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", 66), ("conversation", b"d" * 16), ("id", b"j" * 16), ("time_ms", 2), ("reply_to", b"i" * 16)],
)
def test_a_content_relabelled_under_its_old_signature_is_refused(field: str, value: bytes | int) -> None:
    relabelled = content()
    setattr(relabelled, field, value)
    assert open_content(signed(relabelled.SerializeToString()), SENDER.public, RECIPIENT) == relabelled
    with pytest.raises(InvalidSignature):
        open_content(pad(unpad(GOOD)[:64] + relabelled.SerializeToString()), SENDER.public, RECIPIENT)


def test_a_signature_for_another_purpose_does_not_sign_a_content() -> None:
    with pytest.raises(InvalidSignature):
        open_content(signed(content().SerializeToString(), b"mepassa/1 card"), SENDER.public, RECIPIENT)


def test_a_content_cut_short_anywhere_is_refused() -> None:
    body = unpad(GOOD)
    for size in range(len(body)):
        with pytest.raises(BAD):
            open_content(pad(body[:size]), SENDER.public, RECIPIENT)
    for size in range(len(body) + 1):
        with pytest.raises(BAD):
            open_content(GOOD[:size], SENDER.public, RECIPIENT)


def test_a_content_with_any_bit_changed_is_refused() -> None:
    body = unpad(GOOD)
    for at in range(len(body)):
        with pytest.raises(BAD):
            open_content(pad(body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]), SENDER.public, RECIPIENT)


@pytest.mark.parametrize("field", ["id", "conversation", "reply_to"])
@pytest.mark.parametrize("size", [0, 1, 15, 17])
def test_an_id_of_another_size_is_refused_though_it_is_signed(field: str, size: int) -> None:
    wrong = content()
    setattr(wrong, field, bytes(size))
    if field == "reply_to" and size == 0:
        assert open_content(signed(wrong.SerializeToString()), SENDER.public, RECIPIENT) == wrong
        return
    with pytest.raises(MalformedContent):
        open_content(signed(wrong.SerializeToString()), SENDER.public, RECIPIENT)


def test_fields_of_a_newer_version_are_kept() -> None:
    raw = content().SerializeToString() + b"\xf8\x07\x01"  # field 127, varint 1
    assert open_content(signed(raw), SENDER.public, RECIPIENT).SerializeToString() == raw


@given(st.binary(max_size=300))
def test_any_signed_bytes_are_a_content_or_malformed(raw: bytes) -> None:
    try:
        open_content(signed(raw), SENDER.public, RECIPIENT)
    except MalformedContent:
        return


@given(st.binary(max_size=300))
def test_any_bytes_are_no_content_and_one_of_two_named_errors(raw: bytes) -> None:
    with pytest.raises(BAD):
        open_content(raw, SENDER.public, RECIPIENT)


def test_a_content_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    overhead = len(unpad(seal_content(content("x" * 900_000), SENDER, RECIPIENT))) - 900_000
    most = MAX_PADDED - 1 - overhead
    assert len(seal_content(content("x" * most), SENDER, RECIPIENT)) == MAX_PADDED
    with pytest.raises(MessageTooLarge):
        seal_content(content("x" * (most + 1)), SENDER, RECIPIENT)
