"""The way in: admit, open, screen, commit, publish, ack. A failure before the commit changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

import anyio

from mepassad import facts
from mepassad.api.context import Clock, Log
from mepassad.api.filters import MessageFilter
from mepassad.api.types import AccountId, Contact, Outgoing
from mepassad.api.writes import AddMessage, MarkSeen
from mepassad.bus import Bus
from mepassad.delivery.arrivals import LAST_MS, Arrival, received_row, typing
from mepassad.delivery.contents import Contents
from mepassad.delivery.introductions import Introductions
from mepassad.delivery.prekeys import Prekeys
from mepassad.delivery.quarantine import Quarantine
from mepassad.delivery.receipts import Receipts
from mepassad.delivery.renewals import Renewals
from mepassad.delivery.sessions import Opened, Sessions
from mepassad.delivery.settlement import Settlement
from mepassad.delivery.source import Source
from mepassad.delivery.stamps import Stamps
from mepassad.delivery.strangers import Strangers
from mepassad.delivery.unopened import Unopened
from mepassad.delivery.verification import Verifications
from mepassad.errors import (
    Conflict,
    CryptoError,
    Duplicate,
    InvalidSignature,
    MepassaError,
    Rejected,
)
from mepassad.people.accounts import Accounts, Me
from mepassad.people.contacts import Contacts
from mepassad.people.conversations import Conversations
from mepassad.wire.content import INVISIBLE, TYPING, VERIFICATION, open_content
from mepassad.wire.ids import b64
from mepassad.wire.messages_pb2 import Content, Introduction, Packet
from mepassad.wire.packets import Reason, packet_id, parse_packet

_TRIES = 8  # times that a packet is opened anew after another change came first
_STRANGERS = ""  # whose packets wait for each other, so that they cannot fill memory with locks


class Inbox:
    """Takes packets from links and mailboxes. One packet, one commit; the ack goes out once it is durable."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        log: Log,
        accounts: Accounts,
        contacts: Contacts,
        conversations: Conversations,
        sessions: Sessions,
        contents: Contents,
        introductions: Introductions,
        prekeys: Prekeys,
        receipts: Receipts,
        settlement: Settlement,
        strangers: Strangers,
        verifications: Verifications,
        unopened: Unopened,
        quarantine: Quarantine,
        renewals: Renewals,
        stamps: Stamps,
    ) -> None:
        """`deliver` is called with a contact who can be reached elsewhere now."""
        self._bus, self._clock, self._log = bus, clock, log
        self._accounts, self._contacts, self._conversations = accounts, contacts, conversations
        self._sessions, self._contents, self._introductions = sessions, contents, introductions
        self._prekeys, self._receipts, self._settlement = prekeys, receipts, settlement
        self._strangers, self._verifications = strangers, verifications
        self._unopened, self._quarantine = unopened, quarantine
        self._renewals, self._stamps = renewals, stamps
        self.filters: Sequence[MessageFilter] = ()
        self.max_packet = 1 << 20
        self.max_text = 1 << 20
        self.deliver: Callable[[Contact, Sequence[Outgoing]], None] = lambda contact, rows: None

    async def arrived(self, source: Source, packets: Sequence[bytes]) -> None:
        """Packets came. Raises `MalformedFrame`; then a link ends."""
        arrivals: list[Arrival] = []
        try:
            for raw in packets:
                arrivals.append(await self._take(source, raw))  # noqa: PERF401 what came before a failure counts
        except Exception:
            for arrival in arrivals:
                await self._finish(source, arrival)  # nothing of those may stay in memory alone
            raise
        acks = []
        for arrival in arrivals:
            done = await self._finish(source, arrival)
            if done.reason is None:
                acks.append(done.id)
            else:
                source.refuse(done.id, done.reason)
        if acks:
            source.ack(acks)
        if len(self._quarantine):
            for account, session in {arrival.session: None for arrival in arrivals if arrival.session}:
                await self._try_again(source, account, session)

    async def _try_again(self, source: Source, account: AccountId, session: bytes) -> None:
        """A session went on: packets that came too early may open now. They were acked when they came."""
        while waiting := self._quarantine.of(account, session):
            for row in waiting:
                await self._finish(source, await self._take(source, row.raw))
            if len(self._quarantine.of(account, session)) == len(waiting):
                return

    async def _finish(self, source: Source, arrival: Arrival) -> Arrival:
        """Wait until a packet's effect is kept; open it anew where another change came first."""
        known = False
        for _ in range(_TRIES):
            if arrival.kept is None:
                return arrival
            try:
                await arrival.kept
            except (Conflict, Duplicate) as error:
                known = known or isinstance(error, Duplicate)
            except MepassaError:
                await self._undo(arrival)
                return arrival.refuse(Reason.BUSY)
            else:
                return arrival
            await self._undo(arrival)
            arrival = await self._take(source, arrival.raw, known)
        return arrival.refuse(Reason.BUSY)

    async def _undo(self, arrival: Arrival) -> None:
        me = self._accounts.by_device(parse_packet(arrival.raw).recipient)
        if me is not None:
            await self._contents.undo(arrival.change, me.row.id)
        self._settlement.undo()

    # -- admit and open

    async def _take(self, source: Source, raw: bytes, known: bool = False) -> Arrival:
        """Open a packet and hand its effect to the store. `known`: its message is kept already, under another id."""
        arrival = Arrival(raw, packet_id(raw), source.box)
        if len(raw) > self.max_packet:
            return arrival.refuse(Reason.TOO_LARGE)
        packet = parse_packet(raw)
        me = self._accounts.by_device(packet.recipient)
        if me is None:
            return arrival.refuse(Reason.UNKNOWN_DEVICE)
        contact = self._whose(me, packet)
        if contact is not None and contact.blocked:
            return arrival
        async with self._sessions.lock(me.row.id, contact.id if contact else _STRANGERS):
            if not self._sessions.is_ready(me.row.id, packet.session):
                await self._sessions.ready(me.row.id, packet.session)
            contact = self._whose(me, packet)  # as it is now: it may have been blocked or renamed meanwhile
            if contact is not None and contact.blocked:
                return arrival
            try:
                opened = self._sessions.open(me, packet, self._prekeys.lookup(me.row.id))
            except CryptoError as error:
                return await self._unopened.settle(source, me, arrival, contact, packet, error)
            try:
                return await self._understand(source, arrival, me, contact, packet, opened, known)
            except BaseException:  # the store is busy, say, or the link was ended: nothing was handed over
                with anyio.CancelScope(shield=True):
                    await self._undo(arrival)
                raise

    def _whose(self, me: Me, packet: Packet) -> Contact | None:
        """Whose packet this is, as far as its outside tells: a new session's content has the last word."""
        session = self._sessions.known(me.row.id, packet.session)
        if session is not None:
            return self._contacts.find(me.row.id, session.contact)
        listing = self._contacts.listing(me.row.id, packet.sender)
        return listing[0] if len(listing) == 1 else None

    # -- understand

    async def _understand(
        self,
        source: Source,
        arrival: Arrival,
        me: Me,
        contact: Contact | None,
        packet: Packet,
        opened: Opened,
        known: bool,
    ) -> Arrival:
        change, was_known = arrival.change, contact is not None
        change.add(*opened.writes)
        try:
            content = open_content(opened.plaintext, packet.sender, me.key)
            if opened.transcript:
                contact = self._strangers.speaker(me, packet, content)
            if contact is not None and contact.blocked:
                return arrival
            if contact is None:
                contact = self._strangers.admit(arrival, me, packet, opened, content)
                if contact is None:
                    return arrival
            else:
                arrival.transcript = opened.transcript
                async with self._now_theirs(contact, was_known):
                    if opened.transcript:
                        self._strangers.adopt(change, opened, contact)
                    contact = await self._known(source, arrival, contact, packet, content, known)
        except (CryptoError, InvalidSignature) as error:
            self._log.warning("a packet held nothing usable", packet=b64(arrival.id), reason=error.sentence)
            if contact is None:
                return arrival.refuse(Reason.INVITE_UNKNOWN)
        change.add(MarkSeen(me.row.id, arrival.id, int(self._clock.now()), arrival.message))
        self._quarantine.release(change, me.row.id, arrival.id)
        arrival.session = (me.row.id, packet.session)
        return self._unopened.keep(arrival)

    def _now_theirs(self, contact: Contact, was_known: bool) -> AbstractAsyncContextManager[object]:
        """The contact's lock, where only the content told that a packet is theirs and the strangers' is held.

        Nobody who holds a contact's takes the strangers', so they cannot wait for each other; and leaving it does not
        let anybody else run, so the commit is still handed over in the same step.
        """
        return nullcontext() if was_known else self._sessions.lock(contact.account, contact.id)

    async def _known(
        self, source: Source, arrival: Arrival, contact: Contact, packet: Packet, content: Content, known: bool
    ) -> Contact:
        if b64(content.conversation) != contact.conversation:
            raise CryptoError("A content names a conversation that is not this one.")
        me = self._accounts.me(contact.account)
        if content.HasField("introduction"):
            contact = await self._introduced(arrival, me, contact, packet, content.introduction)
        self._stamps.compare(arrival.change, me, contact, content)
        if content.lost:
            await self._renewals.lost(arrival.change, contact, packet.sender, content.lost)
        if content.HasField("receipts"):
            await self._settlement.receipts(arrival.change, contact, packet.sender, content.receipts, source.route)
        if content.kind < INVISIBLE and len(content.text.text.encode()) > self.max_text:
            arrival.reason = Reason.TOO_LARGE  # the step of the session is kept, the text is not
        elif content.kind < INVISIBLE:
            await self._message(arrival, contact, content, known)
        elif content.kind == VERIFICATION:
            contact = self._verifications.heard(arrival.change, contact, content.verification)
        elif content.kind == TYPING:
            signal = typing(contact, content)
            arrival.change.then(lambda: self._bus.signal(signal))
        return contact

    async def _introduced(
        self, arrival: Arrival, me: Me, contact: Contact, packet: Packet, introduction: Introduction
    ) -> Contact:
        change, before = arrival.change, self._contacts.devices(contact)
        learnt = self._introductions.learn(change, contact, packet.sender, introduction)
        if learnt is not contact:
            change.then(lambda: self.deliver(learnt, ()))
            if (after := self._contacts.devices(learnt)) is not None:
                await self._renewals.superseded(change, learnt, before, after)
        if introduction.invite and self._introductions.is_shown(me, learnt, introduction, arrival.transcript):
            # A contact of ours who has forgotten us, or whose own invite we are about to redeem. Nobody else is
            # answered: they would find out when we are there.
            self._strangers.greet(change, me, learnt, packet.sender)
            return self._verifications.redeemed(change, learnt, introduction, arrival.transcript)
        return learnt

    # -- screen

    async def _message(self, arrival: Arrival, contact: Contact, content: Content, known: bool) -> None:
        time_ms = min(content.time_ms, LAST_MS)
        place = self._conversations.place(contact.account, contact.conversation, time_ms, incoming=True)
        row = received_row(contact, content, time_ms, place)
        arrival.owe(contact, row.id, self._receipts)
        arrival.message = row.id
        if known:
            return
        try:
            for screen in self.filters:
                row = await screen.message_received(row)
        except Rejected as error:
            self._log.info("a filter refused a message", message=row.id, reason=error.sentence)
            return
        arrival.change.add(AddMessage(row))
        now_ms = int(self._clock.now() * 1000)
        arrival.change.fact(contact.account, "message.received", row.id, facts.received(row), now_ms)
