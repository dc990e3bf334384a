"""Our invites, links and codes, over JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from mepassad.api.node_id import key_from_node_id, node_id_from_key
from mepassad.api.types import AccountId, Invite
from mepassad.people.invites import Invites
from mepassad.testing.clock import ManualClock
from mepassad.testing.vectors.book import Fields
from mepassad.wire import invites
from mepassad.wire.packets import Reason

_INVITER, _NUMBER = AccountId("inviter"), bytes(32)


def write(
    account: str,
    secret: str,
    number: str,
    expires_at: int,
    nodes: list[Fields],
    in_person: bool = False,
    mailboxes: list[Fields] | None = None,
) -> Fields:
    """An invite as a link, or one that is shown in person as a code. `expires_at` in seconds; `nodes` and `mailboxes`
    are keys with addresses; `in_person` is absent in a link, `mailboxes` where there are none."""
    key, hidden, asked = (bytes.fromhex(part) for part in (account, secret, number))
    places = _places(nodes), _places(mailboxes or [])
    link = invites.InviteLink(key, hidden, asked, expires_at, places[0], in_person, places[1])
    return {"link": invites.format_invite(link)}


def _places(hints: list[Fields]) -> dict[str, list[str]]:
    return {node_id_from_key(bytes.fromhex(hint["key"])): hint["addresses"] for hint in hints}


def _hints(places: Mapping[str, Sequence[str]]) -> list[Fields]:
    return [{"key": key_from_node_id(node).hex(), "addresses": list(told)} for node, told in places.items()]


def read(link: str) -> Fields:
    """What a pasted link or a code says. `expires_at` in seconds."""
    found = invites.parse_invite(link)
    return {
        "account": found.account.hex(),
        "secret": found.secret.hex(),
        "number": found.number.hex(),
        "expires_at": found.expires_at,
        "nodes": _hints(found.nodes),
        "mailboxes": _hints(found.mailboxes),
        "in_person": found.in_person,
    }


def proof(secret: str, transcript: str, in_person: bool) -> Fields:
    """What redeems an invite, a link or a code, inside the handshake with this transcript."""
    return {"proof": invites.proof(bytes.fromhex(secret), bytes.fromhex(transcript), in_person).hex()}


def redeem(invite: Fields, transcript: str, shown: str, now: int) -> Fields:
    """How the inviter judges the proof that is shown, from the row of the number that is named: the reason of the
    refusal, 0 for none."""
    judged = _rows(invite, now).judge(_INVITER, _NUMBER, bytes.fromhex(shown), bytes.fromhex(transcript))
    return {"refusal": judged.value if isinstance(judged, Reason) else 0}


def verification_proof(secret: str, sender: str, recipient: str) -> Fields:
    """What shows, inside a session, that the sender saw the recipient's code; and, the accounts the other way round,
    what confirms it."""
    parts = (bytes.fromhex(part) for part in (secret, sender, recipient))
    return {"proof": invites.verification_proof(*parts).hex()}


def verify(invite: Fields, sender: str, recipient: str, shown: str, now: int) -> Fields:
    """How the maker of a code, the recipient, judges the proof that a contact shows, from the row of the number that is
    named: the proof in the confirmation, null where there is no answer."""
    ends = (bytes.fromhex(sender), bytes.fromhex(recipient))
    judged = _rows(invite, now).judge_code(_INVITER, _NUMBER, bytes.fromhex(shown), ends)
    if isinstance(judged, Reason):
        return {"confirmation": None}
    return {"confirmation": invites.verification_proof(judged.secret, *reversed(ends)).hex()}


def _rows(invite: Fields, now: int) -> Invites:
    """An inviter who made this invite and nothing else."""
    nothing = cast(Any, None)
    made = Invites(nothing, nothing, ManualClock(now), nothing, nothing, nothing, 7)
    row: Fields = invite | {"secret": bytes.fromhex(invite["secret"])}
    made._open[_NUMBER] = Invite(account=_INVITER, number=_NUMBER, **row)
    return made
