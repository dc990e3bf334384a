"""What somebody on the way, or at the other end, may try with a session; docs/attacks.md names the tests.

Each ends with what was refused, with what it left behind (nothing), and with a good message that opens after it.
"""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mepassad.api.crypto import DeviceKey
from mepassad.builtin.crypto_signal import labels, prekeys, ratchet, signal_pb2
from mepassad.builtin.crypto_signal.plugin import Signal
from mepassad.errors import BadBundle, CryptoError, DecryptFailed, GapTooLarge, KeyMissing
from mepassad.testing.crypto_contract import run_dry
from mepassad.testing.crypto_party import NOW, Party, connect
from tests.fixtures.weak_keys import LOW_ORDER_U, LOW_ORDER_Y, weak_signature

ENGINE = Signal()
HEADER = {"version": 0, "ratchet key": 1, "previous": 33, "counter": 37}  # where a field begins


def kept(party: Party) -> object:
    """All that a device keeps."""
    sides = {session: (side.state, list(side.skipped.items())) for session, side in party.sides.items()}
    return dict(party.keys), sides


def refuse(bob: Party, alice: Party, session: bytes, message: bytes, error: type[CryptoError] = DecryptFailed) -> None:
    before = kept(bob)
    with pytest.raises(error):
        bob.receive(alice, session, message)
    assert kept(bob) == before


def bundle_of(bob: Party) -> signal_pb2.Bundle:
    return signal_pb2.Bundle.FromString(bob.bundle())


def begin(bob: Party, public: signal_pb2.Bundle, now: int = NOW, peer: bytes = b"") -> bytes:
    """Begin as somebody new who was given this bundle as Bob's."""
    encoded = public.SerializeToString()
    return ENGINE.initiate(DeviceKey.generate(), peer or bob.device.public, encoded, now).session


# -- bundles


def test_a_bundle_with_a_substituted_pq_key_is_refused() -> None:
    bob, mallory = Party(ENGINE), Party(ENGINE)
    good, hers = bundle_of(bob), bundle_of(mallory)
    for signature in (hers.pq_prekey.signature, good.pq_prekey.signature, good.signed_prekey.signature, b"", bytes(64)):
        substituted = signal_pb2.Bundle.FromString(good.SerializeToString())
        substituted.pq_prekey.public = hers.pq_prekey.public
        substituted.pq_prekey.signature = signature
        with pytest.raises(BadBundle):
            begin(bob, substituted)
    good.pq_prekey.CopyFrom(hers.pq_prekey)
    with pytest.raises(BadBundle):
        begin(bob, good)


def test_a_bundle_whose_keys_changed_places_is_refused() -> None:
    bob = Party(ENGINE)
    good = bundle_of(bob)
    swapped = signal_pb2.Bundle(signed_prekey=good.pq_prekey, pq_prekey=good.signed_prekey)
    doubled = signal_pb2.Bundle(signed_prekey=good.signed_prekey, pq_prekey=good.signed_prekey)
    for wrong in (swapped, doubled):
        with pytest.raises(BadBundle):
            begin(bob, wrong)


def test_a_stale_bundle_is_refused() -> None:
    bob = Party(ENGINE)
    public = bundle_of(bob)
    begin(bob, public, NOW + prekeys.MAX_AGE)
    with pytest.raises(BadBundle, match="too old"):
        begin(bob, public, NOW + prekeys.MAX_AGE + 1)


def test_a_bundle_without_a_pq_key_is_refused_and_no_handshake_goes_without() -> None:
    alice, bob = Party(ENGINE), Party(ENGINE)
    public = bundle_of(bob)
    public.ClearField("pq_prekey")
    with pytest.raises(BadBundle):
        begin(bob, public)
    session = alice.begin(bob)
    encoded, start = ratchet.split(message := alice.send(session, b"first"))
    for field in ("pq_prekey", "ciphertext"):
        handshake = signal_pb2.Handshake.FromString(encoded)
        handshake.ClearField(field)
        without = ratchet.frame(handshake.SerializeToString()) + message[start:]
        refuse(bob, alice, session, without, KeyMissing if field == "pq_prekey" else DecryptFailed)
    assert bob.receive(alice, session, message) == b"first"


