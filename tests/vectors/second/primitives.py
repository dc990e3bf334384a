"""What the layers stand on: hashes and HKDF from hashlib, curves and ciphers from `cryptography`."""

from __future__ import annotations

import hashlib
import hmac as _hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from second.refused import Refused, need

FIELD = 2**255 - 19
ORDER_8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
LOW_ORDER = {0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8}


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def hmac(key: bytes, *parts: bytes) -> bytes:
    return _hmac.digest(key, b"".join(parts), "sha256")


def hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, 2.2 and 2.3."""
    key, block, out = hmac(salt, secret), b"", b""
    while len(out) < length:
        block = hmac(key, block, info, bytes([len(out) // 32 + 1]))
        out += block
    return out[:length]


def ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, *parts: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(b"".join(parts))


def verify(key: bytes, signature: bytes, *parts: bytes, name: str = "InvalidSignature") -> None:
    """Refuse under `name` unless the signature holds, under a key that is not of low order."""
    need(int.from_bytes(key, "little") % 2**255 % FIELD not in LOW_ORDER, name)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, b"".join(parts))
    except (InvalidSignature, ValueError) as error:
        raise Refused(name) from error


def x25519_public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def x25519(private: bytes, public: bytes, name: str) -> bytes:
    """Refuse under `name` a key of another size, and a result of 32 zero bytes."""
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise Refused(name) from error
