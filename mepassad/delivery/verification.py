"""Codes shown in person: a contact who scanned one proves it in the session, and both mark each other as verified."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from mepassad.api.context import Clock
from mepassad.api.types import AccountId, Contact, Invite, Outgoing
from mepassad.api.writes import AddOutgoing
from mepassad.bus import Change
from mepassad.delivery.contents import Contents
from mepassad.delivery.outbox import Outbox
from mepassad.errors import CodeOfAnother, ContactBlocked, InviteOwn, NotACode, UnknownContact
from mepassad.people.accounts import Accounts
from mepassad.people.contacts import Contacts
from mepassad.people.invites import Invites, check_life
from mepassad.wire.content import VERIFICATION
from mepassad.wire.ids import account_id, account_key
from mepassad.wire.invites import parse_invite, verification_proof
from mepassad.wire.messages_pb2 import Content, Introduction, Verification
from mepassad.wire.packets import Reason


class Verifications:
    """Both sides of a code: who scanned it says so, who showed it judges that and answers."""

    def __init__(
        self, clock: Clock, accounts: Accounts, contacts: Contacts, invites: Invites, contents: Contents, outbox: Outbox
    ) -> None:
        """`deliver` is called with answers that are durable."""
        self._clock, self._accounts, self._contacts, self._invites = clock, accounts, contacts, invites
        self._contents, self._outbox = contents, outbox
        self.deliver: Callable[[Contact, Sequence[Outgoing]], None] = lambda contact, rows: None

    # -- scanned here

    async def scan(self, account: AccountId, uri: str, named: AccountId | None) -> Contact:
        """Show the maker of a code, who is a contact, that it was scanned; their answer verifies both.

        `named`: whose it should be. Raises `InviteMalformed`, `InviteVersion`, `InviteExpired`, `InviteOwn`,
        `NotACode`, `CodeOfAnother`, `UnknownContact`, `ContactBlocked`, `StoreFull`.
        """
        link = parse_invite(uri)
        if not link.in_person:
            raise NotACode
        contact = self._maker(account, account_id(link.account), named)
        check_life(link, self._clock.now())
        if contact.state != "accepted":
            return await self._invites.accept(account, uri)
        self._invites.scan(account, link)
        content = self._content(contact, link.number, link.secret)
        await self._outbox.say(account, contact.id, content)
        return self._contacts.get(account, contact.id)

    def _maker(self, account: AccountId, maker: AccountId, named: AccountId | None) -> Contact:
        if named is not None and self._contacts.get(account, named).id != maker:
            raise CodeOfAnother(contact=maker)
        if maker == account:
            raise InviteOwn
        contact = self._contacts.find(account, maker)
        if contact is None:
            raise UnknownContact(
                "This is the code of nobody among your contacts; if you thought that you have whoever showed it, "
                "somebody else writes to you under that name. `invites.accept` makes a contact of them."
            )
        if contact.blocked:
            raise ContactBlocked
        return contact

    def _content(self, contact: Contact, number: bytes, secret: bytes) -> Content:
        content = self._outbox.empty(contact, VERIFICATION)
        ends = (account_key(contact.account), account_key(contact.id))
        content.verification.CopyFrom(Verification(invite=number, proof=verification_proof(secret, *ends)))
        return content

    # -- shown here

    def heard(self, change: Change, contact: Contact, said: Verification) -> Contact:
        """A contact says that they saw a code of ours, or confirms that we saw theirs. What proves neither, or comes
        too late, changes nothing."""
        ends = (account_key(contact.id), account_key(contact.account))
        code = self._invites.scanned(contact.account, contact.id)
        answer = verification_proof(code.secret, *ends) if code else b""
        if code and said.invite == code.number and hmac.compare_digest(said.proof, answer):
            change.then(lambda: self._invites.answered(contact.account, contact.id))
            return self._verified(change, contact)
        judged = self._invites.judge_code(contact.account, said.invite, said.proof, ends)
        return contact if isinstance(judged, Reason) else self._confirmed(change, contact, judged)

    def redeemed(self, change: Change, contact: Contact, introduction: Introduction, transcript: bytes) -> Contact:
        """A contact who had removed this side redeems an invite: where it is a code, it verifies as a stranger's."""
        judged = self._invites.judge(contact.account, introduction.invite, introduction.proof, transcript)
        if isinstance(judged, Reason) or not judged.in_person:
            return contact
        return self._confirmed(change, contact, judged)

    def _confirmed(self, change: Change, contact: Contact, code: Invite) -> Contact:
        self._invites.use(change, code)
        contact = self._verified(change, contact)
        self.answer(change, contact, code.number)
        return contact

    def _verified(self, change: Change, contact: Contact) -> Contact:
        # As it is now: the contact may have been blocked while others were waited for.
        contact = self._contacts.find(contact.account, contact.id) or contact
        if contact.verified:
            return contact
        row = replace(contact, verified=True)
        self._contacts.put(change, row)
        return row

    def answer(self, change: Change, contact: Contact, number: bytes) -> None:
        """Confirm to a contact that they redeemed a code of ours; of a link there is nothing to confirm."""
        code = self._invites.of_number(number)
        if code is None or not code.in_person:
            return
        me, content = self._accounts.me(contact.account), self._content(contact, number, code.secret)
        rows = self._contents.prepare(change, me, contact, content, self._contents.spoken(contact))
        change.add(*(AddOutgoing(row) for row in rows))
        change.then(lambda: self.deliver(contact, rows))
