"""What a bundle and a first message may be, and what is refused."""

import hashlib
import struct
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mepassad.builtin.crypto_signal import handshake, labels, prekeys, ratchet, signal_pb2
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.builtin.crypto_signal.prekeys import DAY, LAST_RESORT, ONE_TIME, ONE_TIME_PQ, SIGNED
from mepassad.errors import BadBundle, CryptoError, DecryptFailed, KeyMissing
from mepassad.testing.crypto_party import NOW, Party

ENGINE = Signal()
ALICE, BOB = Party(ENGINE), Party(ENGINE)


def bundle(**changes: bytes | int) -> signal_pb2.Bundle:
    """Bob's bundle, its PQ prekey changed and then signed anew by Bob."""
    public = signal_pb2.Bundle.FromString(ENGINE.bundle(BOB.device, list(BOB.keys.values()), NOW).public)
    for name, value in changes.items():
        setattr(public.pq_prekey, name, value)
    public.pq_prekey.signature = sign(labels.PQ_PREKEY, public.pq_prekey)
    return public


def sign(label: bytes, prekey: signal_pb2.SignedPrekey) -> bytes:
    return BOB.device.private.sign(prekeys.signed_part(label, BOB.device.public, prekey))


def initiate(public: signal_pb2.Bundle, now: int = NOW) -> None:
    ENGINE.initiate(ALICE.device, BOB.device.public, public.SerializeToString(), now)


@pytest.mark.parametrize("age", [30 * DAY, -DAY])
def test_a_bundle_is_accepted_up_to_its_limits_of_age(age: int) -> None:
    initiate(bundle(), NOW + age)


@pytest.mark.parametrize("age", [30 * DAY + 1, -DAY - 1])
def test_a_bundle_too_old_or_from_the_future_is_refused(age: int) -> None:
    with pytest.raises(BadBundle, match="too old"):
        initiate(bundle(), NOW + age)


@pytest.mark.parametrize("created_at", [NOW - 30 * DAY - 1, NOW + DAY + 1, 0, -(2**63), 2**63 - 1])
def test_a_stale_pq_prekey_is_refused_beside_a_fresh_signed_one(created_at: int) -> None:
    with pytest.raises(BadBundle, match="too old"):
        initiate(bundle(created_at=created_at))


@pytest.mark.parametrize("field", ["signed_prekey", "pq_prekey"])
def test_a_bundle_without_one_of_its_signed_keys_is_refused(field: str) -> None:
    public = bundle()
    public.ClearField(field)
    with pytest.raises(BadBundle):
        initiate(public)


def test_a_prekey_signed_under_the_other_label_is_refused() -> None:
    public = bundle()
    public.pq_prekey.signature = sign(labels.SIGNED_PREKEY, public.pq_prekey)
    with pytest.raises(BadBundle):
        initiate(public)


@pytest.mark.parametrize("field", ["id", "created_at"])
def test_a_signature_covers_id_and_date(field: str) -> None:
    public = bundle()
    setattr(public.pq_prekey, field, getattr(public.pq_prekey, field) - 1)
    with pytest.raises(BadBundle):
        initiate(public)


@pytest.mark.parametrize("key", [b"", bytes(1183), bytes(1185), b"\xff" * 1184])
def test_a_signed_but_malformed_pq_prekey_is_refused(key: bytes) -> None:
    with pytest.raises(BadBundle):
        initiate(bundle(public=key))


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), bytes([1]) + bytes(31)])
def test_a_malformed_or_low_order_one_time_prekey_is_refused(key: bytes) -> None:
    public = bundle()
    public.one_time_prekey.public = key
    with pytest.raises(BadBundle):
        initiate(public)


def test_a_signed_but_low_order_prekey_is_refused() -> None:
    public = bundle()
    public.signed_prekey.public = bytes(32)
    public.signed_prekey.signature = sign(labels.SIGNED_PREKEY, public.signed_prekey)
    with pytest.raises(BadBundle):
        initiate(public)


