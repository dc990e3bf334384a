"""Our DH1 to DH4 are those of Syndace's `X3DH`: either side of a handshake may be theirs, with and without a one-time
key, and both come to the same root key. What `X3DH` does not know is left out (the KEM's secret) or given (the info).
"""

import hashlib
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import x3dh
from x3dh.identity_key_pair import IdentityKeyPairSeed

from mepassad.api.crypto import DeviceKey
from mepassad.api.types import AccountId, PrivateKey
from mepassad.builtin.crypto_signal import handshake, keys, labels, prekeys, ratchet, signal_pb2
from tests.properties.test_ratchet_oracle import drive

NOW = 1_800_000_000
SESSIONS = 50  # of each of four kinds
FORM = (x3dh.IdentityKeyFormat.ED_25519, x3dh.HashFunction.SHA_256)
PQ = bytes(64)
CIPHERTEXT = b"a ciphertext without a secret"


class Theirs(x3dh.BaseState):
    """Syndace's side."""

    @staticmethod
    def _encode_public_key(key_format: x3dh.IdentityKeyFormat, pub: bytes) -> bytes:
        return pub

    def knowing(self, transcript: bytes) -> "Theirs":
        """The same with our info, which is known once all public keys are."""
        return Theirs.from_model(self.model, *FORM, labels.ROOT_KEY + transcript)


def their_side(device: DeviceKey, one_time: bool) -> Theirs:
    theirs = Theirs.create(*FORM, b"", IdentityKeyPairSeed(device.seed()))
    theirs.generate_pre_keys(int(one_time))
    return theirs


def without_kem(*_: bytes) -> tuple[bytes, bytes]:
    return b"", CIPHERTEXT


def row(kind: str, secret: bytes, identifier: int) -> PrivateKey:
    public = keys.kem_public(secret) if len(secret) == 64 else keys.x25519_public(secret)
    account = AccountId("mp1test")
    return PrivateKey(account=account, id=identifier, kind=kind, secret=secret, public=public, created_at=NOW)


Session = Callable[[random.Random, bool, pytest.MonkeyPatch], None]


def devices(chance: random.Random) -> tuple[DeviceKey, DeviceKey]:
    return DeviceKey(chance.randbytes(32)), DeviceKey(chance.randbytes(32))


def their_responder_comes_to_the_root_key_of_our_initiator(
    chance: random.Random, one_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = devices(chance)
    theirs = their_side(bob, one_time)
    public = signal_pb2.Bundle()
    for field, label, key in (
        (public.signed_prekey, labels.SIGNED_PREKEY, theirs.bundle.signed_pre_key),
        (public.pq_prekey, labels.PQ_PREKEY, keys.kem_public(PQ)),
    ):
        field.id, field.created_at, field.public = chance.randrange(2**63), NOW, key
        field.signature = bob.private.sign(prekeys.signed_part(label, bob.public, field))
    their_one_time = min(theirs.bundle.pre_keys, default=None)
    if their_one_time:
        public.one_time_prekey.CopyFrom(signal_pb2.OneTimePrekey(id=3, public=their_one_time))

    ephemeral = chance.randbytes(32)
    ours = handshake.initiate(alice, bob.public, public.SerializeToString(), NOW, ephemeral, without_kem)

    header = x3dh.Header(alice.public, keys.x25519_public(ephemeral), theirs.bundle.signed_pre_key, their_one_time)
    secret, _, _ = drive(theirs.knowing(ours.transcript).get_shared_secret_passive(header, require_pre_key=one_time))
    assert ratchet.State.unpack(ours.state).root == secret


def our_responder_opens_what_is_encrypted_with_the_root_key_of_their_initiator(
    chance: random.Random, one_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = devices(chance)
    kinds = [prekeys.SIGNED, prekeys.LAST_RESORT, *[prekeys.ONE_TIME] * one_time]
    held = [row(kind, PQ if "pq" in kind else chance.randbytes(32), at) for at, kind in enumerate(kinds, 1)]
    signed, pq, last = held[0], held[1], held[2] if one_time else None
    named = signal_pb2.Handshake(ciphertext=CIPHERTEXT, signed_prekey=signed.id, pq_prekey=pq.id)
    if last:
        named.one_time_prekey = last.id
    ephemeral = chance.randbytes(32)
    named.ephemeral = keys.x25519_public(ephemeral)
    encoded = named.SerializeToString()
    parts = [labels.TRANSCRIPT, alice.public, bob.public, ratchet.frame(encoded), *map(prekeys.encode_dated, held[:2])]
    transcript = hashlib.sha256(b"".join([*parts, last.public if last else b""])).digest()

    drawn = SimpleNamespace(token_bytes=lambda size: ephemeral, choice=chance.choice)
    monkeypatch.setattr("x3dh.base_state.secrets", drawn)
    bundle = x3dh.Bundle(
        bob.public, signed.public, bob.private.sign(signed.public), frozenset([last.public] if last else [])
    )
    theirs = their_side(alice, False).knowing(transcript)
    root, _, header = drive(theirs.get_shared_secret_active(bundle, require_pre_key=one_time))
    assert header.ephemeral_key == named.ephemeral
    state = ratchet.begin_sending(root, signed.public, transcript, encoded)
    first = ratchet.encrypt(state, b"from theirs", chance.randbytes).message

    monkeypatch.setattr(handshake, "kem_decapsulate", lambda seed, ciphertext: b"")
    found: dict[int, Any] = {key.id: key for key in held}
    accepted = handshake.accept(bob, alice.public, first, found.get)
    assert (accepted.plaintext, accepted.transcript) == (b"from theirs", transcript)
    assert accepted.used == ((last.id,) if last else ())


@pytest.mark.parametrize("one_time", [True, False])
@pytest.mark.parametrize(
    "session",
    [
        their_responder_comes_to_the_root_key_of_our_initiator,
        our_responder_opens_what_is_encrypted_with_the_root_key_of_their_initiator,
    ],
)
def test_fifty_sessions_agree_with_the_oracle(session: Session, one_time: bool) -> None:
    for seed in range(SESSIONS):
        with pytest.MonkeyPatch.context() as monkeypatch:
            session(random.Random(seed), one_time, monkeypatch)
