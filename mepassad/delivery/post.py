"""One contact's way into one of their mailboxes: what nobody acked in time is sealed and put there, in order."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import anyio
import msgspec

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock, Log
from mepassad.api.store import Due, Store
from mepassad.api.types import AccountId, Contact, NodeId, Outgoing
from mepassad.delivery.each import each
from mepassad.delivery.mailbox_nodes import MailboxNodes
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.delivery.places import mailboxes_of, seal_key_of
from mepassad.delivery.waiting import wait
from mepassad.errors import MailboxClosed, MailboxFull, MailboxTooLarge, MepassaError
from mepassad.people.contacts import Contacts
from mepassad.wire.mailbox import refused
from mepassad.wire.seal import seal

PAGE = 64  # packets under way to a mailbox at once
MOST = 300.0  # seconds, the longest wait between tries at one mailbox, unless that of lanes is longer
SHUT = (15.0, 3600.0)  # seconds until a box that was closed or full is tried again: at first, and at most
LOOK = 600.0  # seconds between looks for what is due once more
FRESH = 21 * 86_400  # seconds; an older seal key is used only if there is no newer: its owner may have dropped it
NEVER = 1 << 62  # noted as taken by then: it is not put there again
_HOUR = 3600


class Deposit(msgspec.Struct, frozen=True):
    """What a mailbox node took, `large` aside (ids), which is larger than it takes; `at`: the time to note."""

    node: NodeId
    rows: Sequence[Outgoing]
    large: Collection[bytes]
    at: int


class Post:
    """Works as long as something is owed to the contact, and the contact has a mailbox at this node.

    `ready` begins sessions that are missing and prepares what waits for them; `fresh` learns new seal keys; `silent`
    begins anew where the first session was not answered for long: all from what lies at this node. `taken` keeps what
    the node took. All may raise any `MepassaError`: then all is tried again.
    """

    ready: Callable[[Contact, NodeId], Awaitable[None]]
    fresh: Callable[[Contact, NodeId], Awaitable[None]]
    silent: Callable[[Contact, NodeId], Awaitable[None]]
    taken: Callable[[Contact, Deposit], Awaitable[None]]

    def __init__(
        self,
        key: tuple[AccountId, AccountId, NodeId],
        store: Store,
        clock: Clock,
        log: Log,
        contacts: Contacts,
        nodes: MailboxNodes,
        backoff: Backoff,
        waits: tuple[float, int],
    ) -> None:
        """`key`: account, contact, node. `waits`: seconds until a packet is due, and until it is due once more."""
        self._account, self._contact, self._node = key
        self._store, self._clock, self._log = store, clock, log
        self._contacts, self._nodes, self._backoff = contacts, nodes, backoff
        self._after, self._again = waits
        self._next, self._due, self._not_before = 0.0, 0.0, 0.0  # monotonic seconds of the next look, of what came last
        self._shut = Backoff(*SHUT, jitter=0.2)
        self._refused = b""  # the number of the box, if it was closed or full when it was last tried
        self._renewed = -math.inf  # when seal keys were last asked for
        self._changed, self._woken = anyio.Event(), False

    def wake(self) -> None:
        """Something is owed now: look once it is due."""
        self._woken, now = True, self._clock.now()
        self._due = self._clock.monotonic() + math.ceil(now + self._after) - now
        self._reopened()
        if self._due < self._next:
            self._next = self._due
            self._changed.set()

    def _reopened(self) -> None:
        """What was refused by one box may be taken by that of another number, which the contact has told since."""
        contact = self._contacts.find(self._account, self._contact)
        if self._refused and contact is not None and contact.their_number != self._refused:
            self._refused, self._not_before, self._next = b"", 0.0, 0.0
            self._changed.set()

    def hurry(self) -> None:
        """The network changed: what failed may work now."""
        self._backoff.reset()
        if self._not_before > self._clock.monotonic():
            self._not_before = self._next = 0.0
            self._changed.set()

    async def run(self) -> None:
        """Work until nothing is owed, or the contact has no mailbox here any more."""
        self._next = math.inf
        self.wake()
        while True:
            await self._until_due()
            looked = self._clock.monotonic()
            self._next, self._woken = self._due if self._due > looked else looked + LOOK, False
            contact = self._contacts.find(self._account, self._contact)
            if contact is None or contact.blocked or contact.state == "refused" or self._addresses(contact) is None:
                return
            try:
                await self._work(contact)
                self._backoff.reset()
            except MepassaError as error:
                self._log.info("a mailbox was not reached", node=self._node, reason=error.sentence)
                pause = self._shut.wait() if self._refused else self._backoff.wait()
                self._not_before = self._clock.monotonic() + pause
                self._next = min(self._next, self._not_before)
                continue
            if not await self._store.outgoing(self._account, self._contact, 0, 1) and not self._woken:
                return

    async def _until_due(self) -> None:
        while (left := max(self._next, self._not_before) - self._clock.monotonic()) > 0:
            self._changed = anyio.Event()
            await wait(self._clock, left, self._changed)

    def _addresses(self, contact: Contact) -> Sequence[str] | None:
        return mailboxes_of(contact).get(self._node)

    # -- one look

    async def _work(self, contact: Contact) -> None:
        now = int(self._clock.now())
        await self.ready(contact, self._node)
        await self._deposit(Due(now, 0), now)
        await self.silent(contact, self._node)
        await self._deposit(Due(now, now - self._again), NEVER)

    async def _deposit(self, due: Due, noted: int) -> None:
        """Put what is due into the box, and note it with that time."""
        after = 0
        while rows := await self._store.undeposited(self._account, self._contact, self._node, due, after, PAGE):
            after = rows[-1].seq
            found = self._contacts.find(self._account, self._contact)
            if found is None or found.blocked or (addresses := self._addresses(found)) is None:
                return
            found, keys = await self._seal_keys(found, {row.device for row in rows})
            stream = await self._nodes.stream(self._node, addresses)
            ready = [row for row in rows if row.device in keys]
            if ready:
                await self._put(stream, found, [(row, keys[row.device]) for row in ready], noted)

    async def _seal_keys(self, contact: Contact, devices: Collection[bytes]) -> tuple[Contact, Mapping[bytes, bytes]]:
        """Seal keys of devices, where one is known; with the contact as it is then. Newer ones are looked for, at most
        once an hour, where one is missing or was made long ago."""
        now = int(self._clock.now())
        found = {device: seal_key_of(contact, device, now) for device in devices}
        old = any(key is None or now - key.created_at > FRESH for key in found.values())
        if old and self._clock.monotonic() - self._renewed >= _HOUR:
            self._renewed = self._clock.monotonic()
            await self.fresh(contact, self._node)
            contact = self._contacts.get(self._account, self._contact)
            found = {device: seal_key_of(contact, device, now) for device in devices}
        return contact, {device: key.public for device, key in found.items() if key is not None}

    async def _put(
        self, stream: MailboxStream, contact: Contact, rows: Sequence[tuple[Outgoing, bytes]], noted: int
    ) -> None:
        """Put packets into the box, all at once, each under its seal key; what was taken is kept, whatever became of
        the others. What is too large is noted too: it only goes directly, and is not offered here each time. A box that
        was closed or full is tried with one packet first."""
        taken: dict[bytes, bool] = {}

        async def put(one: tuple[Outgoing, bytes]) -> None:
            row, key = one
            try:
                await self._put_one(stream, contact, row, key)
                taken[row.id] = True
            except MailboxTooLarge:
                taken[row.id] = False

        try:
            if self._refused:
                await put(rows[0])
            await each(rows[1:] if taken else rows, put, PAGE)
            self._refused = b""
            self._shut.reset()
        except (MailboxClosed, MailboxFull):
            self._refused = contact.their_number
            raise
        finally:
            if taken:
                done = [row for row, _ in rows if row.id in taken]
                large = {row.id for row in done if not taken[row.id]}
                await self.taken(contact, Deposit(self._node, done, large, noted))

    async def _put_one(self, stream: MailboxStream, contact: Contact, row: Outgoing, key: bytes) -> None:
        sealed = seal(row.packet, row.device, key)
        if len(sealed) > stream.limits.max_envelope:
            raise MailboxTooLarge
        left = max(1, -(-(row.expires_at - int(self._clock.now())) // _HOUR))
        (refusal,) = await stream.put([contact.their_number], sealed, min(stream.limits.max_hours, left))
        if refusal:
            raise refused(refusal)
