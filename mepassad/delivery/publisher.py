"""Publishing where our accounts are: at the start, on every change, and twice a day. docs/protocol/directory.md."""

from __future__ import annotations

import functools
import math
import os
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import anyio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock, Log
from mepassad.api.directory import Record
from mepassad.api.node_id import key_from_node_id
from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId, Contact
from mepassad.api.writes import SetSetting
from mepassad.delivery.directory import Directories
from mepassad.delivery.waiting import wait
from mepassad.errors import MepassaError, MessageTooLarge
from mepassad.people.accounts import Accounts, Me
from mepassad.people.address_numbers import AddressNumbers
from mepassad.people.contacts import Contacts
from mepassad.people.reunions import Reunions
from mepassad.wire.hints import MAILBOX
from mepassad.wire.identity import FUTURE
from mepassad.wire.messages_pb2 import NodeHint, Places, SignedDeviceList, Whereabouts
from mepassad.wire.records import Kind, record_key, write_record

REFRESH = 12 * 3600.0
"""Seconds between two records of an account that did not move. Directories keep them for a week, and each costs a third
of a megabyte of handshakes among 50 nodes."""

LOOK = 5.0
"""Seconds between two looks whether this node moved."""

SETTLE = 3.0
"""Seconds that what changes together is waited for, as a place at a relay; what users wait for goes first."""

AGAIN = (30.0, 3600.0)
"""Seconds until the next try of those accounts whose records a directory did not take: at first, and at most."""

PACE = 1.0
"""Seconds from one record to the next: a directory takes 64 a minute from one node, however many accounts that has."""

Hints = Mapping[str, Sequence[str]]


