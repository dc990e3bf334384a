"""PQXDH (Signal's specification, revision 3) with X25519 and ML-KEM-768: from a peer's prekeys to a shared session.

docs/protocol/handshake.md is exact to the byte. Randomness comes in as arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import DecodeError
from msgspec.structs import replace

from mepassad.api import BadBundle, DecryptFailed, KeyMissing, NoSession
from mepassad.api.crypto import Accepted, DeviceKey, Initiated
from mepassad.api.types import PrivateKey
from mepassad.builtin.crypto_signal import labels, prekeys, ratchet, signal_pb2
from mepassad.builtin.crypto_signal.keys import (
    KEM_SEED_SIZE,
    KEY_SIZE,
    Encapsulate,
    exchange,
    hkdf,
    identity_private,
    identity_public,
    kem_decapsulate,
    x25519_public,
)

MAX_BUNDLE = 8192  # bytes
MAX_REMEMBERED = 4096  # sessions remembered with a last-resort prekey, the oldest go first
SESSION_ID_SIZE = 16

_DISCONTINUITY = b"\xff" * KEY_SIZE  # F of X3DH, 2.2


class _Keys(NamedTuple):
    """The private keys that a handshake names."""

    signed: PrivateKey
    pq: PrivateKey
    one_time: PrivateKey | None


def open_bundle(peer: bytes, encoded: bytes, now: int) -> signal_pb2.Bundle:
    """Parse a bundle and check its dates, and its signatures by the device `peer`. Raises `BadBundle`."""
    bundle = signal_pb2.Bundle()
    try:
        if len(encoded) > MAX_BUNDLE:
            raise BadBundle
        bundle.ParseFromString(encoded)
        _check(peer, labels.SIGNED_PREKEY, bundle.signed_prekey, now)
        _check(peer, labels.PQ_PREKEY, bundle.pq_prekey, now)
    except (DecodeError, InvalidSignature, ValueError):
        raise BadBundle from None
    return bundle


def initiate(
    device: DeviceKey, peer: bytes, encoded: bytes, now: int, ephemeral: bytes, encapsulate: Encapsulate
) -> Initiated:
    """Begin a session from a bundle. `ephemeral`: 32 fresh random bytes. Raises `BadBundle`."""
    bundle = open_bundle(peer, encoded, now)
    signed, pq, one_time = bundle.signed_prekey, bundle.pq_prekey, bundle.one_time_prekey
    handshake = signal_pb2.Handshake(signed_prekey=signed.id, pq_prekey=pq.id)
    try:
        shared, handshake.ciphertext = encapsulate(pq.public)
        handshake.ephemeral = x25519_public(ephemeral)
        secrets = [
            exchange(identity_private(device.seed()), signed.public),
            exchange(ephemeral, identity_public(peer)),
            exchange(ephemeral, signed.public),
        ]
        if bundle.HasField("one_time_prekey"):
            handshake.one_time_prekey = one_time.id
            secrets.append(exchange(ephemeral, one_time.public))
    except ValueError:
        raise BadBundle from None
    encoded_handshake = handshake.SerializeToString(deterministic=True)
    transcript = _transcript(device.public, peer, [signed, pq], one_time.public, encoded_handshake)
    root = _root_key([*secrets, shared], transcript)
    state = ratchet.begin_sending(root, signed.public, transcript, encoded_handshake)
    return Initiated(_session_id(transcript), state, transcript)


def accept(device: DeviceKey, peer: bytes, message: bytes, key: Callable[[int], PrivateKey | None]) -> Accepted:
    """Begin a session from a peer's first message and open it. Raises `NoSession`, `KeyMissing`, `DecryptFailed`."""
    encoded = ratchet.split(message)[0]
    if not encoded:
        raise NoSession
    handshake = _parse(encoded)
    held = _find(handshake, key)
    try:
        secrets = _secrets(device, peer, handshake, held)
    except ValueError:
        raise DecryptFailed("The message carries an invalid key.") from None
    signed, pq, one_time = held
    transcript = _transcript(peer, device.public, [signed, pq], one_time.public if one_time else b"", encoded)
    session = _session_id(transcript)
    changed = _remember(held, session)
    state = ratchet.begin_receiving(_root_key(secrets, transcript), signed.secret, signed.public, transcript)
    first = ratchet.decrypt(state, {}, message)
    used = tuple(row.id for row in held if row and row.kind in prekeys.POOLS)
    return Accepted(session, first.state, transcript, first.plaintext, used, changed, first.skipped)


