"""Our prekeys and bundles, over JSON."""

from __future__ import annotations

from mepassad.api.crypto import DeviceKey
from mepassad.api.types import AccountId, PrivateKey
from mepassad.builtin.crypto_signal import handshake, keys, labels, prekeys
from mepassad.testing.vectors.book import Fields
from mepassad.testing.vectors.ours.protobuf import plain
from mepassad.wire import blobs
from mepassad.wire.directory import Directory

KEM = (prekeys.ONE_TIME_PQ, prekeys.LAST_RESORT)


def row(kind: str, id: int, created_at: int, secret: str, remembered: list[str] | None = None) -> PrivateKey:
    """A private prekey as the store has it. `remembered`: the sessions that a last-resort prekey began."""
    private = bytes.fromhex(secret)
    public = keys.kem_public(private) if kind in KEM else keys.x25519_public(private)
    kept = private + b"".join(map(bytes.fromhex, remembered or []))
    return PrivateKey(account=AccountId(""), id=id, kind=kind, secret=kept, public=public, created_at=created_at)


def bundle_write(device_seed: str, held: list[Fields], now: int, one_time: bool) -> Fields:
    """A bundle for one peer, of the private prekeys that a device holds; `secret` is an X25519 private key or the 64
    bytes of an ML-KEM one. Also what was signed for its two signed keys, and the ids of the one-time keys in it."""
    device, rows = DeviceKey(bytes.fromhex(device_seed)), [row(**key) for key in held]
    made = prekeys.bundle(device, rows, now, one_time)
    bundle = handshake.open_bundle(device.public, made.public, now)
    return {
        "bundle": made.public.hex(),
        "signed_prekey": prekeys.signed_part(labels.SIGNED_PREKEY, device.public, bundle.signed_prekey).hex(),
        "pq_prekey": prekeys.signed_part(labels.PQ_PREKEY, device.public, bundle.pq_prekey).hex(),
        "given": list(made.given),
    }


def bundle_read(bundle: str, device: str, now: int) -> Fields:
    """What a bundle says, if its signatures and dates are to be believed of this device at this time."""
    return plain(handshake.open_bundle(bytes.fromhex(device), bytes.fromhex(bundle), now))


def number_key(private: str) -> Fields:
    """What opens the blobs under a contact's number, and under an account's, of this private key."""
    secret = bytes.fromhex(private)
    return {"contact": blobs.number_key(secret).hex(), "account": Directory(secret, bytes(32)).prekeys_key().hex()}


def invite_key(secret: str, number: str) -> Fields:
    """What opens the blobs under the number of an invite."""
    return {"key": blobs.invite_key(bytes.fromhex(secret), bytes.fromhex(number)).hex()}


def blob_read(blob: str, number: str, key: str) -> Fields:
    """The reply in a blob."""
    return {"reply": blobs.open_blob(*map(bytes.fromhex, (blob, number, key))).SerializeToString().hex()}
