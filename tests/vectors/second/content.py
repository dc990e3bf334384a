"""content.md."""

from __future__ import annotations

from typing import Any

from second.identity import card
from second.padding import padded, unpadded
from second.primitives import ed25519_public, sha256, sign, verify
from second.protobuf import decode, plain
from second.refused import need

Fields = dict[str, Any]


def signed(device: bytes, recipient: bytes, content: bytes) -> bytes:
    return b"mepassa/1 content" + device + recipient + sha256(content)


def write(device_seed: str, recipient: str, content: str) -> Fields:
    seed, raw = bytes.fromhex(device_seed), bytes.fromhex(content)
    signature = sign(seed, signed(ed25519_public(seed), bytes.fromhex(recipient), raw))
    return {"signature": signature.hex(), "plaintext": padded(signature + raw, "content").hex()}


def read(plaintext: str, sender: str, recipient: str) -> Fields:
    device, body = bytes.fromhex(sender), unpadded(bytes.fromhex(plaintext))
    need(len(body) > 64, "MalformedContent")
    verify(device, body[:64], signed(device, bytes.fromhex(recipient), body[64:]))
    content = decode("Content", body[64:], "MalformedContent")
    need(len(content.get("id", b"")) == len(content.get("conversation", b"")) == 16, "MalformedContent")
    need(len(content.get("reply_to", b"")) in (0, 16), "MalformedContent")
    return plain(content)


def introduction(introduction: str, device: str, now: int) -> Fields:
    told = decode("Introduction", bytes.fromhex(introduction), "MalformedContent")
    shown = card(told.get("card", {}), now)
    need(device in [one["key"] for one in shown["devices"]["devices"]], "MalformedContent")
    need(len(told.get("number", b"")) == 32, "MalformedContent")
    nodes: dict[bytes, list[str]] = {}
    for hint in told.get("nodes", [])[:4]:
        need(len(hint.get("key", b"")) == 32, "MalformedContent")
        nodes[hint["key"]] = [address for address in hint.get("addresses", [])[:8] if len(address) <= 256]
    number, key = told.get("directory_number", b""), told.get("reunion_key", b"")
    need((len(number), len(key)) in ((0, 0), (32, 32)), "MalformedContent")
    return plain(
        {
            "account": shown["devices"]["account"],
            "name": shown["name"],
            "kind": shown["kind"],
            "number": told["number"],
            "nodes": [{"key": node, "addresses": addresses} for node, addresses in nodes.items()],
            "directory_number": number,
            "reunion_key": key,
        }
    )