@pytest.mark.parametrize("peer", [b"", bytes(31), bytes(32), bytes(33), b"\xff" * 32])
def test_a_peer_that_is_no_device_key_is_refused(peer: bytes) -> None:
    encoded = bundle().SerializeToString()
    with pytest.raises(BadBundle):
        ENGINE.initiate(ALICE.device, peer, encoded, NOW)
    session = ALICE.begin(BOB)
    with pytest.raises(DecryptFailed):
        ENGINE.accept(BOB.device, peer, ALICE.send(session, b"first"), BOB.keys.get, NOW)


@pytest.mark.parametrize(("size", "accepted"), [(handshake.MAX_BUNDLE, True), (handshake.MAX_BUNDLE + 1, False)])
def test_unknown_fields_of_a_bundle_are_ignored_up_to_its_limit_of_size(size: int, accepted: bool) -> None:
    known = bundle().SerializeToString()
    room = size - len(known) - 4
    encoded = known + b"\xfa\x01" + bytes([room & 0x7F | 0x80, room >> 7]) + bytes(room)  # field 31, bytes
    assert len(signal_pb2.Bundle.FromString(encoded).SerializeToString()) == size
    with nullcontext() if accepted else pytest.raises(BadBundle):
        ENGINE.initiate(ALICE.device, BOB.device.public, encoded, NOW)


@given(st.binary(max_size=300))
def test_any_bytes_as_a_bundle_give_one_named_error(junk: bytes) -> None:
    with pytest.raises(BadBundle):
        ENGINE.initiate(ALICE.device, BOB.device.public, junk, NOW)


def test_signatures_transcript_and_session_id_are_as_documented() -> None:
    public = bundle()
    signed, pq, one_time = public.signed_prekey, public.pq_prekey, public.one_time_prekey
    dated = [struct.pack(">qq", key.id, key.created_at) + key.public for key in (signed, pq)]
    for key, label, encoded in ((signed, b"signed-prekey", dated[0]), (pq, b"pq-prekey", dated[1])):
        verifier = BOB.device.private.public_key()
        verifier.verify(key.signature, b"mepassa/1/" + label + BOB.device.public + encoded)

    begun = ENGINE.initiate(ALICE.device, BOB.device.public, public.SerializeToString(), NOW)
    message = ENGINE.encrypt(begun.state, b"first").message
    front = message[: 3 + int.from_bytes(message[1:3], "big")]
    seen = b"".join((ALICE.device.public, BOB.device.public, front, *dated, one_time.public))
    assert begun.transcript == hashlib.sha256(b"mepassa/1/pqxdh-transcript" + seen).digest()
    assert begun.session == hashlib.sha256(b"mepassa/1/session-id" + begun.transcript).digest()[:16]


# -- first messages ---------------------------------------------------------------------------------------------


def first_message() -> tuple[signal_pb2.Handshake, bytes]:
    """The handshake of a fresh first message of Alice's to Bob, and the message behind it."""
    session = ALICE.begin(BOB)
    message = ALICE.send(session, b"first")
    encoded, start = ratchet.split(message)
    return signal_pb2.Handshake.FromString(encoded), message[start:]


def accept(changed: signal_pb2.Handshake, message: bytes) -> bytes:
    return BOB.accept(ALICE, ratchet.frame(changed.SerializeToString()) + message)


@pytest.mark.parametrize("field", ["signed_prekey", "pq_prekey", "one_time_prekey"])
def test_a_first_message_that_names_no_key_of_ours_is_told_apart(field: str) -> None:
    named, message = first_message()
    setattr(named, field, -1)
    with pytest.raises(KeyMissing):
        accept(named, message)


@pytest.mark.parametrize(
    ("field", "kind"),
    [("signed_prekey", ONE_TIME), ("pq_prekey", SIGNED), ("one_time_prekey", SIGNED), ("one_time_prekey", ONE_TIME_PQ)],
)
def test_a_key_serves_only_its_own_purpose(field: str, kind: str) -> None:
    named, message = first_message()
    setattr(named, field, next(key.id for key in BOB.keys.values() if key.kind == kind))
    with pytest.raises(KeyMissing):
        accept(named, message)


def test_a_one_time_key_cannot_be_left_out_of_the_handshake() -> None:
    named, message = first_message()
    named.ClearField("one_time_prekey")
    with pytest.raises(DecryptFailed):
        accept(named, message)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32)])