class Publisher:
    """Keeps the records of all our accounts in the directories."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        log: Log,
        accounts: Accounts,
        contacts: Contacts,
        numbers: AddressNumbers,
        reunions: Reunions,
        directories: Directories,
    ) -> None:
        """`hints`: where this node is found; `mailboxes`: where our boxes are; `tell` has a contact told of us anew."""
        self._store, self._clock, self._log = store, clock, log
        self._accounts, self._contacts, self._numbers, self._reunions = accounts, contacts, numbers, reunions
        self._directories = directories
        self._replaced: set[AccountId] = set()
        self._changed = anyio.Event()
        self._next: deque[AccountId] = deque()  # whose turn it is in this round
        self._missed: set[AccountId] = set()  # whose record some directory did not take
        self._due = self._again = 0.0  # when all are published anew, and when those that were missed
        self._backoff, self._last = Backoff(*AGAIN, 0.25), -PACE
        self._published: tuple[object, ...] = ()
        self.hints: Callable[[], Hints] = dict
        self.mailboxes: Callable[[], Hints] = dict
        self.tell: Callable[[Contact], Awaitable[None]]
        numbers.replaced = self._number_replaced

    def findable(self, me: Me, places: Places) -> None:
        """Add to what a contact is told of us under what we are found in directories."""
        number = self._numbers.of(me.row.id)
        places.addresses_number, places.addresses_key = number.number(), number.key

    def hurry(self) -> None:
        """Something changed: an address, or a directory came up. Publish now."""
        self._due = 0.0
        self._changed.set()

    def _number_replaced(self, account: AccountId) -> None:
        self._replaced.add(account)
        self._next.appendleft(account)
        self.hurry()

    async def run(self) -> None:
        """Publish whenever it is time, until cancelled."""
        while True:
            await self._tell_all()
            now = self._clock.monotonic()
            if now >= self._due or self._here() != self._published:
                await wait(self._clock, SETTLE, anyio.Event())  # as below, so that a node holds the same at any time
                await self._publish_all()
            elif self._missed and now >= self._again:
                await self._publish_some(self._missed)
            self._changed = anyio.Event()
            if not self._replaced:
                await wait(self._clock, LOOK, self._changed)

    async def _tell_all(self) -> None:
        """Tell the contacts that an account still has under what number it is found from now on."""
        while self._replaced:
            account = self._replaced.pop()
            for contact in self._contacts.all(account):
                if contact.state == "accepted" and not contact.blocked:
                    await self.tell(contact)

    def _here(self) -> tuple[object, ...]:
        return tuple(hint.SerializeToString() for hint in (*_hints(self.hints()), *_hints(self.mailboxes(), MAILBOX)))

    async def _publish_all(self) -> None:
        self._published, self._due = self._here(), math.inf  # what changes meanwhile is due after it
        await self._publish_some([row.id for row in self._accounts.all()])
        self._due = min(self._clock.monotonic() + REFRESH, self._due)

    async def _publish_some(self, accounts: Collection[AccountId]) -> None:
        """Publish these accounts; whoever gets another number meanwhile comes first."""
        self._missed, self._next = set(), deque(accounts if self._directories.all() else ())
        while self._next:
            account = self._next.popleft()
            try:
                taken = await self._publish(self._accounts.me(account))
            except MepassaError as error:
                self._log.warning("an account's addresses could not be published", reason=error.sentence)
                taken = False
            (self._missed.discard if taken else self._missed.add)(account)
            await self._tell_all()
        if self._missed:
            self._again = self._clock.monotonic() + self._backoff.wait()
        else:
            self._backoff.reset()

    async def _publish(self, me: Me) -> bool:
        """Publish what is to be found of an account; whether every directory took it. Raises `StoreFull`."""
        found = Whereabouts(nodes=_hints(self.hints()), mailboxes=_hints(self.mailboxes(), MAILBOX))
        number = self._numbers.of(me.row.id)
        taken = True
        if any(contact.state == "accepted" for contact in self._contacts.all(me.row.id)):
            taken = await self._put(me, Kind.ADDRESSES, number.owner(), number.key, found)
        if me.directory and self._reunions.is_open(me):
            if self._shut_out(me):
                del found.nodes[:]
            found.devices.CopyFrom(SignedDeviceList.FromString(me.row.device_list))
            owner = Ed25519PrivateKey.from_private_bytes(me.directory.private)
            taken = await self._put(me, Kind.CARD, owner, me.directory.prekeys_key(), found) and taken
        return taken

    def _shut_out(self, me: Me) -> bool:
        """Whether somebody who knows the directory number, which cannot be replaced, may not follow any more."""
        contacts = self._contacts.all(me.row.id)
        return any(contact.blocked for contact in contacts) or self._reunions.anybody_left(me.row.id)

    async def _put(self, me: Me, kind: Kind, owner: Ed25519PrivateKey, key: bytes, found: Whereabouts) -> bool:
        if (pause := self._last + PACE - self._clock.monotonic()) > 0:
            await wait(self._clock, pause, anyio.Event())
        self._last = self._clock.monotonic()
        setting = f"directory/version/{kind.value}"
        before = int(await self._store.setting(me.row.id, setting) or b"0")
        now = int(self._clock.now())
        # A version from beyond what anybody takes was never kept: the clock went wrong once.
        version = max(before + 1, now) if before < now + FUTURE else now
        await self._store.commit(Commit((SetSetting(me.row.id, setting, b"%d" % version),)))
        value = fitting(found, functools.partial(write_record, kind, owner, key, version=version, nonce=os.urandom(12)))
        name = record_key(kind, owner.public_key().public_bytes_raw())
        return await self._directories.publish(name, Record(value, version))


def _hints(nodes: Hints, roles: int = 0) -> list[NodeHint]:
    return [NodeHint(key=key_from_node_id(node), addresses=told, roles=roles) for node, told in nodes.items()]


def fitting(found: Whereabouts, write: Callable[..., bytes]) -> bytes:
    """The record of what is found, without what is too much for it: the device list, then addresses, the last first."""
    while True:
        try:
            return write(found=found)
        except MessageTooLarge:
            if found.HasField("devices"):
                found.ClearField("devices")
                continue
            hint = max((*found.nodes, *found.mailboxes), key=lambda one: one.ByteSize())
            hint.addresses.pop()