# -- first messages


def test_a_first_message_replayed_is_refused_with_one_time_keys_and_without() -> None:
    alice, bob = Party(ENGINE), Party(ENGINE)
    for error in (KeyMissing, DecryptFailed):
        session = alice.begin(bob)
        message = alice.send(session, b"first")
        assert bob.receive(alice, session, message) == b"first"
        refuse(bob, alice, session, message)  # as a message of the session
        del bob.sides[session]
        refuse(bob, alice, session, message, error)  # where the session was forgotten
        run_dry(bob)


def test_a_first_message_replayed_after_its_keys_were_rotated_away_is_refused() -> None:
    alice, bob = Party(ENGINE), Party(ENGINE)
    run_dry(bob)
    session = alice.begin(bob)
    message = alice.send(session, b"first")
    bob.receive(alice, session, message)
    del bob.sides[session]
    for days, error in ((7, DecryptFailed), (20, DecryptFailed), (1, KeyMissing)):
        bob.now += days * prekeys.DAY
        bob.replenish()
        refuse(bob, alice, session, message, error)


# -- messages


def test_junk_under_a_known_session_changes_nothing_and_the_next_good_message_opens() -> None:
    alice, bob, session = connect(ENGINE)
    good = alice.send(session, b"good")
    front = ratchet.frame(b"a handshake")
    for junk in (b"", b"\x01", bytes(57), b"\x01" + bytes(56), b"\x01" + os.urandom(100), front + good, good[:-1]):
        refuse(bob, alice, session, junk, CryptoError)
    assert bob.receive(alice, session, good) == b"good"


@pytest.mark.parametrize("field", HEADER)
def test_a_header_altered_in_any_field_is_refused(field: str) -> None:
    alice, bob, session = connect(ENGINE)
    for number in range(3):
        alice.send(session, b"%d" % number)  # so that other counters have keys
    message = alice.send(session, b"good")
    end = min([at for at in HEADER.values() if at > HEADER[field]], default=41)
    for at in range(HEADER[field], end):
        for bit in range(8):
            altered = message[:at] + bytes([message[at] ^ 1 << bit]) + message[at + 1 :]
            refuse(bob, alice, session, altered, CryptoError)
    assert bob.receive(alice, session, message) == b"good"
    assert len(bob.sides[session].skipped) == 3


def test_a_message_cut_short_at_any_byte_is_refused() -> None:
    alice, bob, session = connect(ENGINE)
    message = alice.send(session, b"good")
    for size in range(len(message)):
        refuse(bob, alice, session, message[:size])
    assert bob.receive(alice, session, message) == b"good"


def test_a_message_under_a_wrong_session_is_refused() -> None:
    alice, bob, session = connect(ENGINE)
    other, carol = alice.begin(bob), Party(ENGINE)
    bob.receive(alice, other, alice.send(other, b"first"))
    hers = carol.begin(bob)
    bob.receive(carol, hers, carol.send(hers, b"first"))
    message = alice.send(session, b"good")
    for wrong in (other, hers):
        refuse(bob, alice, wrong, message)
    assert bob.receive(alice, session, message) == b"good"


def test_a_flood_of_skipped_keys_costs_two_thousand_keys_and_steps_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, session = connect(ENGINE)
    steps, step = [0], ratchet.step

    def counted(chain: bytes) -> tuple[bytes, bytes]:
        steps[0] += 1
        return step(chain)

    monkeypatch.setattr(ratchet, "step", counted)
    good = alice.send(session, b"good")
    key, rest = good[1:33], good[41:]
    for counter in (ratchet.MAX_GAP + 2, ratchet.MAX_COUNTER, 2**32 - 1):  # Bob has heard one of this chain
        steps[0] = 0
        refuse(bob, alice, session, b"\x01" + key + bytes(4) + counter.to_bytes(4, "big") + rest, GapTooLarge)
        assert steps[0] == 0
    for remote in (key, DeviceKey.generate().public):  # as far as it goes, in one chain and in two
        steps[0] = 0
        numbers = b"".join(number.to_bytes(4, "big") for number in (ratchet.MAX_GAP + 1, ratchet.MAX_GAP))
        refuse(bob, alice, session, b"\x01" + remote + numbers + rest)
        assert steps[0] <= 2 * ratchet.MAX_GAP + 1
    assert bob.receive(alice, session, good) == b"good"
    for _ in range(5):
        for _ in range(ratchet.MAX_GAP):
            alice.send(session, b"lost")
        bob.receive(alice, session, alice.send(session, b"flood"))
    assert len(bob.sides[session].skipped) == ratchet.MAX_SKIPPED


