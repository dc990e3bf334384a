"""Under what a restored account is found again: a number and a key made of its seed. docs/protocol/identity.md."""

from __future__ import annotations

import hmac

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NUMBER_LABEL = b"mepassa/1 directory number"
SECRET_LABEL = b"mepassa/1 reunion secret"
PREKEYS_LABEL = b"mepassa/1 directory key"
KEY_LABEL = b"mepassa/1 reunion key"
REUNION_LABEL = b"mepassa/1 reunion proof"
_SIZE = 32


class Directory(msgspec.Struct, frozen=True):
    """The private half of the directory number, and what the reunion keys of contacts are made of: 32 bytes each, the
    same after each restore."""

    private: bytes
    secret: bytes

    @classmethod
    def of(cls, seed: bytes) -> Directory:
        """What the seed of an account (32 bytes) gives."""
        return cls(_derive(seed, NUMBER_LABEL), _derive(seed, SECRET_LABEL))

    def number(self) -> bytes:
        """The directory number, an Ed25519 public key (32 bytes)."""
        return Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()

    def prekeys_key(self) -> bytes:
        """What opens what lies under the number, in mailboxes and directories, told to contacts: 32 bytes."""
        return _derive(self.private, PREKEYS_LABEL)

    def reunion_key(self, contact: bytes) -> bytes:
        """What one contact (the account's 32-byte key) is told, and can prove: 32 bytes. It is of no use to others."""
        return hmac.digest(self.secret, KEY_LABEL + contact, "sha256")

    def __repr__(self) -> str:
        return "Directory()"


def _derive(secret: bytes, label: bytes) -> bytes:
    return HKDF(SHA256(), _SIZE, None, label).derive(secret)


def reunion_proof(key: bytes, transcript: bytes) -> bytes:
    """What shows a restored account, inside one handshake, that a contact was told its reunion key before."""
    return hmac.digest(key, REUNION_LABEL + transcript, "sha256")
