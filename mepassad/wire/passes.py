"""The pass of a node that serves its own people only (`/mepassa/pass/1`). docs/protocol/mailbox.md."""

from __future__ import annotations

import hmac
from typing import TypeVar

from google.protobuf.message import DecodeError

from mepassad.api.types import Secret
from mepassad.errors import MalformedFrame
from mepassad.wire.messages_pb2 import PassChallenge, PassProof, PassReply

PASS_PROTOCOL = "/mepassa/pass/1"  # noqa: S105 a name
PASS_LABEL = b"mepassa/1 pass proof"
MIN_PASS = 16  # bytes: the node that is shown a proof could guess a shorter pass from it
MAX_PASS_FRAME = 256  # bytes

M = TypeVar("M", PassChallenge, PassProof, PassReply)


def about(server: bytes, client: bytes, challenge: bytes) -> bytes:
    """What a proof is over: the keys of both nodes and the server's challenge, 32 bytes each."""
    return PASS_LABEL + server + client + challenge


def prove(pass_: Secret, about: bytes) -> bytes:
    """The proof of a pass, 32 bytes."""
    return hmac.digest(pass_, about, "sha256")


def right(proof: bytes, pass_: Secret, about: bytes) -> bool:
    """Whether this is the proof; in constant time."""
    return hmac.compare_digest(prove(pass_, about), proof)


def parse(kind: type[M], raw: bytes) -> M:
    """A frame of the protocol. Raises `MalformedFrame`."""
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise MalformedFrame from error
