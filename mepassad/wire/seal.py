"""The seal: a packet, hidden from the mailbox that keeps it (HPKE, RFC 9180). docs/protocol/seal.md."""

from __future__ import annotations

import functools
import hashlib
import hmac
import struct
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from mepassad.api.crypto import DeviceKey
from mepassad.api.types import PrivateKey
from mepassad.errors import BadBundle, DecryptFailed, InvalidSignature, MalformedContent, MalformedFrame
from mepassad.wire.identity import FUTURE, verify
from mepassad.wire.messages_pb2 import SealKey
from mepassad.wire.packets import parse_packet
from mepassad.wire.padding import MAX_PADDED, pad, unpad

SEAL_KEY_LABEL = b"mepassa/1 seal key"
ENVELOPE_LABEL = b"mepassa/1 envelope"
SIZES = (512, 1536, 4608, 16896, 66048)  # of padded packets: a content's size class and the rest of its packet
VERSION = 1  # first byte of an envelope
MAX_AGE = 30 * 86_400  # seconds; a seal key older than this is refused
OVERHEAD = 1 + 32 + 16  # bytes of an envelope beside the padded packet
MAX_ENVELOPE = MAX_PADDED + OVERHEAD

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_DATED = struct.Struct(">qq")


def sign_seal_key(device: DeviceKey, identifier: int, created_at: int, public: bytes) -> SealKey:
    """A seal key as depositors are given it. `created_at` in Unix seconds, `public` 32 bytes."""
    key = SealKey(id=identifier, created_at=created_at, public=public)
    key.signature = device.private.sign(SEAL_KEY_LABEL + _signed(device.public, key))
    return key


def verify_seal_key(key: SealKey, device: bytes, now: int) -> bytes:
    """The public key that `device` signed, if it may be sealed to at `now` (Unix seconds). Raises `BadBundle`."""
    if len(key.public) != 32 or not now - MAX_AGE <= key.created_at <= now + FUTURE:
        raise BadBundle("The other device's seal key is malformed, too old, or from the future.")
    try:
        verify(device, key.signature, SEAL_KEY_LABEL, _signed(device, key))
    except InvalidSignature as error:
        raise BadBundle("The other device did not sign its seal key.") from error
    return key.public


def _signed(device: bytes, key: SealKey) -> bytes:
    return device + _DATED.pack(key.id, key.created_at) + key.public


def seal(packet: bytes, device: bytes, public: bytes) -> bytes:
    """The envelope of a packet for a device (its 32-byte key) under its seal key; another one each time.

    Raises `BadBundle` on a key of low order, `MessageTooLarge` above 1,048,575 bytes.
    """
    padded = pad(packet, SIZES)
    try:
        sealed = _SUITE.encrypt(padded, X25519PublicKey.from_public_bytes(public), _info(device, public))
    except ValueError as error:
        raise BadBundle("The other device's seal key is not a usable key.") from error
    return bytes([VERSION]) + sealed


def unseal(envelope: bytes, device: bytes, keys: Iterable[PrivateKey]) -> bytes:
    """The packet in an envelope to `device`, opened with the first of its seal keys that fits.

    Raises `DecryptFailed` when none fits, `MalformedContent` when this is no envelope or holds no packet to that
    device.
    """
    if not OVERHEAD < len(envelope) <= MAX_ENVELOPE:
        raise MalformedContent("An envelope is cut short, or too large.")
    if envelope[0] != VERSION:
        raise MalformedContent("An envelope needs a newer version of mepassad.")
    padded = _open(envelope[1:], device, keys)
    try:
        packet = unpad(padded)
        recipient = parse_packet(packet).recipient
    except MalformedFrame as error:
        raise MalformedContent("An envelope holds no packet.") from error
    if not hmac.compare_digest(recipient, device):
        raise MalformedContent("An envelope holds a packet to another device.")
    return packet


def _open(sealed: bytes, device: bytes, keys: Iterable[PrivateKey]) -> bytes:
    for key in keys:
        try:
            return _SUITE.decrypt(sealed, _loaded(key.secret), _info(device, key.public))
        except (InvalidTag, ValueError):
            continue  # sealed to another key, or altered
    raise DecryptFailed


@functools.lru_cache(maxsize=64)
def _loaded(secret: bytes) -> X25519PrivateKey:
    """A seal key ready for use: loading one takes as long as opening an envelope with it."""
    return X25519PrivateKey.from_private_bytes(secret)


def _info(device: bytes, public: bytes) -> bytes:
    return ENVELOPE_LABEL + device + public


def envelope_id(envelope: bytes) -> bytes:
    """The id under which a mailbox keeps an envelope: SHA-256 of its bytes."""
    return hashlib.sha256(envelope).digest()


def check_envelope(identifier: bytes, envelope: bytes) -> None:
    """Raise `MalformedContent` unless these are the bytes of that id: a mailbox, or a liar, may hand out others."""
    if not hmac.compare_digest(identifier, envelope_id(envelope)):
        raise MalformedContent("The bytes of an envelope are not those of its id.")
