"""The people an account talks to: kept in the store, looked up in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from mepassad import facts
from mepassad.api.context import Clock
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, ConversationId
from mepassad.api.writes import DropContact, PutContact, Write
from mepassad.bus import Bus, Change
from mepassad.errors import NumbersDiffer, UnknownContact, UnknownConversation
from mepassad.wire.identity import Devices, verify_devices
from mepassad.wire.ids import account_key
from mepassad.wire.names import own_name
from mepassad.wire.safety import safety_number, same_number

Key = tuple[AccountId, AccountId]


class Contacts:
    """All contacts of all accounts.

    A change is made in memory and handed to the store in one step, so that the order of commits is the order of
    changes; when a commit fails, the change takes itself back.
    """

    def __init__(self, store: Store, bus: Bus, clock: Clock) -> None:
        """Begin empty; `load` fills it."""
        self._store, self._bus, self._clock = store, bus, clock
        self._rows: dict[Key, Contact] = {}
        self._devices: dict[Key, Devices] = {}
        self._by_device: dict[tuple[AccountId, bytes], set[AccountId]] = {}
        self.leaving: Callable[[Change, Contact], None] = lambda change, contact: None
        self.blocking: Callable[[Change, Contact], None] = lambda change, contact: None
        self.kept_about: Callable[[AccountId, ConversationId], Awaitable[Sequence[Write]]]
        self.removed: Callable[[Contact], None] = lambda contact: None
        self.changed: Callable[[Contact], None] = lambda contact: None
        self.unblocked: Callable[[Contact], None] = lambda contact: None
        self.online: Callable[[AccountId, AccountId], bool] = lambda account, contact: False

    async def load(self, accounts: Sequence[AccountId]) -> None:
        """Read the contacts of these accounts."""
        for account in accounts:
            for row in await self._store.contacts(account):
                self._take(row)

    def _take(self, row: Contact) -> None:
        key = (row.account, row.id)
        known = self._rows.get(key)
        self._rows[key] = row
        if row.device_list and (known is None or known.device_list != row.device_list):
            self._unlist(key)
            devices = verify_devices(row.device_list, account_key(row.id), None)
            self._devices[key] = devices
            for device in devices.names:
                self._by_device.setdefault((row.account, device), set()).add(row.id)

    def _forget(self, key: Key) -> None:
        del self._rows[key]
        self._unlist(key)

    def _unlist(self, key: Key) -> None:
        account, contact = key
        devices = self._devices.pop(key, None)
        for device in devices.names if devices else ():
            listed = self._by_device[account, device]
            listed.discard(contact)
            if not listed:
                del self._by_device[account, device]

    # -- looking up

    def all(self, account: AccountId) -> Sequence[Contact]:
        """An account's contacts, oldest first."""
        return [row for row in self._rows.values() if row.account == account]

    def everybody(self) -> Sequence[Contact]:
        """The contacts of all accounts."""
        return list(self._rows.values())

    def find(self, account: AccountId, contact: AccountId) -> Contact | None:
        """A contact, or None."""
        return self._rows.get((account, contact))

    def get(self, account: AccountId, contact: AccountId) -> Contact:
        """A contact. Raises `UnknownContact`."""
        row = self._rows.get((account, contact))
        if row is None:
            raise UnknownContact
        return row

    def listing(self, account: AccountId, device: bytes) -> Sequence[Contact]:
        """The contacts on whose device lists a device is. It may agree to several accounts, so that there may be
        several; which one it speaks for, only its own content can tell."""
        found = self._by_device.get((account, device), ())
        return [self._rows[account, contact] for contact in found]

    def of_number(self, number: bytes) -> Contact | None:
        """The contact to whom a mailbox number was given."""
        return next((row for row in self._rows.values() if row.number == number), None)

    def of_conversation(self, account: AccountId, conversation: ConversationId) -> AccountId:
        """The contact of a direct conversation. Raises `UnknownConversation`."""
        for row in self._rows.values():
            if row.account == account and row.conversation == conversation:
                return row.id
        raise UnknownConversation

    def at_node(self, node: str) -> Sequence[Contact]:
        """Contacts who told us that they live on a node."""
        return [row for row in self._rows.values() if node in row.nodes]

    def nodes(self) -> set[str]:
        """The nodes on which contacts live who are not blocked."""
        return {node for row in self._rows.values() if not row.blocked for node in row.nodes}

    def friends(self) -> set[str]:
        """The nodes on which accepted contacts live who are not blocked."""
        return {
            node for row in self._rows.values() if row.state == "accepted" and not row.blocked for node in row.nodes
        }

    def devices(self, contact: Contact) -> Devices | None:
        """A contact's verified device list; None before the first handshake."""
        return self._devices.get((contact.account, contact.id))

    # -- changing

    def put(self, change: Change, row: Contact, topic: str = "contact.changed") -> None:
        """Add a contact's new row and its fact to a change, and show it in memory at once.

        The caller hands the change to the bus in the same step, and calls its `revert` if that fails.
        """
        self.put_quietly(change, row)
        change.fact(row.account, topic, row.id, facts.contact(row), int(self._clock.now() * 1000))

    def put_quietly(self, change: Change, row: Contact) -> None:
        """As `put`, for what no client is told: addresses and numbers."""
        before = self._rows.get((row.account, row.id))
        self._take(row)
        change.add(PutContact(row))
        change.undoing(lambda: self._put_back(row, before))

    def _put_back(self, row: Contact, before: Contact | None) -> None:
        """Show the row of before again, unless another change came since."""
        key = (row.account, row.id)
        if self._rows.get(key) is not row:
            return
        self._forget(key)
        if before is not None:
            self._take(before)

    async def _keep(self, change: Change) -> None:
        kept = self._bus.keep(change)
        try:
            await kept
        except Exception:
            change.revert()
            raise

    async def _update(self, row: Contact, change: Change | None = None) -> Contact:
        change = change or Change()
        self.put(change, row)
        await self._keep(change)
        self.changed(row)
        return row

    async def rename(self, account: AccountId, contact: AccountId, petname: str) -> Contact:
        """Give a contact a name of one's own; an empty one returns to theirs.

        Raises `UnknownContact`, `InvalidName`, `StoreFull`.
        """
        return await self._update(replace(self.get(account, contact), petname=own_name(petname) if petname else ""))

    async def block(self, account: AccountId, contact: AccountId, blocked: bool) -> Contact:
        """Block or unblock: a blocked contact's packets are dropped unread. Raises `UnknownContact`, `StoreFull`."""
        row, change = self.get(account, contact), Change()
        if blocked and not row.blocked:
            self.blocking(change, row)
        after = await self._update(replace(row, blocked=blocked), change)
        if row.blocked and not blocked:
            self.unblocked(after)
        return after

    async def verify(self, account: AccountId, contact: AccountId, typed: str) -> Contact:
        """Mark a contact as verified by the safety number that they read out.

        Raises `UnknownContact`, `InvalidParams` (not 60 digits), `NumbersDiffer` (nothing is changed), `StoreFull`.
        """
        row = self.get(account, contact)
        if not same_number(safety_number(account, contact), typed):
            raise NumbersDiffer(contact=contact)
        return row if row.verified else await self._update(replace(row, verified=True))

    async def unverify(self, account: AccountId, contact: AccountId) -> Contact:
        """Take the mark away. Raises `UnknownContact`, `StoreFull`."""
        return await self._update(replace(self.get(account, contact), verified=False))

    async def remove(self, account: AccountId, contact: AccountId) -> None:
        """Forget a contact with all messages and sessions. Raises `UnknownContact`, `StoreFull`."""
        erased = await self.kept_about(account, self.get(account, contact).conversation)
        row, change = self.get(account, contact), Change()
        change.add(DropContact(account, contact), *erased)
        gone: dict[str, object] = {"account": account, "contact": contact, "state": "removed"}
        change.fact(account, "contact.changed", contact, gone, int(self._clock.now() * 1000))
        self.leaving(change, row)
        self._forget((account, contact))
        change.undoing(lambda: self._take(row))
        await self._keep(change)
        self.removed(row)
