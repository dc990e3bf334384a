"""Our requests to a mailbox node, over JSON."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.types import Secret
from mepassad.errors import MalformedFrame
from mepassad.testing.vectors.book import Fields
from mepassad.testing.vectors.ours.protobuf import plain
from mepassad.wire import passes
from mepassad.wire.mailbox import Listener, expiry, owners, parse
from mepassad.wire.messages_pb2 import MailboxRequest


def request_write(node: str, challenge: str, request: str, seeds: list[str]) -> Fields:
    """A request with its signatures, from one without: the numbers in it are those of these private keys, in order."""
    made, keys = MailboxRequest.FromString(bytes.fromhex(request)), iter(seeds)
    listener = Listener(bytes.fromhex(node), bytes.fromhex(challenge))
    for operation, owner, named in owners(made):
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(next(keys)))
        owner.number = key.public_key().public_bytes_raw()
        owner.signature = listener.sign(key, operation, made.id, owner.number, named)
    return {"request": made.SerializeToString(deterministic=True).hex()}


def request_read(node: str, challenge: str, last: int, request: str) -> Fields:
    """What a node reads on a stream of that challenge, after a request whose id was `last`, if the stream goes on and
    all signatures hold that the request must have."""
    read = parse(MailboxRequest, bytes.fromhex(request))
    if read.id != last + 1:
        raise MalformedFrame
    listener = Listener(bytes.fromhex(node), bytes.fromhex(challenge))
    for operation, owner, named in owners(read):
        listener.check(owner.signature, operation, read.id, owner.number, named)
    return plain(read)


def expires(now: int, hours: int, max_hours: int) -> Fields:
    """When an envelope expires that came now (Unix seconds) and is to wait so many hours, at a node that keeps none for
    longer than `max_hours`: Unix hours."""
    return {"expires_at": expiry(now, hours, max_hours) // 3600}


def pass_proof(password: str, node: str, client: str, challenge: str) -> Fields:
    """The proof of a pass to a node, by a client with that node key."""
    over = passes.about(*map(bytes.fromhex, (node, client, challenge)))
    return {"proof": passes.prove(Secret(bytes.fromhex(password)), over).hex()}
