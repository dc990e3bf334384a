"""Invites: links that make a contact on both sides, and codes that verify one; made and enforced by the inviter."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from mepassad import facts
from mepassad.api.context import Clock
from mepassad.api.node_id import key_from_node_id
from mepassad.api.store import Commit, Committed, Store
from mepassad.api.types import AccountId, Contact, Invite
from mepassad.api.writes import PutInvite, SetSetting
from mepassad.bus import Bus, Change
from mepassad.errors import AlreadyContact, InvalidParams, InviteExpired, InviteMalformed, InviteOwn
from mepassad.people.accounts import Accounts
from mepassad.people.contacts import Contacts, Key
from mepassad.people.numbers import Numbers
from mepassad.wire.blobs import invite_key
from mepassad.wire.hints import MAILBOX
from mepassad.wire.ids import account_id, direct_conversation
from mepassad.wire.invites import InviteLink, format_invite, parse_invite, proof, verification_proof
from mepassad.wire.messages_pb2 import NodeHint, Places
from mepassad.wire.packets import Reason

MAX_USES = 10_000
MAX_DAYS = 365
CODE_LIFE = 300
"""Seconds that a code shown in person is good for."""
CODE_SLACK = 2 * 3600
"""Seconds that a scanned code may claim beyond that: an hour of rounding, an hour between two clocks."""
MAX_LATE = 16
"""People who come too late for one invite that its maker is told of."""
_DAY = 86_400
_STANDING = "invite/standing"
_NOBODYS = Invite(account=AccountId(""), number=b"", secret=bytes(16), uses_left=0, expires_at=0, created_at=0)


def _settle(kept: asyncio.Future[Committed], change: Change) -> None:
    if kept.cancelled() or kept.exception() is not None:
        change.revert()  # whoever comes too late once more is told of then


def _late(number: bytes) -> str:
    """The setting that holds who came too late for an invite."""
    return f"late/{number.hex()}"


def _places(link: InviteLink) -> bytes:
    """Where the inviter is found while away, as far as a link tells."""
    if not link.mailboxes:
        return b""
    hints = [
        NodeHint(key=key_from_node_id(node), addresses=told, roles=MAILBOX) for node, told in link.mailboxes.items()
    ]
    return Places(mailboxes=hints, number_key=invite_key(link.secret, link.number)).SerializeToString()


def check_life(link: InviteLink, now: float) -> None:
    """Raise `InviteExpired` where a link or code is not good any more, `InviteMalformed` where a code would be good for
    longer than any is: its expiry is told in whole hours, rounded up, by another clock."""
    if link.expires_at <= now:
        raise InviteExpired
    if link.in_person and link.expires_at > now + CODE_LIFE + CODE_SLACK:
        raise InviteMalformed(
            "A code to be shown in person is good for five minutes; this one claims to be for longer."
        )


class Invites:
    """The invites that the accounts of this node made, and the ones they accept."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        accounts: Accounts,
        contacts: Contacts,
        numbers: Numbers,
        expires_days: int,
    ) -> None:
        """Begin empty; `load` fills it. `hints` and `mailboxes` give node id → addresses to put into a link; `opened`
        is called with each new invite."""
        self._expires_in = expires_days * _DAY
        self._store, self._bus, self._clock = store, bus, clock
        self._accounts, self._contacts, self.numbers = accounts, contacts, numbers
        self._open: dict[bytes, Invite] = {}
        self._late: dict[bytes, list[AccountId]] = {}
        self._scanned: dict[Key, InviteLink] = {}
        self.hints: Callable[[], Mapping[str, Sequence[str]]] = dict
        self.mailboxes: Callable[[], Mapping[str, Sequence[str]]] = dict
        self.opened: Callable[[Invite], None] = lambda invite: None
        self.accepted: Callable[[Contact], None] = lambda contact: None

    async def load(self) -> None:
        """Read all invites, after the contacts."""
        self._open = {row.number: row for row in await self._store.invites()}
        for row in self._open.values():
            if not row.uses_left and row.expires_at > self._clock.now():
                kept = await self._store.setting(row.account, _late(row.number)) or b""
                self._late[row.number] = [AccountId(late) for late in kept.decode().split()]
        for contact in self._contacts.everybody():
            if contact.invite:
                self.scan(contact.account, parse_invite(contact.invite))

    def all(self) -> Sequence[Invite]:
        """Every invite that was made here, whatever its state."""
        return list(self._open.values())

    def of_number(self, number: bytes) -> Invite | None:
        """The invite with this request mailbox number, whatever its state."""
        return self._open.get(number)

    async def create(
        self, account: AccountId, uses: int, expires_in: int | None = None, in_person: bool = False
    ) -> tuple[str, int]:
        """A new invite: its link, or its code if `in_person`, and when it expires (Unix seconds).

        `expires_in`: seconds, None = as configured; a code has one use and 300 seconds. Raises `InvalidParams` on uses
        or a life out of bounds, `StoreFull`.
        """
        expires_in = self._life(uses, expires_in, in_person)
        me, now = self._accounts.me(account), int(self._clock.now())
        number, keep_number = self.numbers.new(account)
        row = Invite(
            account=account,
            number=number,
            secret=os.urandom(16),
            uses_left=uses,
            expires_at=now + expires_in,
            created_at=now,
            in_person=in_person,
        )
        await self._store.commit(Commit((PutInvite(row), keep_number)))
        self._open[number] = row
        self.opened(row)
        link = InviteLink(me.key, row.secret, number, row.expires_at, self.hints(), in_person, self.mailboxes())
        return format_invite(link), row.expires_at

    def _life(self, uses: int, expires_in: int | None, in_person: bool) -> int:
        if in_person:
            if uses != 1 or expires_in not in (None, CODE_LIFE):
                raise InvalidParams(f"A code to be shown in person has one use and {CODE_LIFE} seconds.")
            return CODE_LIFE
        if not 1 <= uses <= MAX_USES:
            raise InvalidParams(f"uses must be from 1 to {MAX_USES}.")
        expires_in = self._expires_in if expires_in is None else expires_in
        if not 1 <= expires_in <= MAX_DAYS * _DAY:
            raise InvalidParams(f"expires_in must be from 1 second to {MAX_DAYS} days ({MAX_DAYS * _DAY}).")
        return expires_in

    async def standing(self, account: AccountId) -> str:
        """The link of one open invite for one person, the same until it was used or grew old, or this node moved.

        Raises `StoreFull`.
        """
        kept = await self._store.setting(account, _STANDING)
        if kept is not None:
            uri = kept.decode()
            link = parse_invite(uri)
            row, here = self._open.get(link.number), replace(link, nodes=self.hints(), mailboxes=self.mailboxes())
            if row and row.uses_left and row.expires_at > self._clock.now() + _DAY and format_invite(here) == uri:
                return uri
        uri, _ = await self.create(account, 1)
        await self._store.commit(Commit((SetSetting(account, _STANDING, uri.encode()),)))
        return uri

    async def accept(self, account: AccountId, uri: str) -> Contact:
        """Accept a link or a code: a pending contact, at once; the handshake follows. Accepting it again is harmless.

        Raises `InviteMalformed`, `InviteVersion`, `InviteExpired`, `InviteOwn`, `AlreadyContact`, `StoreFull`.
        """
        me, link, now = self._accounts.me(account), parse_invite(uri), self._clock.now()
        contact = account_id(link.account)
        if contact == account:
            raise InviteOwn
        known = self._contacts.find(account, contact)
        if known and known.state == "accepted":
            hint = "You already have this contact; give their code to `contacts.verify`." if link.in_person else None
            raise AlreadyContact(hint, contact=contact)
        if known and known.state == "pending" and known.invite == uri.strip():
            return known
        check_life(link, now)
        row = self._pending(me.key, account, contact, link, uri.strip(), known)
        number, keep_number = self.numbers.new(account)
        change = Change()
        change.add(keep_number)
        self._contacts.put(change, replace(row, number=row.number or number))
        self.scan(account, link)
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
        places = _places(link)
        if known:
            asked = replace(known, state="pending", invite=uri, nodes=nodes, their_number=link.number, reason="")
            return replace(asked, places=places)
        return Contact(
            account=account,
            id=contact,
            conversation=direct_conversation(own_key, link.account),
            state="pending",
            nodes=nodes,
            invite=uri,
            their_number=link.number,
            places=places,
            created_at=int(self._clock.now()),
        )

    # -- the side of who scanned a code

    def scan(self, account: AccountId, link: InviteLink) -> None:
        """Remember a code that an account scanned, until its maker has confirmed it; a link takes its place."""
        key = (account, account_id(link.account))
        self._scanned.pop(key, None)
        if link.in_person:
            self._scanned[key] = link

    def scanned(self, account: AccountId, contact: AccountId) -> InviteLink | None:
        """The contact's code that was scanned last, while its maker has not confirmed it."""
        return self._scanned.get((account, contact))

    def answered(self, account: AccountId, contact: AccountId) -> None:
        """The maker of the scanned code has confirmed it."""
        self._scanned.pop((account, contact), None)

    # -- the inviter's side

    def judge(
        self, account: AccountId, number: bytes, given: bytes, transcript: bytes, lay: bool = False
    ) -> Invite | Reason:
        """Whether a stranger who shows a proof may become a contact by an invite, and if not, why.

        `given` is their HMAC over this handshake's transcript. An unknown number and a wrong proof are the same
        answer, so that nothing can be learnt by trying. `lay`: it was shown in the invite's own box, which is closed at
        the first look after the expiry: so it came in time, or nearly. A code must come in time.
        """
        return self._judge(account, number, given, lambda row: proof(row.secret, transcript, row.in_person), lay)

    def judge_code(self, account: AccountId, number: bytes, given: bytes, ends: tuple[bytes, bytes]) -> Invite | Reason:
        """Whether a contact who shows a proof saw a code that is still good. `ends`: the keys of their account and of
        ours."""
        judged = self._judge(account, number, given, lambda row: verification_proof(row.secret, *ends))
        return judged if isinstance(judged, Reason) or judged.in_person else Reason.INVITE_UNKNOWN

    def _judge(
        self, account: AccountId, number: bytes, given: bytes, expected: Callable[[Invite], bytes], lay: bool = False
    ) -> Invite | Reason:
        invite = self._open.get(number, _NOBODYS)
        shown = hmac.compare_digest(expected(invite), given)
        if invite.account != account or not shown:
            return Reason.INVITE_UNKNOWN
        now = self._clock.now()
        # A clock that was set back behind the making of a code must not give it a longer life.
        early = invite.in_person and now < invite.created_at
        if early or (invite.expires_at <= now and (invite.in_person or not lay)):
            return Reason.INVITE_EXPIRED
        return invite if invite.uses_left > 0 else Reason.INVITE_USED

    def report(self, number: bytes, late: AccountId) -> None:
        """Tell an invite's maker who came too late for it: it leaked, or its user was not the one it was meant for.

        Once for each who comes, and of `MAX_LATE` for one invite.
        """
        invite, known = self._open[number], self._late.setdefault(number, [])
        if late in known or len(known) >= MAX_LATE:
            return
        known.append(late)
        change, now_ms = Change(), int(self._clock.now() * 1000)
        change.undoing(lambda: known.remove(late))
        change.add(SetSetting(invite.account, _late(number), " ".join(known).encode()))
        change.fact(invite.account, "invite.reused", late, facts.reused(invite.account, late, now_ms), now_ms)
        self._bus.keep(change).add_done_callback(lambda kept: _settle(kept, change))

    def use(self, change: Change, invite: Invite) -> None:
        """Count one use, in memory at once and in the store with the change, which takes it back if it fails."""
        used = replace(invite, uses_left=invite.uses_left - 1)
        self._open[invite.number] = used
        change.add(PutInvite(used))
        change.undoing(lambda: self._give_back(used.number))

    def _give_back(self, number: bytes) -> None:
        invite = self._open[number]
        self._open[number] = replace(invite, uses_left=invite.uses_left + 1)
