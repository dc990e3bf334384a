"""The seal: what a mailbox keeps tells neither sender nor recipient, and what is not right is one of three errors."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from mepassad.api.crypto import DeviceKey
from mepassad.api.types import AccountId, PrivateKey
from mepassad.errors import BadBundle, DecryptFailed, MalformedContent, MessageTooLarge
from mepassad.wire.identity import FUTURE
from mepassad.wire.messages_pb2 import SealKey
from mepassad.wire.packets import pack_packet, packet_id
from mepassad.wire.seal import (
    ENVELOPE_LABEL,
    MAX_AGE,
    MAX_ENVELOPE,
    OVERHEAD,
    SEAL_KEY_LABEL,
    SIZES,
    check_envelope,
    envelope_id,
    seal,
    sign_seal_key,
    unseal,
    verify_seal_key,
)

NOW = 1_800_000_000
ANA, BOB = DeviceKey(b"a" * 32), DeviceKey(b"b" * 32)


def key(secret: bytes) -> PrivateKey:
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return PrivateKey(account=AccountId("mp1x"), id=7, kind="seal-key", secret=secret, public=public, created_at=NOW)


NEW, OLD, OTHER = key(b"n" * 32), key(b"o" * 32), key(b"x" * 32)


def packet(size: int = 100, recipient: DeviceKey = BOB) -> bytes:
    return pack_packet(ANA.public, recipient.public, b"s" * 16, os.urandom(size))


PACKET = packet()
ENVELOPE = seal(PACKET, BOB.public, NEW.public)


def test_a_sealed_packet_comes_out_as_it_was_with_a_current_or_retired_key() -> None:
    for used in (NEW, OLD):
        opened = unseal(seal(PACKET, BOB.public, used.public), BOB.public, [NEW, OLD])
        assert packet_id(opened) == packet_id(PACKET)


def test_an_envelope_shows_neither_device_nor_key_and_sealing_again_gives_another() -> None:
    for shown in (ANA.public, BOB.public, NEW.public, b"s" * 16):
        assert shown not in ENVELOPE
    assert seal(PACKET, BOB.public, NEW.public) != ENVELOPE


@pytest.mark.parametrize("size", SIZES)
def test_an_envelope_tells_a_size_class(size: int) -> None:
    for smaller in (size - 1, size - 200):
        assert len(seal(b"p" * smaller, BOB.public, NEW.public)) == size + OVERHEAD
    assert len(seal(b"p" * size, BOB.public, NEW.public)) > size + OVERHEAD


def test_the_largest_packet_is_sealed_and_a_larger_one_is_refused() -> None:
    largest = bytes(PACKET) + b"\x00"  # any bytes may be sealed; only what is opened must be a packet
    assert len(seal(largest.ljust((1 << 20) - 1, b"x"), BOB.public, NEW.public)) == MAX_ENVELOPE
    with pytest.raises(MessageTooLarge):
        seal(largest.ljust(1 << 20, b"x"), BOB.public, NEW.public)


def test_an_envelope_for_another_device_or_key_does_not_open() -> None:
    for device, keys in ((BOB, [OTHER]), (BOB, []), (ANA, [NEW])):
        with pytest.raises(DecryptFailed):
            unseal(ENVELOPE, device.public, keys)


def test_an_envelope_that_holds_a_packet_to_another_device_is_refused() -> None:
    with pytest.raises(MalformedContent, match="another device"):
        unseal(seal(packet(recipient=ANA), BOB.public, NEW.public), BOB.public, [NEW])


def test_an_envelope_that_holds_no_packet_is_refused() -> None:
    with pytest.raises(MalformedContent, match="no packet"):
        unseal(seal(b"junk", BOB.public, NEW.public), BOB.public, [NEW])


def test_an_envelope_with_any_byte_changed_or_missing_does_not_open() -> None:
    for at in range(len(ENVELOPE)):
        flipped = ENVELOPE[:at] + bytes([ENVELOPE[at] ^ 0x40]) + ENVELOPE[at + 1 :]
        for wrong in (flipped, ENVELOPE[:at]):
            with pytest.raises((DecryptFailed, MalformedContent)):
                unseal(wrong, BOB.public, [NEW])


def test_an_envelope_of_another_version_or_above_the_limit_is_refused_by_name() -> None:
    with pytest.raises(MalformedContent, match="newer version"):
        unseal(b"\x02" + ENVELOPE[1:], BOB.public, [NEW])
    with pytest.raises(MalformedContent, match="too large"):
        unseal(ENVELOPE.ljust(MAX_ENVELOPE + 1, b"x"), BOB.public, [NEW])
    with pytest.raises(DecryptFailed):
        unseal(ENVELOPE.ljust(MAX_ENVELOPE, b"x"), BOB.public, [NEW])


@given(st.binary(max_size=2000))
def test_any_bytes_are_no_envelope_and_one_of_two_named_errors(raw: bytes) -> None:
    with pytest.raises((DecryptFailed, MalformedContent)):
        unseal(raw, BOB.public, [NEW, OLD])


def test_an_envelope_is_known_by_the_hash_of_its_bytes() -> None:
    check_envelope(envelope_id(ENVELOPE), ENVELOPE)
    for identifier in (bytes(32), b"", envelope_id(ENVELOPE)[:-1]):
        with pytest.raises(MalformedContent):
            check_envelope(identifier, ENVELOPE)


@pytest.mark.parametrize("public", [bytes(32), b"\x01" + bytes(31), b"short"], ids=["zero", "low order", "short"])
def test_nothing_is_sealed_to_a_key_that_is_none(public: bytes) -> None:
    with pytest.raises(BadBundle):
        seal(PACKET, BOB.public, public)


# -- the key


def test_a_seal_key_is_good_for_30_days_and_a_day_ahead() -> None:
    signed = sign_seal_key(BOB, 7, NOW, NEW.public)
    for now in (NOW + MAX_AGE, NOW - FUTURE):
        assert verify_seal_key(signed, BOB.public, now) == NEW.public
    for now in (NOW + MAX_AGE + 1, NOW - FUTURE - 1):
        with pytest.raises(BadBundle, match="too old"):
            verify_seal_key(signed, BOB.public, now)


def test_a_seal_key_altered_relabelled_or_of_another_device_is_refused() -> None:
    signed = sign_seal_key(BOB, 7, NOW, NEW.public)
    relabelled = SealKey.FromString(signed.SerializeToString())
    relabelled.signature = BOB.private.sign(ENVELOPE_LABEL + BOB.public + signed.SerializeToString())
    wrong = [relabelled, SealKey()]
    for field, value in (("id", 8), ("created_at", NOW + 1), ("public", OLD.public), ("public", b"s")):
        altered = SealKey.FromString(signed.SerializeToString())
        setattr(altered, field, value)
        wrong.append(altered)
    for bad in wrong:
        with pytest.raises(BadBundle):
            verify_seal_key(bad, BOB.public, NOW)
    with pytest.raises(BadBundle):
        verify_seal_key(signed, ANA.public, NOW)
    assert not SEAL_KEY_LABEL.startswith(ENVELOPE_LABEL)
