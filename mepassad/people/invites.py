"""Invites: links that make a contact on both sides, made and enforced by the inviter."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from mepassad.api.context import Clock
from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId, Contact, Invite
from mepassad.api.writes import PutInvite, SetSetting, Write
from mepassad.bus import Bus, Change
from mepassad.errors import AlreadyContact, InvalidParams, InviteExpired, InviteOwn
from mepassad.people.accounts import Accounts
from mepassad.people.contacts import Contacts
from mepassad.wire.ids import account_id, direct_conversation
from mepassad.wire.invites import InviteLink, format_invite, parse_invite, proof
from mepassad.wire.packets import Reason

MAX_USES = 10_000
MAX_DAYS = 365
_DAY = 86_400
_STANDING = "invite/standing"


def new_number(account: AccountId) -> tuple[bytes, Write]:
    """A fresh mailbox number (an Ed25519 public key) and the write that keeps its private half."""
    key = Ed25519PrivateKey.generate()
    number = key.public_key().public_bytes_raw()
    return number, SetSetting(account, f"number/{number.hex()}", key.private_bytes_raw())


class Invites:
    """The invites that the accounts of this node made, and the ones they accept."""

    def __init__(
        self, store: Store, bus: Bus, clock: Clock, accounts: Accounts, contacts: Contacts, expires_days: int
    ) -> None:
        """Begin empty; `load` fills it. `hints` gives node id → addresses to put into a link."""
        self._expires_in = expires_days * _DAY
        self._store, self._bus, self._clock = store, bus, clock
        self._accounts, self._contacts = accounts, contacts
        self._open: dict[bytes, Invite] = {}
        self.hints: Callable[[], Mapping[str, Sequence[str]]] = dict
        self.accepted: Callable[[Contact], None] = lambda contact: None

    async def load(self) -> None:
        """Read all invites."""
        self._open = {row.number: row for row in await self._store.invites()}

    def of_number(self, number: bytes) -> Invite | None:
        """The invite with this request mailbox number, whatever its state."""
        return self._open.get(number)

    async def create(self, account: AccountId, uses: int, expires_in: int | None = None) -> tuple[str, int]:
        """A new invite: its link, and when it expires (Unix seconds). `expires_in`: seconds, None = as configured.

        Raises `InvalidParams` on uses or a life out of bounds, `StoreFull`.
        """
        if not 1 <= uses <= MAX_USES:
            raise InvalidParams(f"uses must be from 1 to {MAX_USES}.")
        expires_in = self._expires_in if expires_in is None else expires_in
        if not 1 <= expires_in <= MAX_DAYS * _DAY:
            raise InvalidParams(f"expires_in must be from 1 second to {MAX_DAYS} days ({MAX_DAYS * _DAY}).")
        me, now = self._accounts.me(account), int(self._clock.now())
        number, keep_number = new_number(account)
        row = Invite(
            account=account,
            number=number,
            secret=os.urandom(16),
            uses_left=uses,
            expires_at=now + expires_in,
            created_at=now,
        )
        await self._store.commit(Commit((PutInvite(row), keep_number)))
        self._open[number] = row
        link = InviteLink(me.key, row.secret, number, row.expires_at, self.hints())
        return format_invite(link), row.expires_at

    async def standing(self, account: AccountId) -> str:
        """The link of one open invite for one person, the same until it was used or grew old, or this node moved.

        Raises `StoreFull`.
        """
        kept = await self._store.setting(account, _STANDING)
        if kept is not None:
            link = parse_invite(kept.decode())
            row, nodes = self._open.get(link.number), {node: tuple(told) for node, told in self.hints().items()}
            if row and row.uses_left and row.expires_at > self._clock.now() + _DAY and nodes == dict(link.nodes):
                return kept.decode()
        uri, _ = await self.create(account, 1)
        await self._store.commit(Commit((SetSetting(account, _STANDING, uri.encode()),)))
        return uri

    async def accept(self, account: AccountId, uri: str) -> Contact:
        """Accept a link: a pending contact, at once; the handshake follows. Accepting it again is harmless.

        Raises `InviteMalformed`, `InviteVersion`, `InviteExpired`, `InviteOwn`, `AlreadyContact`, `StoreFull`.
        """
        me, link, now = self._accounts.me(account), parse_invite(uri), self._clock.now()
        contact = account_id(link.account)
        if contact == account:
            raise InviteOwn
        known = self._contacts.find(account, contact)
        if known and known.state == "accepted":
            raise AlreadyContact(contact=contact)
        if known and known.state == "pending" and known.invite == uri.strip():
            return known
        if link.expires_at <= now:
            raise InviteExpired
        row = self._pending(me.key, account, contact, link, uri.strip(), known)
        number, keep_number = new_number(account)
        change = Change()
        change.add(keep_number)
        self._contacts.put(change, replace(row, number=row.number or number))
        try:
            await self._bus.keep(change)
        except Exception:
            change.revert()
            raise
        kept = self._contacts.get(account, contact)
        self.accepted(kept)
        return kept

    def _pending(
        self, own_key: bytes, account: AccountId, contact: AccountId, link: InviteLink, uri: str, known: Contact | None
    ) -> Contact:
        # An account of this node is reached here, whatever addresses the link could name.
        here = any(row.id == contact for row in self._accounts.all())
        nodes = {node: list(addresses) for node, addresses in (self.hints() if here else link.nodes).items()}
        if known:
            return replace(known, state="pending", invite=uri, nodes=nodes, their_number=link.number, reason="")
        return Contact(
            account=account,
            id=contact,
            conversation=direct_conversation(own_key, link.account),
            state="pending",
            nodes=nodes,
            invite=uri,
            their_number=link.number,
            created_at=int(self._clock.now()),
        )

    # -- the inviter's side of the handshake

    def judge(self, account: AccountId, number: bytes, given: bytes, transcript: bytes) -> Invite | Reason:
        """Whether a stranger who shows a proof may become a contact by an invite, and if not, why.

        `given` is their HMAC over this handshake's transcript. An unknown number and a wrong proof are the same
        answer, so that nothing can be learnt by trying.
        """
        invite = self._open.get(number)
        secret = invite.secret if invite else bytes(16)
        shown = hmac.compare_digest(proof(secret, transcript), given)
        if invite is None or invite.account != account or not shown:
            return Reason.INVITE_UNKNOWN
        if invite.expires_at <= self._clock.now():
            return Reason.INVITE_EXPIRED
        return invite if invite.uses_left > 0 else Reason.INVITE_USED

    def use(self, change: Change, invite: Invite) -> None:
        """Count one use, in memory at once and in the store with the change, which takes it back if it fails."""
        used = replace(invite, uses_left=invite.uses_left - 1)
        self._open[invite.number] = used
        change.add(PutInvite(used))
        change.undoing(lambda: self._give_back(used.number))

    def _give_back(self, number: bytes) -> None:
        invite = self._open[number]
        self._open[number] = replace(invite, uses_left=invite.uses_left + 1)
