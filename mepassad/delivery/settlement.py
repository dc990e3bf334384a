"""What became of what was sent: taken, delivered, read, refused, expired. States only climb."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from mepassad import facts
from mepassad.api.context import Clock, Log
from mepassad.api.store import Committed, Store
from mepassad.api.types import AccountId, Contact, MessageId, Outgoing
from mepassad.api.writes import (
    DropOutgoing,
    DropOutgoingOf,
    NoteDeposits,
    SetMessageState,
    SetOutgoing,
    SetSetting,
)
from mepassad.bus import Bus, Change
from mepassad.delivery.boxes import LINGERS
from mepassad.delivery.post import Deposit
from mepassad.delivery.receipts import AT_ONCE
from mepassad.errors import MepassaError
from mepassad.people.contacts import Contacts
from mepassad.wire.ids import b64, made_ms
from mepassad.wire.messages_pb2 import Receipts

RANKS = {"queued": 0, "sent": 1, "delivered": 2, "read": 3, "failed": 4, "expired": 4}
_REMEMBERED = 8192  # messages whose progress is kept in memory
_EXPIRE_AT_ONCE = 256
_ROUTES = "routes/delivered"  # setting of the node


class Progress(msgspec.Struct):
    """How far an outgoing message has come."""

    contact: AccountId
    state: str
    route: str
    tries: int = 0


class Settlement:
    """Turns acks, receipts and the passing of time into states and facts."""

    def __init__(
        self, store: Store, bus: Bus, clock: Clock, log: Log, contacts: Contacts, redeposit_hours: int
    ) -> None:
        """Counts first deliveries by route in `routes`, for good. What a node of the contact took need not go into
        mailboxes for `redeposit_hours`. `drained` says whether nothing waits in a mailbox of ours."""
        self.drained: Callable[[], bool] = lambda: True
        self._postponed = redeposit_hours * 3600
        self._store, self._bus, self._clock, self._log, self._contacts = store, bus, clock, log, contacts
        self._progress: OrderedDict[tuple[AccountId, MessageId], Progress] = OrderedDict()
        self.routes: dict[str, int] = {}

    async def load(self) -> None:
        """Read what was counted before."""
        kept = await self._store.setting("", _ROUTES)
        if kept is not None:
            self.routes.update(msgspec.json.decode(kept, type=dict[str, int]))

    def _remember(self, account: AccountId, message: MessageId, progress: Progress) -> None:
        self._progress[account, message] = progress
        if len(self._progress) > _REMEMBERED:
            self._progress.popitem(last=False)

    # -- a node took packets

    def taken(self, rows: Sequence[Outgoing], route: str) -> None:
        """A node of the contact acked packets: messages are *sent*, invisible contents are done with."""
        change, next_at = Change(), int(self._clock.now()) + self._postponed
        for row in rows:
            if not row.message:
                change.add(DropOutgoing(row.account, row.id))
            elif row.state == "ready":
                change.add(SetOutgoing(row.account, row.id, "sent", row.attempts + 1, next_at))
                self._sent(change, row, route)
            else:
                self._tried(row)
        if change.writes:
            self._bus.keep(change).add_done_callback(self._kept)

    def deposited(self, deposit: Deposit, done: Sequence[bytes]) -> Awaitable[Committed]:
        """A mailbox node took packets of one contact: messages are *sent*, but stay owed, as they may be lost there.

        `done`: ids of those that are owed no more. Raises (when awaited) `StoreFull`.
        """
        change, account = Change(), deposit.rows[0].account
        change.add(NoteDeposits(account, deposit.node, tuple(row.id for row in deposit.rows), deposit.at))
        for row in deposit.rows:
            if row.id in deposit.large:
                continue
            if row.message and row.state == "ready":
                change.add(SetOutgoing(row.account, row.id, "sent", row.attempts + 1, row.next_at))
                self._sent(change, row, "mailbox")
            else:
                self._tried(row)
        change.add(*(DropOutgoing(account, packet) for packet in done))
        kept = self._bus.keep(change)
        kept.add_done_callback(self._kept)
        return kept

    def _tried(self, row: Outgoing) -> Progress | None:
        known = self._progress.get((row.account, MessageId(row.message)))
        if known is not None:
            known.tries += 1
        return known

    def _sent(self, change: Change, row: Outgoing, route: str) -> None:
        message = MessageId(row.message)
        contact = self._contacts.find(row.account, row.contact)
        known = self._tried(row)
        if contact is None or (known and RANKS[known.state] >= RANKS["sent"]):
            return
        self._remember(row.account, message, Progress(row.contact, "sent", route, 1))
        self._climb(change, contact, SetMessageState(row.account, message, "sent", route, tries=1))

    def _climb(self, change: Change, contact: Contact, step: SetMessageState) -> None:
        where = (contact.account, step.message, contact.id, contact.conversation)
        change.add(step)
        topic = "message.failed" if step.state in ("failed", "expired") else f"message.{step.state}"
        now_ms, data = int(self._clock.now() * 1000), facts.progress(where, step.state, step.route, step.reason)
        change.fact(contact.account, topic, step.message, data, now_ms)

    def _kept(self, done: asyncio.Future[Committed]) -> None:
        # Lost acks are harmless: the packet is offered again, and acked again.
        if not done.cancelled() and (error := done.exception()) is not None:
            sentence = error.sentence if isinstance(error, MepassaError) else type(error).__name__
            self._log.warning("acks could not be kept", reason=sentence)
            self.undo()

    def undo(self) -> None:
        """After a change was not kept: trust the store again, not memory."""
        self._progress.clear()

    # -- the contact's own word

    async def receipts(self, change: Change, contact: Contact, device: bytes, receipts: Receipts, route: str) -> None:
        """Receipts of a contact's device, from inside a session: messages are *delivered* or *read*.

        `route` is the receipt's own, for a message that was never acked on the way out. Beyond `AT_ONCE` of a kind,
        which nobody honest sends, they are ignored.
        """
        for raw, state in [
            *((raw, "delivered") for raw in receipts.delivered[:AT_ONCE]),
            *((raw, "read") for raw in receipts.read[:AT_ONCE]),
        ]:
            if len(raw) == 16:
                await self._confirmed(change, contact, device, (MessageId(b64(raw)), state, route))

    async def _confirmed(
        self, change: Change, contact: Contact, device: bytes, confirmed: tuple[MessageId, str, str]
    ) -> None:
        message, state, route = confirmed
        known = await self._find(contact, message)
        if known is None:
            return  # not a message of ours to them: nobody confirms somebody else's
        change.add(DropOutgoingOf(contact.account, message, device))
        if RANKS[known.state] >= RANKS[state]:
            return
        route, latency = known.route or route, 0
        if RANKS[known.state] < RANKS["delivered"]:
            self._count(change, route)
            latency = max(1, int(self._clock.now() * 1000) - made_ms(message))
        self._remember(contact.account, message, Progress(contact.id, state, route, known.tries))
        step = SetMessageState(contact.account, message, state, route, tries=known.tries, latency_ms=latency)
        self._climb(change, contact, step)

    def _count(self, change: Change, route: str) -> None:
        """A message came there for the first time: kept with the change that says so."""
        counted = {**self.routes, route: self.routes.get(route, 0) + 1}
        self.routes[route] = counted[route]
        change.add(SetSetting("", _ROUTES, msgspec.json.encode(counted)))
        change.undoing(lambda: self.routes.__setitem__(route, self.routes[route] - 1))

    async def _find(self, contact: Contact, message: MessageId) -> Progress | None:
        known = self._progress.get((contact.account, message))
        if known is None:
            row = await self._store.message(contact.account, message)
            if row is None or row.incoming:
                return None
            known = Progress(row.contact, row.state, row.route, row.tries)
        return known if known.contact == contact.id else None

    # -- giving up

    async def fail(self, change: Change, row: Outgoing, state: str, reason: str) -> None:
        """Nothing more is tried for a row; its message ends as `failed` or `expired`, unless it was delivered."""
        change.add(DropOutgoing(row.account, row.id))
        message = await self._store.message(row.account, MessageId(row.message)) if row.message else None
        contact = self._contacts.find(row.account, row.contact)
        if message is None or contact is None or RANKS[message.state] >= RANKS["delivered"]:
            return
        change.add(DropOutgoingOf(row.account, message.id))
        self._remember(row.account, message.id, Progress(contact.id, state, message.route))
        self._climb(change, contact, SetMessageState(row.account, message.id, state, message.route, reason))

    async def expire(self) -> None:
        """Give up what was offered for too long; a receipt may still lie in a mailbox of ours, for 14 days at most.
        Raises `StoreFull`."""
        reason = "The contact was not reached before the message expired."
        until = int(self._clock.now()) - (0 if self.drained() else LINGERS)
        while rows := await self._store.expired_outgoing(until, _EXPIRE_AT_ONCE):
            change = Change()
            for row in rows:
                await self.fail(change, row, "expired", reason)
            await self._bus.keep(change)
