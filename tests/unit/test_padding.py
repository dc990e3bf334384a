"""Padding hides all of a size but its class, and comes off again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.errors import MalformedContent, MessageTooLarge
from mepassad.wire.padding import MAX_PADDED, SIZES, pad, padded_size, unpad


def test_the_classes_are_those_of_the_protocol() -> None:
    assert SIZES == (256, 1024, 4096, 16384, 65536)
    assert MAX_PADDED == 1_048_576


@pytest.mark.parametrize("size", SIZES)
def test_a_content_goes_into_the_smallest_class_that_holds_it_and_its_mark(size: int) -> None:
    assert len(pad(bytes(size - 1))) == size
    assert len(pad(bytes(size))) > size


@pytest.mark.parametrize(
    ("size", "padded"),
    [(65_537, 67_584), (67_585, 69_632), (100_000, 100_352), (131_073, 135_168), (1_048_576, 1_048_576)],
)
def test_above_the_classes_sizes_are_those_of_padme(size: int, padded: int) -> None:
    assert padded_size(size) == padded


@given(st.integers(65_537, 2**40))
def test_padme_costs_at_most_twelve_percent_and_is_stable(size: int) -> None:
    assert size <= padded_size(size) <= size * 1.12
    assert padded_size(padded_size(size)) == padded_size(size)


@given(st.binary(max_size=5000))
def test_what_is_padded_comes_back(plaintext: bytes) -> None:
    padded = pad(plaintext)
    assert len(padded) in SIZES
    assert unpad(padded) == plaintext


@pytest.mark.parametrize("plaintext", [b"", b"\x80", b"\x00", b"\x80\x00", b"text\x00\x00", bytes(MAX_PADDED - 1)])
def test_contents_that_look_like_padding_come_back(plaintext: bytes) -> None:
    assert unpad(pad(plaintext)) == plaintext


def test_a_content_above_the_limit_is_refused() -> None:
    with pytest.raises(MessageTooLarge, match="1048575 bytes"):
        pad(bytes(MAX_PADDED))


@pytest.mark.parametrize(
    "padded", [b"", b"\x00", bytes(256), b"text", b"text\x81" + bytes(251), b"\x80" + bytes(MAX_PADDED)]
)
def test_bad_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(MalformedContent):
        unpad(padded)


@given(st.binary(max_size=600))
def test_any_bytes_unpad_or_give_the_one_named_error(junk: bytes) -> None:
    try:
        plaintext = unpad(junk)
    except MalformedContent:
        return
    assert junk.startswith(plaintext + b"\x80")
