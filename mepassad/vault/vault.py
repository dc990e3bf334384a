"""The opened vault: seals and opens secrets, each under the key of its use and bound to its place. Pure."""

from __future__ import annotations

import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mepassad.api.types import Secret
from mepassad.errors import VaultBroken

KEY_FILE = b"mepassa/1 at rest: key file"
SESSION = b"mepassa/1 at rest: session"
SKIPPED = b"mepassa/1 at rest: skipped key"
PREKEY = b"mepassa/1 at rest: prekey"
INVITE = b"mepassa/1 at rest: invite"
LINK = b"mepassa/1 at rest: accepted link"
DIRECTORY = b"mepassa/1 at rest: directory"
PLACES = b"mepassa/1 at rest: places"
SETTING = b"mepassa/1 at rest: setting"
USES = (KEY_FILE, SESSION, SKIPPED, PREKEY, INVITE, LINK, DIRECTORY, PLACES, SETTING)

VERSION = b"\x01"  # first byte of a sealed value
NONCE = 12  # bytes
OVERHEAD = len(VERSION) + NONCE + 16  # bytes that a sealed value has more than the secret

_length = struct.Struct(">I").pack


def place(*parts: str | bytes) -> bytes:
    """Where a secret lies, as associated data: no two lists of parts give the same bytes."""
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join([_length(len(part)) + part for part in raw])


class Vault:
    """The keys of all uses. Random nonces are safe for as long as a folder may live: AES-GCM-SIV (RFC 8452) loses
    nothing but the equality of two secrets where one comes twice."""

    def __init__(self, data_key: Secret) -> None:
        """`data_key`: 32 bytes; it is not kept."""
        self._keys = {use: AESGCMSIV(_derive(data_key, use)) for use in USES}

    def __repr__(self) -> str:
        return "Vault()"

    def seal(self, use: bytes, where: bytes, secret: bytes) -> bytes:
        """The sealed value of a secret at a `place`."""
        nonce = os.urandom(NONCE)
        return VERSION + nonce + self._keys[use].encrypt(nonce, secret, where)

    def open(self, use: bytes, where: bytes, sealed: bytes) -> bytes:
        """The secret. Raises `VaultBroken` unless just this value was sealed for this use and place."""
        if not sealed.startswith(VERSION) or len(sealed) < OVERHEAD:
            raise VaultBroken
        try:
            return self._keys[use].decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], where)
        except InvalidTag:
            raise VaultBroken from None


def _derive(data_key: Secret, use: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=bytes(32), info=use).derive(bytes(data_key))
