"""Our invite links, over JSON."""

from __future__ import annotations

from mepassad.testing.vectors.book import Fields
from mepassad.wire import invites
from mepassad.wire.node_id import key_from_node_id, node_id_from_key


def write(account: str, secret: str, number: str, expires_at: int, nodes: list[Fields]) -> Fields:
    """An invite as a link. `expires_at` in seconds; `nodes` are keys with addresses."""
    hints: dict[str, list[str]] = {node_id_from_key(bytes.fromhex(node["key"])): node["addresses"] for node in nodes}
    link = invites.InviteLink(bytes.fromhex(account), bytes.fromhex(secret), bytes.fromhex(number), expires_at, hints)
    return {"link": invites.format_invite(link)}


def read(link: str) -> Fields:
    """What a pasted link says. `expires_at` in seconds."""
    found = invites.parse_invite(link)
    return {
        "account": found.account.hex(),
        "secret": found.secret.hex(),
        "number": found.number.hex(),
        "expires_at": found.expires_at,
        "nodes": [{"key": key_from_node_id(node).hex(), "addresses": list(told)} for node, told in found.nodes.items()],
    }


def proof(secret: str, transcript: str) -> Fields:
    """What redeems an invite inside the handshake with this transcript."""
    return {"proof": invites.proof(bytes.fromhex(secret), bytes.fromhex(transcript)).hex()}
