"""A device's prekeys: making, rotating and dropping them, and giving a bundle of them to a peer."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from mepassad.api import CryptoError
from mepassad.api.crypto import Bundle, DeviceKey, Replenished
from mepassad.api.types import AccountId, PrivateKey
from mepassad.builtin.crypto_signal import labels, signal_pb2
from mepassad.builtin.crypto_signal.keys import KEM_SEED_SIZE, KEY_SIZE, Random, kem_public, x25519_public

SIGNED = "signed-prekey"
LAST_RESORT = "last-resort-pq-prekey"
ONE_TIME = "one-time-prekey"
ONE_TIME_PQ = "one-time-pq-prekey"
POOLS = {ONE_TIME: 100, ONE_TIME_PQ: 20}  # one-time keys held ready, by kind

DAY = 24 * 60 * 60
ROTATE_AFTER = 7 * DAY  # a current key older than this is replaced
KEEP_RETIRED = 21 * DAY  # messages on their way may still need a retired key
MAX_AGE = 30 * DAY  # a bundle older than this is refused
MAX_AHEAD = DAY  # so is one dated further in the future
KEEP_GIVEN = MAX_AGE + KEEP_RETIRED  # a one-time key given away and not used by then never will be

_DATED = struct.Struct(">qq")


def acceptable(created_at: int, now: int) -> bool:
    """Whether a peer accepts a signed key of that date."""
    return now - MAX_AGE <= created_at <= now + MAX_AHEAD


def encode_dated(prekey: PrivateKey | signal_pb2.SignedPrekey) -> bytes:
    """Id, date and key as they are signed and hashed: 8 + 8 bytes big-endian, then the key."""
    return _DATED.pack(prekey.id, prekey.created_at) + prekey.public


def signed_part(label: bytes, device: bytes, prekey: PrivateKey | signal_pb2.SignedPrekey) -> bytes:
    """The bytes that a device signs for a prekey."""
    return label + device + encode_dated(prekey)


def replenish(account: AccountId, held: Sequence[PrivateKey], now: int, random: Random) -> Replenished:
    """What to change so that every kind is there, fresh and in number; nothing right after itself."""
    dropped = tuple(key.id for key in held if _is_spent(key, now))
    changed = tuple(replace(key, retired_at=now) for key in held if _is_due(key, now))
    ready = Counter(key.kind for key in held if _is_ready(key, now))
    taken = {key.id for key in held}
    added = []
    for kind, wanted in {SIGNED: 1, LAST_RESORT: 1, **POOLS}.items():
        for _ in range(wanted - ready[kind]):
            added.append(_mint(account, kind, now, taken, random))
            taken.add(added[-1].id)
    return Replenished(tuple(added), changed, dropped)


def bundle(device: DeviceKey, held: Sequence[PrivateKey], now: int, one_time: bool) -> Bundle:
    """A bundle for one peer, with or without one-time keys.

    Raises `CryptoError` when the signed keys are missing or stale: replenish first.
    """
    kinds = (SIGNED, LAST_RESORT, *POOLS) if one_time else (SIGNED, LAST_RESORT)
    ready = {kind: _pick(held, kind, now) for kind in kinds}
    once, once_pq = ready.get(ONE_TIME), ready.get(ONE_TIME_PQ)
    signed, pq = ready[SIGNED], once_pq or ready[LAST_RESORT]
    if signed is None or pq is None:
        raise CryptoError("This device has no fresh prekeys to give away.")
    public = signal_pb2.Bundle(
        signed_prekey=_sign(device, labels.SIGNED_PREKEY, signed), pq_prekey=_sign(device, labels.PQ_PREKEY, pq)
    )
    if once:
        public.one_time_prekey.CopyFrom(signal_pb2.OneTimePrekey(id=once.id, public=once.public))
    given = tuple(key.id for key in (once, once_pq) if key)
    return Bundle(public.SerializeToString(deterministic=True), given)


def _sign(device: DeviceKey, label: bytes, key: PrivateKey) -> signal_pb2.SignedPrekey:
    signature = device.private.sign(signed_part(label, device.public, key))
    return signal_pb2.SignedPrekey(id=key.id, created_at=key.created_at, public=key.public, signature=signature)


def _pick(held: Sequence[PrivateKey], kind: str, now: int) -> PrivateKey | None:
    """The newest key of a kind that can be given away."""
    ready = [key for key in held if key.kind == kind and not _is_given(key) and acceptable(key.created_at, now)]
    return max(ready, key=lambda key: key.created_at, default=None)


def _mint(account: AccountId, kind: str, now: int, taken: set[int], random: Random) -> PrivateKey:
    """A new key. Its id is random, so that ids neither repeat after a deletion nor tell how many there were."""
    identifier = 0
    while identifier == 0 or identifier in taken:
        identifier = int.from_bytes(random(8), "big") >> 1  # positive in 64 signed bits
    pq = kind in (ONE_TIME_PQ, LAST_RESORT)
    secret = random(KEM_SEED_SIZE if pq else KEY_SIZE)
    public = kem_public(secret) if pq else x25519_public(secret)
    return PrivateKey(account=account, id=identifier, kind=kind, secret=secret, public=public, created_at=now)


def _is_given(key: PrivateKey) -> bool:
    return bool(key.retired_at or key.given_at)


def _is_fresh(key: PrivateKey, now: int) -> bool:
    """Young enough to be given away; a key from the future was made while the clock was wrong."""
    return now - ROTATE_AFTER < key.created_at <= now + MAX_AHEAD


def _is_ready(key: PrivateKey, now: int) -> bool:
    return not _is_given(key) and _is_fresh(key, now)


def _is_due(key: PrivateKey, now: int) -> bool:
    """Whether a rotating key is to be retired now."""
    return key.kind in (SIGNED, LAST_RESORT) and not key.retired_at and not _is_fresh(key, now)


def _is_spent(key: PrivateKey, now: int) -> bool:
    """Whether nobody can need a key any more. One that was never given away was never needed."""
    if key.retired_at:
        return now - key.retired_at >= KEEP_RETIRED
    if key.given_at:
        return now - key.given_at >= KEEP_GIVEN
    return key.kind in POOLS and not _is_fresh(key, now)
