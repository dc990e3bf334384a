"""The boxes that this node keeps open at its mailboxes: one for each contact, each invite and each account."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.context import Clock
from mepassad.api.types import AccountId, Contact, Invite
from mepassad.delivery.prekeys import Prekeys
from mepassad.delivery.seals import SealKeys
from mepassad.people.accounts import Accounts
from mepassad.people.contacts import Contacts
from mepassad.people.invites import Invites
from mepassad.wire.blobs import invite_key, seal_reply

ONE_TIME = (1, 5)  # one-time blobs that wait in a contact's box, and at most in that of an invite
LINGERS = 14 * 86_400  # seconds that the box of an expired invite stays, if it is not emptied before


class Box(msgspec.Struct, frozen=True):
    """A number that is watched for an account. `key` opens its prekeys; `one_time`: how many one-time blobs are to lie
    there, None: no prekeys at all. `until`: when its invite expires, Unix seconds; 0: it is of none."""

    account: AccountId
    number: bytes
    private: Ed25519PrivateKey
    key: bytes
    one_time: int | None
    until: int = 0

    def __repr__(self) -> str:
        return f"Box({self.account})"


class Boxes:
    """Which boxes there are to be, as contacts and invites are now."""

    def __init__(
        self,
        clock: Clock,
        accounts: Accounts,
        contacts: Contacts,
        invites: Invites,
        prekeys: Prekeys,
        seals: SealKeys,
    ) -> None:
        """All of these are looked at anew each time."""
        self._seals = seals
        self._clock, self._accounts, self._contacts = clock, accounts, contacts
        self._invites, self._prekeys = invites, prekeys
        self._made = 0

    def wanted(self) -> Mapping[bytes, Box]:
        """All boxes by number: invites first, whose guests may wait, then contacts, then accounts."""
        found: dict[bytes, Box] = {}
        for invite in self._invites.all():
            self._add(found, self._of_invite(invite))
        for contact in self._contacts.everybody():
            self._add(found, self._of_contact(contact))
        for row in self._accounts.all():
            me = self._accounts.me(row.id)
            if me.directory is not None:
                private = Ed25519PrivateKey.from_private_bytes(me.directory.private)
                self._add(found, Box(row.id, me.directory.number(), private, me.directory.prekeys_key(), 0))
        return {number: box for number, box in found.items() if self._prekeys.holds(box.account)}

    def _add(self, found: dict[bytes, Box], box: Box | None) -> None:
        if box is not None:
            found[box.number] = box

    def _of_invite(self, invite: Invite) -> Box | None:
        left = invite.expires_at - self._clock.now()
        private = self._invites.numbers.private(invite.number)
        if private is None or left <= -LINGERS:
            return None
        one_time = min(invite.uses_left, ONE_TIME[1]) if left > 0 else None
        key = invite_key(invite.secret, invite.number)
        return Box(invite.account, invite.number, private, key, one_time, invite.expires_at)

    def _of_contact(self, contact: Contact) -> Box | None:
        private = self._invites.numbers.private(contact.number)
        if private is None or contact.state == "refused":
            return None  # that of a blocked contact stays: one that closes, or gets no new prekeys, would tell them
        return Box(contact.account, contact.number, private, self._invites.numbers.key(contact.number), ONE_TIME[0])

    def newest(self, box: Box) -> int:
        """When the seal key was made that a blob made now would hold, Unix seconds."""
        return self._seals.newest(box.account)

    async def blob(self, box: Box, one_time: bool) -> bytes:
        """Prekeys for whoever asks at a box. One-time ones are in no other blob or reply. Raises `StoreFull`."""
        if one_time:
            self._made += 1
            if self._made % ONE_TIME[1] == 0:  # so that those who ask us directly find some left
                await self._prekeys.replenish(box.account)
        reply = await self._prekeys.reply(self._accounts.me(box.account), one_time)
        return seal_reply(reply, box.number, box.key)
