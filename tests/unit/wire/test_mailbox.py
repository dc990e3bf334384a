"""What is said to a mailbox node: what is signed, and what the numbers of refusals mean."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.mailbox import MailboxReason
from mepassad.errors import (
    InvalidSignature,
    MailboxBusy,
    MailboxClosed,
    MailboxFull,
    MailboxNotAdmitted,
    MailboxRefused,
    MailboxTooLarge,
    MepassaError,
    StoreBroken,
    StoreBusy,
    StoreFull,
)
from mepassad.wire.mailbox import Listener, Operation, acked, fetched, published, reason_of, refused
from mepassad.wire.messages_pb2 import MailboxAck, MailboxFetch, MailboxPublish

NODE, CHALLENGE = bytes(range(32)), bytes(range(32, 64))
BOX = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
NUMBER = BOX.public_key().public_bytes_raw()


def test_an_owner_signs_the_bytes_that_the_text_names() -> None:
    named = (7).to_bytes(8, "big") + (9).to_bytes(4, "big")
    signed = b"mepassa/1 mailbox request" + NODE + CHALLENGE + b"\3" + (5).to_bytes(8, "big") + NUMBER
    expected = BOX.sign(signed + hashlib.sha256(named).digest())
    assert Listener(NODE, CHALLENGE).sign(BOX, Operation.FETCH, 5, NUMBER, named) == expected
    assert fetched(MailboxFetch(after=7, limit=9)) == named
    assert acked(MailboxAck(ids=[b"ab", b""])) == b"\0\0\0\2ab\0\0\0\0"
    publish = MailboxPublish(one_time=[b"x", b"yz"], last_resort=b"l", replace=True)
    assert published(publish) == b"\1" + b"\0\0\0\1l" + b"\0\0\0\1x" + b"\0\0\0\2yz"


@pytest.mark.parametrize(
    ("node", "challenge", "operation", "request_id", "number", "named"),
    [
        (CHALLENGE, CHALLENGE, Operation.ACK, 5, NUMBER, b"ids"),
        (NODE, NODE, Operation.ACK, 5, NUMBER, b"ids"),
        (NODE, CHALLENGE, Operation.CLOSE, 5, NUMBER, b"ids"),
        (NODE, CHALLENGE, Operation.ACK, 6, NUMBER, b"ids"),
        (NODE, CHALLENGE, Operation.ACK, 5, NODE, b"ids"),
        (NODE, CHALLENGE, Operation.ACK, 5, bytes(32), b"ids"),
        (NODE, CHALLENGE, Operation.ACK, 5, NUMBER, b"idz"),
    ],
    ids=["another node", "challenge", "operation", "request", "number", "a number of low order", "ids"],
)
def test_a_signature_is_good_for_nothing_else(
    node: bytes, challenge: bytes, operation: Operation, request_id: int, number: bytes, named: bytes
) -> None:
    signature = Listener(NODE, CHALLENGE).sign(BOX, Operation.ACK, 5, NUMBER, b"ids")
    Listener(NODE, CHALLENGE).check(signature, Operation.ACK, 5, NUMBER, b"ids")
    with pytest.raises(InvalidSignature):
        Listener(node, challenge).check(signature, operation, request_id, number, named)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (MailboxReason.BUSY, MailboxBusy),
        (MailboxReason.CLOSED, MailboxClosed),
        (MailboxReason.FULL, MailboxFull),
        (MailboxReason.TOO_LARGE, MailboxTooLarge),
        (MailboxReason.NOT_ADMITTED, MailboxNotAdmitted),
        (MailboxReason.UNSIGNED, MailboxRefused),
        (4_294_967_295, MailboxRefused),
    ],
)
def test_a_refusal_is_told_by_its_number(reason: int, error: type[MailboxRefused]) -> None:
    told = refused(reason)
    assert (type(told), told.data) == (error, {"reason": reason})


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MailboxFull(), MailboxReason.FULL),
        (StoreFull(), MailboxReason.FULL),
        (MailboxClosed(), MailboxReason.CLOSED),
        (InvalidSignature(), MailboxReason.UNSIGNED),
        (StoreBusy(), MailboxReason.BUSY),
        (StoreBroken(), MailboxReason.BUSY),
    ],
)
def test_whatever_is_wrong_with_a_node_is_busy_to_others(error: MepassaError, reason: MailboxReason) -> None:
    assert reason_of(error) is reason
