"""Prekeys: kept topped up, and handed to those who know a number of ours (`/mepassa/prekeys/1`)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from mepassad.api.context import Clock
from mepassad.api.crypto import Crypto
from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId, Invite, PrivateKey
from mepassad.api.writes import DropKeys, PutKeys, Write
from mepassad.bus import Change
from mepassad.delivery.seals import SEAL_KEY, SealKeys
from mepassad.people.accounts import Accounts, Me
from mepassad.people.contacts import Contacts
from mepassad.wire.messages_pb2 import DeviceBundle, PrekeyReply, PrekeyRequest, SignedDeviceList
from mepassad.wire.packets import Reason

KEPT_UNDRAINED = 90 * 86_400
"""Seconds since it was made after which a key is dropped although no mailbox was drained: its bundle is good for 30
days, something may wait for 14, and as long once more."""


class Prekeys:
    """The private prekeys of all devices on this node, in memory and in the store."""

    def __init__(
        self, store: Store, crypto: Crypto, clock: Clock, accounts: Accounts, contacts: Contacts, seals: SealKeys
    ) -> None:
        """Begin empty; `load` fills it. `drained` says whether nothing can be on its way to an old key."""
        self._store, self._crypto, self._clock = store, crypto, clock
        self._accounts, self._contacts, self._seals = accounts, contacts, seals
        self._keys: dict[AccountId, dict[int, PrivateKey]] = {}
        self.drained: Callable[[], bool] = lambda: True
        self.invite_of: Callable[[bytes], Invite | None] = lambda number: None
        self.restored_of: Callable[[bytes], Me | None] = lambda number: None

    async def load(self, account: AccountId) -> None:
        """Read an account's prekeys, and top them up."""
        self._keys[account] = {row.id: row for row in await self._store.keys(account) if row.kind != SEAL_KEY}
        await self.replenish(account)

    async def replenish(self, account: AccountId) -> None:
        """Make new prekeys where they ran low or grew old, and delete those that are past use."""
        me, held = self._accounts.me(account), self._keys[account]
        fresh = self._crypto.replenish(account, me.device, tuple(held.values()), int(self._clock.now()))
        writes: list[Write] = []
        if fresh.added or fresh.changed:
            writes.append(PutKeys(fresh.added + fresh.changed))
        # What waits in a mailbox may need a key that is past its time, but not one that is much older.
        old = int(self._clock.now()) - KEPT_UNDRAINED
        dropped = tuple(key for key in fresh.dropped if self.drained() or held[key].created_at < old)
        if dropped:
            writes.append(DropKeys(account, dropped))
        if writes:
            await self._store.commit(Commit(tuple(writes)))
        held.update({row.id: row for row in fresh.added})
        # A handshake may have written a row anew meanwhile: what is new to it is only that it is retired.
        held.update({row.id: replace(held[row.id], retired_at=row.retired_at) for row in fresh.changed})
        for key in dropped:
            held.pop(key, None)

    def holds(self, account: AccountId) -> bool:
        """Whether an account's prekeys were read."""
        return account in self._keys

    def lookup(self, account: AccountId) -> Callable[[int], PrivateKey | None]:
        """How the crypto engine finds a private key of an account's device."""
        return self._keys[account].get

    def take(self, change: Change, account: AccountId, used: tuple[int, ...], changed: tuple[PrivateKey, ...]) -> None:
        """Show in memory what a handshake did to keys, in the step that hands it to the store."""
        held = self._keys[account]
        before = {key: held[key] for key in (*used, *(row.id for row in changed)) if key in held}
        for key in used:
            held.pop(key, None)
        held.update({row.id: row for row in changed})
        change.undoing(lambda: held.update(before))

    async def answer(self, request: PrekeyRequest) -> PrekeyReply:
        """The reply to somebody who asks for bundles under a number: an open invite's, a contact's own, or that of an
        account that was restored."""
        me = self._owner(request.number)
        if isinstance(me, Reason):
            return PrekeyReply(refusal=me)
        return await self.reply(me, one_time=not request.last_resort and not self._is_used(request.number))

    async def reply(self, me: Me, one_time: bool) -> PrekeyReply:
        """The reply with the bundle of an account's device; with `one_time` keys while there are any, which are marked
        as given away when this returns. Raises `StoreFull`."""
        held, now = self._keys[me.row.id], int(self._clock.now())
        bundle = self._crypto.bundle(me.device, tuple(held.values()), now, one_time=one_time)
        if bundle.given:
            # Handed out at most once: marked in memory before the commit, so that no second asker gets them meanwhile.
            # The pool is refilled by the clock, not here: who drains it only makes others get the last resort.
            given = tuple(replace(held[key], given_at=now) for key in bundle.given)
            held.update({row.id: row for row in given})
            await self._store.commit(Commit((PutKeys(given),)))
        return PrekeyReply(
            devices=SignedDeviceList.FromString(me.row.device_list),
            bundles=[
                DeviceBundle(device=me.device.public, bundle=bundle.public, seal_key=self._seals.public(me.row.id))
            ],
        )

    def _is_used(self, number: bytes) -> bool:
        """Whether it is of an invite that is used up: who asks then must show who they are to be told so, and the
        inviter learns of it, but one-time keys are too good for them."""
        invite = self.invite_of(number)
        return invite is not None and invite.uses_left <= 0

    def _owner(self, number: bytes) -> Me | Reason:
        invite = self.invite_of(number)
        if invite is not None:
            if invite.expires_at <= self._clock.now():
                return Reason.INVITE_EXPIRED
            return self._accounts.me(invite.account)
        if (restored := self.restored_of(number)) is not None:
            return restored
        contact = self._contacts.of_number(number)
        if contact is None or contact.blocked:
            return Reason.INVITE_UNKNOWN  # alike, so that a blocked contact learns nothing
        return self._accounts.me(contact.account)