def test_a_malformed_or_low_order_ephemeral_key_is_refused(key: bytes) -> None:
    named, message = first_message()
    named.ephemeral = key
    with pytest.raises(DecryptFailed):
        accept(named, message)


@pytest.mark.parametrize("ciphertext", [b"", bytes(1087), bytes(1088), bytes(1089)])
def test_a_malformed_kem_ciphertext_is_refused(ciphertext: bytes) -> None:
    named, message = first_message()
    named.ciphertext = ciphertext
    with pytest.raises(DecryptFailed):
        accept(named, message)


def test_unknown_fields_added_to_a_handshake_on_the_way_are_noticed() -> None:
    named, message = first_message()
    with pytest.raises(DecryptFailed):
        BOB.accept(ALICE, ratchet.frame(named.SerializeToString() + b"\xf8\x01\x01") + message)


def test_a_handshake_above_the_limit_is_refused() -> None:
    _, message = first_message()
    with pytest.raises(DecryptFailed, match="malformed"):
        BOB.accept(ALICE, ratchet.frame(b"\xff" * ratchet.MAX_HANDSHAKE) + message)
    with pytest.raises(DecryptFailed, match="cut short"):
        BOB.accept(ALICE, ratchet.frame(b"\xff" * (ratchet.MAX_HANDSHAKE + 1)) + message)


def test_the_handshake_of_one_session_does_not_fit_in_front_of_another() -> None:
    one, other = ALICE.begin(BOB), ALICE.begin(BOB)
    BOB.receive(ALICE, one, ALICE.send(one, b"first"))
    foreign, _ = ratchet.split(ALICE.send(other, b"first"))
    message = ALICE.send(one, b"second")
    for changed in (
        ratchet.frame(foreign) + message[ratchet.split(message)[1] :],
        message[ratchet.split(message)[1] :],
    ):
        with pytest.raises(DecryptFailed):
            BOB.receive(ALICE, one, changed)
    assert BOB.receive(ALICE, one, message) == b"second"


def test_only_used_one_time_keys_are_named_for_deletion() -> None:
    BOB.replenish()
    session = ALICE.begin(BOB)
    accepted = ENGINE.accept(BOB.device, ALICE.device.public, ALICE.send(session, b""), BOB.keys.get, NOW)
    assert {BOB.keys[used].kind for used in accepted.used} == {ONE_TIME, ONE_TIME_PQ}
    assert accepted.changed == ()


def test_a_first_message_with_a_one_time_key_of_either_kind_leaves_the_other_rows_alone() -> None:
    bob = Party(ENGINE)
    bob.keys = {key.id: key for key in bob.keys.values() if key.kind != ONE_TIME}
    session = ALICE.begin(bob)
    accepted = ENGINE.accept(bob.device, ALICE.device.public, ALICE.send(session, b""), bob.keys.get, NOW)
    assert [bob.keys[used].kind for used in accepted.used] == [ONE_TIME_PQ]
    assert accepted.changed == ()


def test_a_last_resort_key_remembers_the_sessions_it_began_and_forgets_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handshake, "MAX_REMEMBERED", 2)
    bob = Party(ENGINE)
    bob.keys = {key.id: key for key in bob.keys.values() if key.kind in (SIGNED, LAST_RESORT)}
    seed = next(key for key in bob.keys.values() if key.kind == LAST_RESORT).secret
    sessions = []
    for _ in range(3):
        sessions.append(ALICE.begin(bob))
        message = ALICE.send(sessions[-1], b"first")
        bob.accept(ALICE, message)
        with pytest.raises(DecryptFailed, match="already begun"):
            bob.accept(ALICE, message)
    last_resort = next(key for key in bob.keys.values() if key.kind == LAST_RESORT)
    assert last_resort.secret == seed + sessions[1] + sessions[2]


def test_a_damaged_private_key_gives_a_named_error() -> None:
    session = ALICE.begin(BOB)
    message = ALICE.send(session, b"first")
    for size in (0, 31, 63):
        damaged = {key.id: replace(key, secret=key.secret[:size]) for key in BOB.keys.values()}
        with pytest.raises(CryptoError):
            ENGINE.accept(BOB.device, ALICE.device.public, message, damaged.get, NOW)
