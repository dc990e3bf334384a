"""invites.md."""

from __future__ import annotations

import re
from typing import Any

from second.primitives import hmac, sha256
from second.protobuf import decode, encode, plain
from second.refused import Refused, need
from second.texts import base64url, unbase64url

Fields = dict[str, Any]


def checksum(invite: bytes) -> bytes:
    return sha256(b"mepassa/1 invite checksum", invite)[:4]


def write(account: str, secret: str, number: str, expires_at: int, nodes: list[Fields]) -> Fields:
    hints = [{"key": bytes.fromhex(node["key"]), "addresses": list(node["addresses"])} for node in nodes]
    body = {"account": bytes.fromhex(account), "secret": bytes.fromhex(secret), "number": bytes.fromhex(number)}
    body["expires_at"] = (expires_at + 3599) // 3600
    while True:
        hints = [hint for hint in hints if hint["addresses"]]
        invite = encode("Invite", body | {"hints": hints})
        if len(invite) + 4 <= 220:
            return {"link": "mepassa:i/1/" + base64url(invite + checksum(invite))}
        hints[-1]["addresses"].pop()


def read(link: str) -> Fields:
    text = link.strip()
    need(len(text) <= 2048, "InviteMalformed")
    form = re.fullmatch(r"(?:mepassa:|https://[^#]*#)i/([0-9]+)(?:/(.*))?", text, re.DOTALL)
    need(form, "InviteMalformed")
    need(form[1] == "1", "InviteVersion")
    try:
        raw = unbase64url(form[2] or "")
        invite = decode("Invite", raw[:-4])
    except Refused as error:
        raise Refused("InviteMalformed") from error
    need(len(raw) <= 220 and checksum(raw[:-4]) == raw[-4:], "InviteMalformed")
    for field, size in (("account", 32), ("secret", 16), ("number", 32)):
        need(len(invite.get(field, b"")) == size, "InviteMalformed")
    nodes = {}
    for hint in invite.get("hints", []):
        need(len(hint.get("key", b"")) == 32, "InviteMalformed")
        nodes[hint["key"]] = hint.get("addresses", [])
    return plain(
        {
            "account": invite["account"],
            "secret": invite["secret"],
            "number": invite["number"],
            "expires_at": invite.get("expires_at", 0) * 3600,
            "nodes": [{"key": key, "addresses": addresses} for key, addresses in nodes.items()],
        }
    )


def proof(secret: str, transcript: str) -> Fields:
    return {"proof": hmac(bytes.fromhex(secret), b"mepassa/1 invite proof", bytes.fromhex(transcript)).hex()}
