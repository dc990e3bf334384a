"""Records of the directory: any bytes are refused by name, and what was written is read."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mepassad.errors import DecryptFailed, InvalidSignature, MalformedContent, MessageTooLarge
from mepassad.wire.messages_pb2 import NodeHint, Whereabouts
from mepassad.wire.records import VALUE_SIZES, Kind, check_record, parse_key, read_record, record_key, write_record

NOW = 1_800_000_000
OWNER = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
NUMBER = OWNER.public_key().public_bytes_raw()
KEY = record_key(Kind.ADDRESSES, NUMBER)
SECRET = bytes(range(32))


def written(found: Whereabouts, version: int = NOW) -> bytes:
    return write_record(Kind.ADDRESSES, OWNER, SECRET, found, version, os.urandom(12))


@given(st.binary(max_size=80), st.binary(max_size=5000))
def test_any_bytes_are_refused_by_name(key: bytes, value: bytes) -> None:
    with pytest.raises((MalformedContent, InvalidSignature)):
        check_record(key, value, NOW)
    with pytest.raises((MalformedContent, InvalidSignature, DecryptFailed)):
        read_record(KEY, value, SECRET, NOW)


@given(st.integers(0, VALUE_SIZES[0] - 1), st.integers(1, 255))
def test_no_byte_of_a_record_can_be_altered(at: int, change: int) -> None:
    value = bytearray(written(Whereabouts()))
    value[at] ^= change
    with pytest.raises((MalformedContent, InvalidSignature)):
        check_record(KEY, bytes(value), NOW)


@given(st.lists(st.text("abc/.:0123456789", max_size=200), max_size=8))
def test_what_was_written_is_read_and_its_size_is_one_of_two(addresses: list[str]) -> None:
    found = Whereabouts(nodes=[NodeHint(key=NUMBER, addresses=addresses)])
    value = written(found)
    assert len(value) in VALUE_SIZES
    assert read_record(KEY, value, SECRET, NOW) == (NOW, found)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(MessageTooLarge):
        written(Whereabouts(nodes=[NodeHint(addresses=["a" * 4096])]))


def test_two_records_of_one_content_have_nothing_in_common_but_their_head() -> None:
    one, other = written(Whereabouts()), written(Whereabouts())
    assert one[:40] == other[:40]
    assert not any(one[at : at + 8] == other[at : at + 8] for at in range(40, len(one) - 8))


@given(st.sampled_from(Kind), st.binary(min_size=32, max_size=32))
def test_a_name_says_kind_and_number(kind: Kind, number: bytes) -> None:
    assert parse_key(record_key(kind, number)) == (kind, number)
