"""The few primitives that handshake and ratchet stand on: X25519, Ed25519 as X25519, ML-KEM-768, HKDF, AES-GCM-SIV."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mepassad.api import CryptoUnsupported, DecryptFailed
from mepassad.builtin.crypto_signal import labels

KEY_SIZE = 32  # X25519 keys, Ed25519 public keys, root, chain and message keys
KEM_SEED_SIZE = 64  # FIPS 203, d ‖ z
TAG_SIZE = 16

Random = Callable[[int], bytes]  # a source of so many random bytes; `os.urandom`, or fixed bytes in vectors
Encapsulate = Callable[[bytes], tuple[bytes, bytes]]  # ML-KEM public key → shared secret, ciphertext

_FIELD = 2**255 - 19
_SHA256 = SHA256()
_NONCE_SIZE = 12


def x25519_public(private: bytes) -> bytes:
    """The public key of a 32-byte X25519 private key."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def exchange(private: bytes, public: bytes) -> bytes:
    """X25519 (RFC 7748). Raises ValueError on a wrong length and on a low-order key, whose result is all zero."""
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def identity_private(seed: bytes) -> bytes:
    """The X25519 private key of an Ed25519 seed: the scalar of RFC 8032, 5.1.5, which X25519 clamps itself."""
    return hashlib.sha512(seed).digest()[:KEY_SIZE]


def identity_public(public: bytes) -> bytes:
    """The X25519 public key of an Ed25519 one: u = (1 + y) / (1 − y), RFC 7748, 4.1.

    Not constant in time; the input is public. Raises ValueError on a key that is no point in canonical form.
    """
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    if len(public) != KEY_SIZE or y >= _FIELD or y == 1:
        raise ValueError("not a usable Ed25519 public key")
    return ((1 + y) * pow(1 - y, -1, _FIELD) % _FIELD).to_bytes(KEY_SIZE, "little")


def kem_public(seed: bytes) -> bytes:
    """The ML-KEM-768 public key of a 64-byte seed (FIPS 203)."""
    return MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def kem_encapsulate(public: bytes) -> tuple[bytes, bytes]:
    """A fresh shared secret and its ciphertext. Raises ValueError on a malformed key."""
    return MLKEM768PublicKey.from_public_bytes(public).encapsulate()


def kem_decapsulate(seed: bytes, ciphertext: bytes) -> bytes:
    """The shared secret; of an altered ciphertext a pseudorandom one (implicit rejection). Raises ValueError."""
    return MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(ciphertext)


def hkdf(secret: bytes, salt: bytes | None, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 (RFC 5869); `salt` None is 32 zero bytes."""
    return HKDF(_SHA256, length, salt, info).derive(secret)


def seal(message_key: bytes, plaintext: bytes, ad: bytes) -> bytes:
    """Encrypt once under a message key: AES-256-GCM-SIV (RFC 8452), key and nonce both derived from it."""
    cipher, nonce = _cipher(message_key)
    return cipher.encrypt(nonce, plaintext, ad)


def unseal(message_key: bytes, ciphertext: bytes, ad: bytes) -> bytes:
    """The reverse of `seal`. Raises `DecryptFailed`."""
    cipher, nonce = _cipher(message_key)
    try:
        return cipher.decrypt(nonce, ciphertext, ad)
    except InvalidTag:
        raise DecryptFailed from None


def _cipher(message_key: bytes) -> tuple[AESGCMSIV, bytes]:
    derived = hkdf(message_key, None, labels.MESSAGE_KEY, KEY_SIZE + _NONCE_SIZE)
    return AESGCMSIV(derived[:KEY_SIZE]), derived[KEY_SIZE:]


def probe() -> None:
    """Try what not every build of `cryptography` has. Raises `CryptoUnsupported`; there is no fall-back."""
    try:
        seed = bytes(KEM_SEED_SIZE)
        shared, ciphertext = kem_encapsulate(kem_public(seed))
        works = kem_decapsulate(seed, ciphertext) == shared
    except UnsupportedAlgorithm:
        works = False
    if not works:
        raise CryptoUnsupported
    try:
        seal(bytes(KEY_SIZE), b"", b"")
    except UnsupportedAlgorithm:
        sentence = "This build of `cryptography` has no AES-GCM-SIV; install the wheel from PyPI."
        raise CryptoUnsupported(sentence) from None
