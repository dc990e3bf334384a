"""Our seal, over JSON."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mepassad.api.crypto import DeviceKey
from mepassad.api.types import AccountId, PrivateKey
from mepassad.testing.vectors.book import Fields
from mepassad.wire import seal as wire
from mepassad.wire.identity import parse
from mepassad.wire.messages_pb2 import SealKey


def private_key(secret: bytes) -> PrivateKey:
    """The row of a seal key, as the store has it."""
    public = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return PrivateKey(account=AccountId(""), id=1, kind="seal-key", secret=secret, public=public, created_at=0)


def seal_key_write(device_seed: str, private: str, id: int, created_at: int) -> Fields:
    """A seal key as it is given out, from the seed of its device and its X25519 private key."""
    public = private_key(bytes.fromhex(private)).public
    key = wire.sign_seal_key(DeviceKey(bytes.fromhex(device_seed)), id, created_at, public)
    return {"public": public.hex(), "signature": key.signature.hex(), "seal_key": key.SerializeToString().hex()}


def seal_key_read(seal_key: str, device: str, now: int) -> Fields:
    """The public key that may be sealed to, if the seal key is to be believed of this device at this time."""
    return {"public": wire.verify_seal_key(parse(SealKey, bytes.fromhex(seal_key)), bytes.fromhex(device), now).hex()}


def unseal(envelope: str, device: str, keys: list[str]) -> Fields:
    """The packet in an envelope to this device, opened with one of its private seal keys; and the envelope's id."""
    raw = bytes.fromhex(envelope)
    held = [private_key(bytes.fromhex(key)) for key in keys]
    packet = wire.unseal(raw, bytes.fromhex(device), held)
    return {"packet": packet.hex(), "id": wire.envelope_id(raw).hex()}


def seal_refused(packet: str, zeros: int, device: str, public: str) -> Fields:
    """What cannot be sealed: a packet, with so many zero bytes behind it, for a device under its public seal key. What
    can be is another envelope each time, and is in no vector."""
    wire.seal(bytes.fromhex(packet) + bytes(zeros), bytes.fromhex(device), bytes.fromhex(public))
    return {}


def check(envelope: str, id: str) -> Fields:
    """Whether an envelope is that of an id."""
    wire.check_envelope(bytes.fromhex(id), bytes.fromhex(envelope))
    return {}
