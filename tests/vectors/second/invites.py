"""invites.md."""

from __future__ import annotations

import re
from hmac import compare_digest
from typing import Any

from second.primitives import hmac, sha256
from second.protobuf import decode, encode, plain
from second.refused import Refused, need
from second.texts import base64url, unbase64url

Fields = dict[str, Any]


def checksum(invite: bytes, in_person: bool) -> bytes:
    return sha256(b"mepassa/1 code checksum" if in_person else b"mepassa/1 invite checksum", invite)[:4]


def write(
    account: str,
    secret: str,
    number: str,
    expires_at: int,
    nodes: list[Fields],
    in_person: bool = False,
    mailboxes: list[Fields] | None = None,
) -> Fields:
    boxes = [(node["key"], address, 1) for node in mailboxes or [] for address in node["addresses"]]
    told = boxes[:1] + [(node["key"], address, 0) for node in nodes for address in node["addresses"]] + boxes[1:]
    body = {"account": bytes.fromhex(account), "secret": bytes.fromhex(secret), "number": bytes.fromhex(number)}
    body["expires_at"] = (expires_at + 3599) // 3600
    while True:
        hints: list[Fields] = []
        for key, address, roles in told:
            hint = next((hint for hint in hints if (hint["key"].hex(), hint.get("roles", 0)) == (key, roles)), None)
            if hint is None:
                hint = {"key": bytes.fromhex(key), "addresses": []} | ({"roles": roles} if roles else {})
                hints.append(hint)
            hint["addresses"].append(address)
        invite = encode("Invite", body | {"hints": hints})
        if len(invite) + 4 <= 220:
            kind = "v" if in_person else "i"
            return {"link": f"mepassa:{kind}/1/" + base64url(invite + checksum(invite, in_person))}
        told.pop()


def read(link: str) -> Fields:
    text = link.strip()
    need(len(text) <= 2048, "InviteMalformed")
    form = re.fullmatch(r"(mepassa:[iv]|https://[^#]*#i)/([0-9]+)(?:/(.*))?", text, re.DOTALL)
    need(form, "InviteMalformed")
    need(form[2] == "1", "InviteVersion")
    in_person = form[1] == "mepassa:v"
    try:
        raw = unbase64url(form[3] or "")
        invite = decode("Invite", raw[:-4])
    except Refused as error:
        raise Refused("InviteMalformed") from error
    need(len(raw) <= 220 and checksum(raw[:-4], in_person) == raw[-4:], "InviteMalformed")
    for field, size in (("account", 32), ("secret", 16), ("number", 32)):
        need(len(invite.get(field, b"")) == size, "InviteMalformed")
    nodes, mailboxes = {}, {}
    for hint in invite.get("hints", []):
        need(len(hint.get("key", b"")) == 32, "InviteMalformed")
        if not hint.get("roles", 0):
            nodes[hint["key"]] = hint.get("addresses", [])
        elif hint["roles"] & 1:
            mailboxes[hint["key"]] = hint.get("addresses", [])
    return plain(
        {
            "account": invite["account"],
            "secret": invite["secret"],
            "number": invite["number"],
            "expires_at": invite.get("expires_at", 0) * 3600,
            "nodes": [{"key": key, "addresses": addresses} for key, addresses in nodes.items()],
            "mailboxes": [{"key": key, "addresses": addresses} for key, addresses in mailboxes.items()],
            "in_person": in_person,
        }
    )


def proof(secret: str, transcript: str, in_person: bool) -> Fields:
    label = b"mepassa/1 code proof" if in_person else b"mepassa/1 invite proof"
    return {"proof": hmac(bytes.fromhex(secret), label, bytes.fromhex(transcript)).hex()}


def judged(invite: Fields, expected: str, given: str, now: int) -> int:
    if not compare_digest(expected, given):
        return 5
    if now >= invite["expires_at"] or (invite["in_person"] and now < invite["created_at"]):
        return 6
    return 0 if invite["uses_left"] > 0 else 7


def redeem(invite: Fields, transcript: str, shown: str, now: int) -> Fields:
    expected = proof(invite["secret"], transcript, invite["in_person"])["proof"]
    return {"refusal": judged(invite, expected, shown, now)}


def verification_proof(secret: str, sender: str, recipient: str) -> Fields:
    accounts = bytes.fromhex(sender + recipient)
    return {"proof": hmac(bytes.fromhex(secret), b"mepassa/1 verification proof", accounts).hex()}


def verify(invite: Fields, sender: str, recipient: str, shown: str, now: int) -> Fields:
    expected = verification_proof(invite["secret"], sender, recipient)["proof"]
    if not invite["in_person"] or judged(invite, expected, shown, now):
        return {"confirmation": None}
    return {"confirmation": verification_proof(invite["secret"], recipient, sender)["proof"]}
