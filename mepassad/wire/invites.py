"""Invite links, `mepassa:i/1/<base64url>` and `https://…#i/1/<base64url>`, and codes to be shown in person,
`mepassa:v/1/<base64url>`. docs/protocol/invites.md."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

import msgspec
from google.protobuf.message import DecodeError

from mepassad.api.node_id import key_from_node_id, node_id_from_key
from mepassad.errors import InviteMalformed, InviteVersion
from mepassad.wire import messages_pb2 as pb
from mepassad.wire.hints import Hint, from_hints, grouped, to_hints
from mepassad.wire.ids import b64, unb64

SCHEME = "mepassa:"
MAX_BYTES = 220  # before base64, checksum included
MAX_LINK = 2048  # characters of a pasted link that are looked at
_PROOF_LABEL = b"mepassa/1 invite proof"
_CODE_PROOF_LABEL = b"mepassa/1 code proof"
_VERIFICATION_LABEL = b"mepassa/1 verification proof"
_CHECK_LABEL = b"mepassa/1 invite checksum"
_CODE_CHECK_LABEL = b"mepassa/1 code checksum"
_CHECK = 4
_HOUR = 3600


class InviteLink(msgspec.Struct, frozen=True):
    """What an invite link says. `expires_at` is in Unix seconds, on the hour; `nodes` and `mailboxes` node id →
    addresses. One that is `in_person` is a code: who redeems it is verified."""

    account: bytes
    secret: bytes
    number: bytes
    expires_at: int
    nodes: Mapping[str, Sequence[str]]
    in_person: bool = False
    mailboxes: Mapping[str, Sequence[str]] = {}

    def __repr__(self) -> str:
        return f"InviteLink(expires_at={self.expires_at})"


def format_invite(link: InviteLink) -> str:
    """The link as text. Addresses are left out, last first, where it would grow above 220 bytes."""
    hints = to_hints(link.nodes, link.mailboxes)
    while True:
        raw = _pack(link, hints)
        if len(raw) <= MAX_BYTES or not hints:
            return f"{SCHEME}{'v' if link.in_person else 'i'}/1/{b64(raw)}"
        hints.pop()


def _pack(link: InviteLink, hints: Sequence[Hint]) -> bytes:
    body = pb.Invite(
        account=link.account,
        secret=link.secret,
        number=link.number,
        expires_at=-(-link.expires_at // _HOUR),
        hints=[
            pb.NodeHint(key=key_from_node_id(node), roles=roles, addresses=found)
            for node, roles, found in grouped(hints)
        ],
    ).SerializeToString(deterministic=True)
    return body + _checksum(body, link.in_person)


def parse_invite(text: str) -> InviteLink:
    """The invite in a pasted link, in either form, or in a code, spaces around it ignored. Raises `InviteMalformed`
    (also when characters were lost or altered), `InviteVersion`."""
    in_person, raw = _payload(text.strip())
    body, check = raw[:-_CHECK], raw[-_CHECK:]
    if len(raw) > MAX_BYTES or not hmac.compare_digest(check, _checksum(body, in_person)):
        raise InviteMalformed
    try:
        invite = pb.Invite.FromString(body)
        hints = [(node_id_from_key(hint.key), hint.roles, tuple(hint.addresses)) for hint in invite.hints]
    except (DecodeError, ValueError) as error:
        raise InviteMalformed from error
    if len(invite.account) != 32 or len(invite.secret) != 16 or len(invite.number) != 32:
        raise InviteMalformed
    nodes, mailboxes = from_hints(hints)
    expires_at = invite.expires_at * _HOUR
    return InviteLink(invite.account, invite.secret, invite.number, expires_at, nodes, in_person, mailboxes)


def _payload(text: str) -> tuple[bool, bytes]:
    """Whether it is a code, which has no https form since it is not sent to anybody, and the bytes in it."""
    if len(text) > MAX_LINK:
        raise InviteMalformed
    if text.startswith("https://"):
        _, _, path = text.partition("#")
    else:
        path = text.removeprefix(SCHEME) if text.startswith(SCHEME) else ""
    kind, _, rest = path.partition("/")
    version, _, data = rest.partition("/")
    in_person = kind == "v" and text.startswith(SCHEME)
    if not (kind == "i" or in_person) or not version.isascii() or not version.isdigit():
        raise InviteMalformed
    if version != "1":
        raise InviteVersion
    try:
        return in_person, unb64(data)
    except ValueError as error:
        raise InviteMalformed from error


def _checksum(body: bytes, in_person: bool) -> bytes:
    return hashlib.sha256((_CODE_CHECK_LABEL if in_person else _CHECK_LABEL) + body).digest()[:_CHECK]


def proof(secret: bytes, transcript: bytes, in_person: bool = False) -> bytes:
    """What shows knowledge of the secret of an invite, or of a code, inside one handshake, without sending it.

    One that was made for a code is none for a link, whose maker knows which it is: so relabelling helps nobody.
    """
    return hmac.digest(secret, (_CODE_PROOF_LABEL if in_person else _PROOF_LABEL) + transcript, "sha256")


def verification_proof(secret: bytes, sender: bytes, recipient: bytes) -> bytes:
    """What shows one account (its 32-byte key), inside a session, that another saw its code; and what answers that."""
    return hmac.digest(secret, _VERIFICATION_LABEL + sender + recipient, "sha256")
