"""seal.md."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from second.packets import parsed
from second.padding import padded, unpadded
from second.primitives import ed25519_public, sha256, sign, x25519, x25519_public
from second.protobuf import decode, encode
from second.refused import Refused, need
from second.seal_keys import acceptable, signed

Fields = dict[str, Any]
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal_key_write(device_seed: str, private: str, id: int, created_at: int) -> Fields:
    seed, public = bytes.fromhex(device_seed), x25519_public(bytes.fromhex(private))
    key: Fields = {"id": id, "created_at": created_at, "public": public}
    key["signature"] = sign(seed, signed(ed25519_public(seed), key))
    return {"public": public.hex(), "signature": key["signature"].hex(), "seal_key": encode("SealKey", key).hex()}


def seal_key_read(seal_key: str, device: str, now: int) -> Fields:
    key = acceptable(decode("SealKey", bytes.fromhex(seal_key), "BadBundle"), bytes.fromhex(device), now)
    return {"public": key["public"].hex()}


def unseal(envelope: str, device: str, keys: list[str]) -> Fields:
    raw, own = bytes.fromhex(envelope), bytes.fromhex(device)
    need(50 <= len(raw) <= 1_048_625 and raw[0] == 1, "MalformedContent")
    packet = unpadded(opened(raw[1:], own, [bytes.fromhex(key) for key in keys]))
    try:
        need(parsed(packet)["recipient"] == own, "MalformedContent")
    except Refused as error:
        raise Refused("MalformedContent") from error
    return {"packet": packet.hex(), "id": sha256(raw).hex()}


def opened(sealed: bytes, device: bytes, keys: list[bytes]) -> bytes:
    for private in keys:
        info = b"mepassa/1 envelope" + device + x25519_public(private)
        try:
            return SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info)
        except (InvalidTag, ValueError):
            continue
    raise Refused("DecryptFailed")


def seal_refused(packet: str, zeros: int, device: str, public: str) -> Fields:
    padded(bytes.fromhex(packet) + bytes(zeros), "packet")
    x25519(bytes(range(32)), bytes.fromhex(public), "BadBundle")
    return {}


def check(envelope: str, id: str) -> Fields:
    need(sha256(bytes.fromhex(envelope)).hex() == id, "MalformedContent")
    return {}