# -- keys of low order, where a key can stand


@pytest.mark.parametrize("public", LOW_ORDER_U)
def test_a_signed_prekey_of_low_order_is_refused(public: bytes) -> None:
    bob = Party(ENGINE)
    offered = bundle_of(bob)
    offered.signed_prekey.public = public
    signed = prekeys.signed_part(labels.SIGNED_PREKEY, bob.device.public, offered.signed_prekey)
    offered.signed_prekey.signature = bob.device.private.sign(signed)
    with pytest.raises(BadBundle):
        begin(bob, offered)


@pytest.mark.parametrize("public", LOW_ORDER_U)
def test_a_one_time_prekey_of_low_order_is_refused(public: bytes) -> None:
    bob = Party(ENGINE)
    offered = bundle_of(bob)
    offered.one_time_prekey.public = public
    with pytest.raises(BadBundle):
        begin(bob, offered)


@pytest.mark.parametrize("public", LOW_ORDER_U)
@pytest.mark.parametrize("dry", [False, True])
def test_an_ephemeral_key_of_low_order_is_refused(public: bytes, dry: bool) -> None:
    alice, bob = Party(ENGINE), Party(ENGINE)
    if dry:
        run_dry(bob)
    session = alice.begin(bob)
    encoded, start = ratchet.split(message := alice.send(session, b"first"))
    handshake = signal_pb2.Handshake.FromString(encoded)
    handshake.ephemeral = public
    refuse(bob, alice, session, ratchet.frame(handshake.SerializeToString()) + message[start:])
    assert bob.receive(alice, session, message) == b"first"


@pytest.mark.parametrize("public", LOW_ORDER_U)
def test_a_ratchet_key_of_low_order_is_refused(public: bytes) -> None:
    alice, bob, session = connect(ENGINE)
    message = alice.send(session, b"good")
    refuse(bob, alice, session, message[:1] + public + message[33:])
    assert bob.receive(alice, session, message) == b"good"


@pytest.mark.parametrize("public", [bytes(1184), b"\xff" * 1184])
def test_a_pq_key_that_is_none_is_refused_or_useless(public: bytes) -> None:
    """All zero is a valid encoding, of a key whose owner knows nothing more than everybody: DH1 to DH4 still hold."""
    bob = Party(ENGINE)
    offered = bundle_of(bob)
    offered.pq_prekey.public = public
    signed = prekeys.signed_part(labels.PQ_PREKEY, bob.device.public, offered.pq_prekey)
    offered.pq_prekey.signature = bob.device.private.sign(signed)
    if public[0]:
        with pytest.raises(BadBundle):
            begin(bob, offered)
    else:
        begin(bob, offered)


@pytest.mark.parametrize("identity", LOW_ORDER_Y)
def test_an_identity_of_low_order_is_refused_though_anybody_can_sign_for_it(identity: bytes) -> None:
    alice, bob = Party(ENGINE), Party(ENGINE)
    offered = bundle_of(bob)
    for label, key in ((labels.SIGNED_PREKEY, offered.signed_prekey), (labels.PQ_PREKEY, offered.pq_prekey)):
        signed = prekeys.signed_part(label, identity, key)
        key.signature = weak_signature(identity, signed)
        Ed25519PublicKey.from_public_bytes(identity).verify(key.signature, signed)
    with pytest.raises(BadBundle):
        begin(bob, offered, peer=identity)
    session = alice.begin(bob)
    message, before = alice.send(session, b"first"), kept(bob)
    with pytest.raises(DecryptFailed):
        ENGINE.accept(bob.device, identity, message, bob.keys.get, NOW)
    assert kept(bob) == before
