"""Records of the directory: where an account is now, for those who were told its number and key.
docs/protocol/directory.md."""

from __future__ import annotations

import enum
import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mepassad.errors import DecryptFailed, MalformedContent, MessageTooLarge
from mepassad.wire.identity import FUTURE, parse, verify
from mepassad.wire.ids import b64, unb64
from mepassad.wire.messages_pb2 import Whereabouts
from mepassad.wire.padding import pad, unpad

DIRECTORY_PROTOCOL = "/mepassa/directory/1"
SIZES = (1024, 4096)  # bytes of padded contents; there are no others
LIFE = 7 * 86_400  # seconds that a record is good for, from its version on
NONCE_SIZE = 12
MAX_KEY = 64  # bytes of the name of a record
MAX_MESSAGE = 4352  # bytes of a request to a directory, or of its answer
ADDRESSES_LABEL = b"mepassa/1 record of addresses"
CARD_LABEL = b"mepassa/1 record of a card"
KEY_LABEL = b"mepassa/1 record key"
SEALED_LABEL = b"mepassa/1 sealed record"

_HEAD = struct.Struct(">32sQ")  # number, version
_SIGNATURE = 64
_TAG = 16
_OVERHEAD = _HEAD.size + NONCE_SIZE + _TAG + _SIGNATURE
VALUE_SIZES = tuple(size + _OVERHEAD for size in SIZES)  # bytes of a whole record
_PREFIX = "/mepassa/"


class Kind(enum.Enum):
    """What a record is about; its value is part of the record's name."""

    ADDRESSES = "addresses"  # under a random number, replaced when somebody may not follow any more
    CARD = "card"  # under the directory number, which is made of the seed: of a restored account

    @property
    def label(self) -> bytes:
        """What is signed before all else."""
        return ADDRESSES_LABEL if self is Kind.ADDRESSES else CARD_LABEL


class RecordRefusal(enum.IntEnum):
    """Why a node does not keep a record, or does not answer."""

    BUSY = 1  # it asked for too much, or nothing more can be kept
    INVALID = 2  # not a record that may be kept
    OLDER = 3  # one of this version, or a newer one, is kept


def record_key(kind: Kind, number: bytes) -> bytes:
    """The name under which directories keep a record."""
    return f"{_PREFIX}{kind.value}/{b64(number)}".encode()


def parse_key(key: bytes) -> tuple[Kind, bytes]:
    """Kind and number in the name of a record, in its only spelling. Raises `MalformedContent`."""
    try:
        kind, _, text = key[:MAX_KEY].decode("ascii").removeprefix(_PREFIX).partition("/")
        found = Kind(kind), unb64(text)
    except ValueError as error:
        raise MalformedContent("this is not the name of a record") from error
    if len(found[1]) != 32 or record_key(*found) != key:
        raise MalformedContent("this is not the name of a record")
    return found


def write_record(
    kind: Kind, owner: Ed25519PrivateKey, secret: bytes, found: Whereabouts, version: int, nonce: bytes
) -> bytes:
    """A record, signed by the number's private half, opened by `secret` (32 bytes). `version` in Unix seconds, above
    that of the record before; `nonce` 12 random bytes.

    Raises `MessageTooLarge` where `found` has more than 4,095 bytes.
    """
    raw = found.SerializeToString(deterministic=True)
    if len(raw) >= SIZES[-1]:
        raise MessageTooLarge(f"A record may hold {SIZES[-1] - 1} bytes at most.", limit=SIZES[-1] - 1)
    head = _HEAD.pack(owner.public_key().public_bytes_raw(), version)
    body = head + nonce + _cipher(kind, secret).encrypt(nonce, pad(raw, SIZES), SEALED_LABEL + head)
    return body + owner.sign(kind.label + body)


def check_record(key: bytes, value: bytes, now: int) -> int:
    """The version of a record that may be kept and passed on at `now` (Unix seconds); whoever holds it cannot open it.

    Raises `MalformedContent` (another number's, no size of a record, past its life, more than a day from the future),
    `InvalidSignature`.
    """
    kind, number = parse_key(key)
    if len(value) not in VALUE_SIZES:
        raise MalformedContent("a record has another size")
    named, version = _HEAD.unpack_from(value)
    if not hmac.compare_digest(named, number):
        raise MalformedContent("a record is of another number")
    if not version <= now + FUTURE or version + LIFE < now:
        raise MalformedContent("a record is from the future, or too old")
    verify(number, value[-_SIGNATURE:], kind.label, value[:-_SIGNATURE])
    return int(version)


def read_record(key: bytes, value: bytes, secret: bytes, now: int) -> tuple[int, Whereabouts]:
    """Version and content of a record. Raises as `check_record`, and `DecryptFailed`."""
    version, (kind, _) = check_record(key, value, now), parse_key(key)
    head, sealed = value[: _HEAD.size], value[_HEAD.size : -_SIGNATURE]
    try:
        padded = _cipher(kind, secret).decrypt(sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], SEALED_LABEL + head)
    except (InvalidTag, ValueError) as error:
        raise DecryptFailed from error
    return version, parse(Whereabouts, unpad(padded))


def _cipher(kind: Kind, secret: bytes) -> AESGCMSIV:
    return AESGCMSIV(HKDF(SHA256(), 32, None, KEY_LABEL + kind.value.encode()).derive(secret))
