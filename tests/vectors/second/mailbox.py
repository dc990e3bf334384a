"""mailbox.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from second.primitives import ed25519_public, hmac, sha256, sign, verify
from second.protobuf import decode, encode, plain
from second.refused import need

Fields = dict[str, Any]
OPERATIONS = {"open": 1, "close": 2, "fetch": 3, "watch": 4, "ack": 5, "publish": 6}


def joined(parts: list[bytes]) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def named(operation: str, asked: Fields) -> bytes:
    if operation == "fetch":
        return asked.get("after", 0).to_bytes(8, "big") + asked.get("limit", 0).to_bytes(4, "big")
    if operation == "ack":
        return joined(asked.get("ids", []))
    if operation == "publish":
        blobs = [asked.get("last_resort", b""), *asked.get("one_time", [])]
        return bytes([asked.get("replace", False)]) + joined(blobs)
    return b""


def owed(request: Fields) -> Iterator[tuple[Fields, int, bytes]]:
    """Each owner of a request, the byte of its operation, and what is named."""
    for operation, byte in OPERATIONS.items():
        if operation in request:
            asked = request[operation]
            many = asked.get("boxes", []) if operation in ("open", "watch") else [asked.get("box", {})]
            for owner in many:
                yield owner, byte, named(operation, asked)


def signed(node: str, challenge: str, request: Fields, byte: int, number: bytes, about: bytes) -> bytes:
    listener = bytes.fromhex(node) + bytes.fromhex(challenge)
    identifier = request["id"].to_bytes(8, "big")
    return b"mepassa/1 mailbox request" + listener + bytes([byte]) + identifier + number + sha256(about)


def request_write(node: str, challenge: str, request: str, seeds: list[str]) -> Fields:
    fields = decode("MailboxRequest", bytes.fromhex(request))
    for (owner, byte, about), seed in zip(owed(fields), map(bytes.fromhex, seeds), strict=False):
        owner["number"] = ed25519_public(seed)
        owner["signature"] = sign(seed, signed(node, challenge, fields, byte, owner["number"], about))
    return {"request": encode("MailboxRequest", fields).hex()}


def request_read(node: str, challenge: str, last: int, request: str) -> Fields:
    fields = decode("MailboxRequest", bytes.fromhex(request), "MalformedFrame")
    need(fields.get("id", 0) == last + 1, "MalformedFrame")
    for owner, byte, about in owed(fields):
        number = owner.get("number", b"")
        need(len(number) == 32, "InvalidSignature")
        verify(number, owner.get("signature", b""), signed(node, challenge, fields, byte, number, about))
    return plain(fields)


def expires(now: int, hours: int, max_hours: int) -> Fields:
    seconds = now + 3600 * min(max(hours, 1), max_hours)
    return {"expires_at": (seconds + 3599) // 3600}


def pass_proof(password: str, node: str, client: str, challenge: str) -> Fields:
    about = b"".join(map(bytes.fromhex, (node, client, challenge)))
    return {"proof": hmac(bytes.fromhex(password), b"mepassa/1 pass proof", about).hex()}
