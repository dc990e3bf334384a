"""The file `keys/vault`: the data key of a folder, wrapped under a passphrase. Pure; docs/at-rest.md has the bytes."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from mepassad.api.types import Secret
from mepassad.errors import VaultBroken, VaultMemory, WrongPassphrase

NAME = "vault"
LABEL = b"mepassa/1 vault"
VERSION = 1
KEY_BYTES = 32
MIN_MEMORY, MAX_MEMORY = 8, 1024  # MiB; what a file may ask for, so that an altered one cannot take all there is
MAX_PASSES, MAX_LANES = 10, 16

_HEADER = struct.Struct(">15sBIII16s")  # label, version, memory, passes, lanes, salt
_NONCE, _WRAPPED, _SUM = 12, KEY_BYTES + 16, 32
SIZE = _HEADER.size + _NONCE + _WRAPPED + _SUM


class Cost(msgspec.Struct, frozen=True):
    """What one guess at the passphrase costs (Argon2id, RFC 9106): MiB of memory, passes over it, lanes."""

    memory: int = 256
    passes: int = 3
    lanes: int = 4


class Wrapped(msgspec.Struct, frozen=True):
    """The parts of a vault file: its header as it was read, and what is in it."""

    header: bytes
    cost: Cost
    salt: bytes
    nonce: bytes
    sealed: bytes


def new_data_key() -> Secret:
    """A fresh data key."""
    return Secret(os.urandom(KEY_BYTES))


def wrap(data_key: Secret, passphrase: Secret, cost: Cost) -> bytes:
    """The bytes of a vault file; other ones each time. Raises `VaultMemory`."""
    salt, nonce = os.urandom(16), os.urandom(_NONCE)
    header = _HEADER.pack(LABEL, VERSION, cost.memory, cost.passes, cost.lanes, salt)
    body = header + nonce + AESGCMSIV(_stretch(passphrase, salt, cost)).encrypt(nonce, bytes(data_key), header)
    return body + hashlib.sha256(body).digest()


def parse(data: bytes) -> Wrapped:
    """The parts of a vault file. Raises `VaultBroken` on anything but 136 whole bytes of this version whose cost is
    within bounds."""
    body, checksum = data[:-_SUM], data[-_SUM:]
    if len(data) != SIZE or not hmac.compare_digest(hashlib.sha256(body).digest(), checksum):
        raise VaultBroken(
            f"The file keys/{NAME} is damaged, or was written by a newer mepassad; restore it from a backup."
        )
    header = body[: _HEADER.size]
    label, version, memory, passes, lanes, salt = _HEADER.unpack(header)
    bounded = MIN_MEMORY <= memory <= MAX_MEMORY and 1 <= passes <= MAX_PASSES and 1 <= lanes <= MAX_LANES
    if label != LABEL or version != VERSION or not bounded:
        raise VaultBroken(f"The file keys/{NAME} asks for what this mepassad does not do; restore it from a backup.")
    rest = body[_HEADER.size :]
    return Wrapped(header, Cost(memory, passes, lanes), salt, rest[:_NONCE], rest[_NONCE:])


def unwrap(wrapped: Wrapped, passphrase: Secret) -> Secret:
    """The data key. Raises `WrongPassphrase`, `VaultMemory`."""
    key = _stretch(passphrase, wrapped.salt, wrapped.cost)
    try:
        return Secret(AESGCMSIV(key).decrypt(wrapped.nonce, wrapped.sealed, wrapped.header))
    except InvalidTag:
        raise WrongPassphrase from None


def _stretch(passphrase: Secret, salt: bytes, cost: Cost) -> bytes:
    kdf = Argon2id(
        salt=salt, length=KEY_BYTES, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory * 1024
    )
    try:
        return kdf.derive(bytes(passphrase))
    except MemoryError:
        raise VaultMemory(f"There is not enough memory to open the vault: it takes {cost.memory} MiB.") from None
