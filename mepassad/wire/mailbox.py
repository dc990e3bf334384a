"""What is said to a mailbox node (`/mepassa/mailbox/1`): what is signed, and the bounds. docs/protocol/mailbox.md."""

from __future__ import annotations

import enum
import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import DecodeError

from mepassad.api.mailbox import MailboxReason
from mepassad.errors import (
    InvalidSignature,
    MailboxBusy,
    MailboxClosed,
    MailboxFull,
    MailboxNotAdmitted,
    MailboxRefused,
    MailboxTooLarge,
    MalformedFrame,
    MepassaError,
    StoreFull,
)
from mepassad.wire.identity import verify
from mepassad.wire.messages_pb2 import (
    MailboxAck,
    MailboxAnswer,
    MailboxFetch,
    MailboxHello,
    MailboxOwner,
    MailboxPublish,
    MailboxRequest,
)

MAILBOX_PROTOCOL = "/mepassa/mailbox/1"
REQUEST_LABEL = b"mepassa/1 mailbox request"
CHALLENGE = 32  # bytes
MAX_FRAME = 1_507_328  # bytes of a request or an answer: the largest envelope, or what is fetched at once, and more
MAX_ITEMS = 256  # boxes, numbers, ids or envelopes of a request
MAX_PUT = 8_388_608  # bytes of an envelope times the boxes that it is put into
MAX_BLOB = 270_336  # bytes of a blob: the largest reply with prekeys, padded and sealed
MAX_HOURS = 336  # that an envelope may wait: 14 days
FETCHED = 262_144  # bytes of envelopes after which an answer takes no more

_REFUSALS: Mapping[int, type[MailboxRefused]] = {
    MailboxReason.BUSY: MailboxBusy,
    MailboxReason.CLOSED: MailboxClosed,
    MailboxReason.FULL: MailboxFull,
    MailboxReason.TOO_LARGE: MailboxTooLarge,
    MailboxReason.NOT_ADMITTED: MailboxNotAdmitted,
}
_HOUR = 3600
_ID, _CURSOR, _LENGTH = struct.Struct(">Q"), struct.Struct(">QI"), struct.Struct(">I")

M = TypeVar("M", MailboxHello, MailboxRequest, MailboxAnswer)


class Operation(enum.IntEnum):
    """What an owner signs for."""

    OPEN = 1
    CLOSE = 2
    FETCH = 3
    WATCH = 4
    ACK = 5
    PUBLISH = 6


class Listener:
    """Those to whom an owner's signatures are addressed: one stream to one mailbox node."""

    def __init__(self, node: bytes, challenge: bytes) -> None:
        """The node's key and its challenge, 32 bytes each."""
        self._prefix = REQUEST_LABEL + node + challenge

    def _signed(self, operation: Operation, request: int, number: bytes, named: bytes) -> bytes:
        about = bytes([operation]) + _ID.pack(request) + number
        return self._prefix + about + hashlib.sha256(named).digest()

    def sign(self, box: Ed25519PrivateKey, operation: Operation, request: int, number: bytes, named: bytes) -> bytes:
        """An owner's signature over a request; `named` is what it is about, beside the number."""
        return box.sign(self._signed(operation, request, number, named))

    def check(self, signature: bytes, operation: Operation, request: int, number: bytes, named: bytes) -> None:
        """Raises `InvalidSignature` unless the owner of the number signed this."""
        verify(number, signature, self._signed(operation, request, number, named))


def items(request: MailboxRequest) -> int:
    """How many boxes, numbers, ids or blobs a request has."""
    asked = request.WhichOneof("operation") or ""
    return _ITEMS[asked](getattr(request, asked)) if asked in _ITEMS else 1


def owners(request: MailboxRequest) -> Iterator[tuple[Operation, MailboxOwner, bytes]]:
    """Whose signatures a request must have, each with what it is about beside the number; none for those that anybody
    may make."""
    asked = request.WhichOneof("operation")
    if asked == "open" or asked == "watch":
        operation = Operation[asked.upper()]
        yield from ((operation, owner, b"") for owner in getattr(request, asked).boxes)
    elif asked in _NAMED:
        found = getattr(request, asked)
        yield Operation[asked.upper()], found.box, _NAMED[asked](found)


def fetched(fetch: MailboxFetch) -> bytes:
    """What is signed of a fetch beside its number."""
    return _CURSOR.pack(fetch.after, fetch.limit)


def acked(ack: MailboxAck) -> bytes:
    """What is signed of an ack beside its number."""
    return _joined(ack.ids)


def published(publish: MailboxPublish) -> bytes:
    """What is signed of a publish beside its number."""
    return bytes([publish.replace]) + _joined([publish.last_resort, *publish.one_time])


def _joined(parts: Sequence[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


_ITEMS: Mapping[str, Callable[[Any], int]] = {
    "open": lambda asked: len(asked.boxes),
    "watch": lambda asked: len(asked.boxes),
    "put": lambda asked: len(asked.numbers),
    "ack": lambda asked: len(asked.ids),
    "publish": lambda asked: len(asked.one_time) + 1,
}
_NAMED: Mapping[str, Callable[[Any], bytes]] = {
    "close": lambda close: b"",
    "fetch": fetched,
    "ack": acked,
    "publish": published,
}


def expiry(now: float, hours: int, longest: int) -> int:
    """When something expires that came now and may wait so many hours, `longest` at most: Unix seconds, rounded up to
    the hour."""
    until = now + max(1, min(hours, longest)) * _HOUR
    return int(-(-until // _HOUR)) * _HOUR


def refused(reason: int) -> MailboxRefused:
    """The error that a number in an answer stands for."""
    return _REFUSALS.get(reason, MailboxRefused)(reason=reason)


def reason_of(error: MepassaError) -> MailboxReason:
    """The number that tells of an error; whatever is wrong with the node is `BUSY`."""
    if isinstance(error, InvalidSignature):
        return MailboxReason.UNSIGNED
    if isinstance(error, StoreFull):
        return MailboxReason.FULL
    found = (reason for reason, kind in _REFUSALS.items() if isinstance(error, kind))
    return MailboxReason(next(found, MailboxReason.BUSY))


def parse(kind: type[M], raw: bytes) -> M:
    """A frame of the protocol. Raises `MalformedFrame`."""
    try:
        message = kind.FromString(raw)
    except DecodeError as error:
        raise MalformedFrame from error
    return message