def _check(peer: bytes, label: bytes, prekey: signal_pb2.SignedPrekey, now: int) -> None:
    """Raises `BadBundle`, ValueError or InvalidSignature."""
    if not prekeys.acceptable(prekey.created_at, now):
        raise BadBundle("The other device's prekeys are too old, or from the future.")
    Ed25519PublicKey.from_public_bytes(peer).verify(prekey.signature, prekeys.signed_part(label, peer, prekey))


def _parse(encoded: bytes) -> signal_pb2.Handshake:
    handshake = signal_pb2.Handshake()
    try:
        handshake.ParseFromString(encoded)
    except DecodeError:
        raise DecryptFailed("The message's handshake is malformed.") from None
    return handshake


def _find(handshake: signal_pb2.Handshake, key: Callable[[int], PrivateKey | None]) -> _Keys:
    """Look the named keys up. Raises `KeyMissing`, also where an id belongs to a key of another kind."""

    def find(identifier: int, *kinds: str) -> PrivateKey:
        row = key(identifier)
        if row is None or row.kind not in kinds:
            raise KeyMissing
        return row

    return _Keys(
        find(handshake.signed_prekey, prekeys.SIGNED),
        find(handshake.pq_prekey, prekeys.ONE_TIME_PQ, prekeys.LAST_RESORT),
        find(handshake.one_time_prekey, prekeys.ONE_TIME) if handshake.HasField("one_time_prekey") else None,
    )


def _secrets(device: DeviceKey, peer: bytes, handshake: signal_pb2.Handshake, held: _Keys) -> list[bytes]:
    """The responder's DH1 … DH4 and the KEM's secret (PQXDH, 3.4). Raises ValueError."""
    secrets = [
        exchange(held.signed.secret, identity_public(peer)),
        exchange(identity_private(device.seed()), handshake.ephemeral),
        exchange(held.signed.secret, handshake.ephemeral),
    ]
    if held.one_time:
        secrets.append(exchange(held.one_time.secret, handshake.ephemeral))
    return [*secrets, kem_decapsulate(held.pq.secret[:KEM_SEED_SIZE], handshake.ciphertext)]


def _remember(held: _Keys, session: bytes) -> tuple[PrivateKey, ...]:
    """Where no one-time key guards against a replay, the last-resort prekey's row remembers the session.

    Raises `DecryptFailed` when it does already.
    """
    if held.one_time or held.pq.kind != prekeys.LAST_RESORT:
        return ()
    seed, remembered = held.pq.secret[:KEM_SEED_SIZE], held.pq.secret[KEM_SEED_SIZE:]
    if session in {remembered[i : i + SESSION_ID_SIZE] for i in range(0, len(remembered), SESSION_ID_SIZE)}:
        raise DecryptFailed("This session was already begun once.")
    kept = (remembered + session)[-MAX_REMEMBERED * SESSION_ID_SIZE :]
    return (replace(held.pq, secret=seed + kept),)


def _transcript(
    initiator: bytes,
    responder: bytes,
    dated: list[signal_pb2.SignedPrekey] | list[PrivateKey],
    one_time: bytes,
    handshake: bytes,
) -> bytes:
    """SHA-256 over all that both saw: identities, the handshake as it is on the wire, and the keys that it names."""
    parts = [labels.TRANSCRIPT, initiator, responder, ratchet.frame(handshake)]
    parts += [*map(prekeys.encode_dated, dated), one_time]
    return hashlib.sha256(b"".join(parts)).digest()


def _session_id(transcript: bytes) -> bytes:
    return hashlib.sha256(labels.SESSION_ID + transcript).digest()[:SESSION_ID_SIZE]


def _root_key(secrets: list[bytes], transcript: bytes) -> bytes:
    """SK of PQXDH, 2.2 and 3.3, with the transcript in the info."""
    return hkdf(_DISCONTINUITY + b"".join(secrets), None, labels.ROOT_KEY + transcript, KEY_SIZE)
