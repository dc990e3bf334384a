"""Prekeys as they lie in a mailbox, sealed for those who were told a number of ours. docs/protocol/prekeys.md."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mepassad.api.types import Secret
from mepassad.errors import BadBundle, MalformedContent
from mepassad.wire.identity import parse
from mepassad.wire.messages_pb2 import PrekeyReply
from mepassad.wire.padding import pad, unpad

NUMBER_KEY_LABEL = b"mepassa/1 number key"
INVITE_KEY_LABEL = b"mepassa/1 invite number key"
BLOB_LABEL = b"mepassa/1 prekeys blob"
SIZES = (4096, 16384, 65536)  # of padded replies
VERSION = 1  # first byte of a blob
OVERHEAD = 1 + 12 + 16  # bytes of a blob beside the padded reply
MAX_BLOB = SIZES[-1] + OVERHEAD
_KEY, _NONCE = 32, 12


def number_key(private: bytes) -> Secret:
    """What a contact is told, to open the prekeys under their number. `private`: its private half, 32 bytes."""
    return Secret(HKDF(SHA256(), _KEY, None, NUMBER_KEY_LABEL).derive(private))


def invite_key(secret: bytes, number: bytes) -> Secret:
    """The same for the number of an invite: made of its secret, so that whoever has the link has it."""
    return Secret(HKDF(SHA256(), _KEY, None, INVITE_KEY_LABEL + number).derive(secret))


def seal_reply(reply: PrekeyReply, number: bytes, key: bytes) -> bytes:
    """The blob of a reply for whoever knows the key of a number. Raises `MessageTooLarge` above any size."""
    return _sealed(pad(reply.SerializeToString(), SIZES), number, key, os.urandom(_NONCE))


def _sealed(padded: bytes, number: bytes, key: bytes, nonce: bytes) -> bytes:
    return bytes([VERSION]) + nonce + AESGCMSIV(key).encrypt(nonce, padded, BLOB_LABEL + number)


def open_blob(blob: bytes, number: bytes, key: bytes) -> PrekeyReply:
    """The reply in a blob. Raises `BadBundle` where it is none of this number and key, `MalformedContent`."""
    if not OVERHEAD < len(blob) <= MAX_BLOB or len(key) != _KEY:
        raise BadBundle("The prekeys in a mailbox are cut short, or too large.")
    if blob[0] != VERSION:
        raise MalformedContent("The prekeys in a mailbox need a newer version of mepassad.")
    try:
        padded = AESGCMSIV(key).decrypt(blob[1 : 1 + _NONCE], blob[1 + _NONCE :], BLOB_LABEL + number)
    except InvalidTag:
        raise BadBundle("The prekeys in a mailbox were altered, or are of another number.") from None
    return parse(PrekeyReply, unpad(padded))
