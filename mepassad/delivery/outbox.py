"""The way out: a message is prepared, kept, then handed to the router; durable from the moment it has an id."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from mepassad.api.context import Clock
from mepassad.api.filters import Draft, MessageFilter
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, Message, MessageId, Outgoing
from mepassad.api.writes import AddMessage, AddOutgoing, ReplaceOutgoing, Write
from mepassad.bus import Bus, Change
from mepassad.delivery.contents import Contents, text_content
from mepassad.delivery.sessions import Sessions
from mepassad.errors import (
    Conflict,
    ContactBlocked,
    ContactRefused,
    Duplicate,
    EmptyMessage,
    MessageTooLarge,
    RequestReused,
    UnknownMessage,
)
from mepassad.people.accounts import Accounts, Me
from mepassad.people.contacts import Contacts
from mepassad.people.conversations import Conversations
from mepassad.wire.content import HELLO, RECEIPT, TEXT, TYPING, seal_content
from mepassad.wire.ids import account_key, message_id, new_content_id, unb64
from mepassad.wire.messages_pb2 import Content, Introduction, Typing

TRIES = 8  # times that a change is computed anew after another came first


class Fresh(msgspec.Struct, frozen=True):
    """A message that is to be kept: its text as it passed the filters, its content's id, its request's or ""."""

    draft: Draft
    content_id: bytes
    request_id: str = ""


class Outbox:
    """Prepares contents for the devices of contacts and keeps them until the contact has them."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        accounts: Accounts,
        contacts: Contacts,
        conversations: Conversations,
        sessions: Sessions,
        contents: Contents,
    ) -> None:
        """`deliver` is called with rows that are durable, `prepared` with such as waited for a session; `transmit` with
        packets that may be lost."""
        self._store, self._bus, self._clock = store, bus, clock
        self._accounts, self._contacts, self._conversations = accounts, contacts, conversations
        self._sessions, self._contents = sessions, contents
        self.filters: Sequence[MessageFilter] = ()
        self.max_text = 65_536
        self.deliver: Callable[[Contact, Sequence[Outgoing]], None] = lambda contact, rows: None
        self.transmit: Callable[[Contact, Sequence[Outgoing]], None] = lambda contact, rows: None
        self._preparing: set[bytes] = set()  # rows whose packets are on their way to the disk
        self.prepared: Callable[[Contact, Sequence[Outgoing]], None] = lambda contact, rows: None
        self.reachable: Callable[[Contact], bool] = lambda contact: False

    # -- messages

    async def submit(
        self, account: AccountId, contact: AccountId, text: str, reply_to: str = "", request_id: str = ""
    ) -> Message:
        """Take a text message; it is durable when this returns. The same `request_id` gives the same message.

        Raises `UnknownContact`, `ContactBlocked`, `ContactRefused`, `MessageTooLarge`, `EmptyMessage`,
        `UnknownMessage` (of `reply_to`), `RequestReused`, `Rejected`, `StoreFull`.
        """
        self._accounts.me(account)
        self._contacts.get(account, contact)
        self._check(text)
        if request_id and (earlier := await self._store.message_by_request(account, request_id)):
            return _same(
                earlier, await self._filtered(Draft(account=account, contact=contact, text=text, reply_to=reply_to))
            )
        draft = await self.screened(account, contact, text, reply_to)
        fresh = Fresh(draft, new_content_id(int(self._clock.now() * 1000)), request_id)
        for _ in range(TRIES):
            try:
                return (await self.keep(account, contact, [fresh]))[0]
            except Conflict:
                continue
            except Duplicate:
                found = await self._store.message_by_request(account, request_id)
                if found is None:
                    raise
                return _same(found, draft)
        raise Conflict

    async def screened(self, account: AccountId, contact: AccountId, text: str, reply_to: str = "") -> Draft:
        """What the filters make of a text. Raises `EmptyMessage`, `MessageTooLarge`, `UnknownMessage` (of `reply_to`),
        `Rejected`."""
        self._check(text)
        if reply_to and await self._store.message(account, MessageId(reply_to)) is None:
            raise UnknownMessage("`reply_to` names no message of this account.")
        return await self._filtered(Draft(account=account, contact=contact, text=text, reply_to=reply_to))

    async def _filtered(self, draft: Draft) -> Draft:
        """What the filters make of a draft; one whose request is repeated too, since its first text is not kept."""
        for screen in self.filters:
            draft = await screen.message_send(draft)
        self._check(draft.text)
        return draft

    def _check(self, text: str) -> None:
        if not text.strip():
            raise EmptyMessage
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > self.max_text:
            raise MessageTooLarge(
                f"The text has {size} bytes; `messages.max_text` allows {self.max_text}.", limit=self.max_text
            )

    async def keep(
        self, account: AccountId, contact: AccountId, fresh: Sequence[Fresh], writes: Sequence[Write] = ()
    ) -> Sequence[Message]:
        """Keep new messages to a contact, if any, and other writes, in one commit, in the order of calls.

        Raises `UnknownContact`, `ContactBlocked`, `ContactRefused`, `StoreFull`, and `Conflict` or `Duplicate` of a
        write: then nothing was kept.
        """
        me, change = self._accounts.me(account), Change()
        async with self._sessions.lock(account, contact):
            row = self._contacts.get(account, contact)
            if fresh and row.blocked:
                raise ContactBlocked
            if fresh and row.state == "refused":
                raise ContactRefused(row.reason or None)
            messages, rows = [self._message(me, row, one) for one in fresh], list[Outgoing]()
            for message in messages:
                change.add(AddMessage(message))
                rows += self._contents.prepare_all(change, me, row, text_content(message), message.id)
            change.add(*(AddOutgoing(one) for one in rows), *writes)
            kept = self._bus.keep(change)
        try:
            await kept
        except Exception:
            await self._contents.undo(change, account)
            raise
        if rows:
            self.deliver(row, rows)
        return messages

    def _message(self, me: Me, contact: Contact, fresh: Fresh) -> Message:
        now_ms, draft = int(self._clock.now() * 1000), fresh.draft
        return Message(
            account=me.row.id,
            id=message_id(me.key, fresh.content_id),
            conversation=contact.conversation,
            contact=contact.id,
            incoming=False,
            content_id=fresh.content_id,
            kind=TEXT,
            text=draft.text,
            reply_to=draft.reply_to,
            time_ms=now_ms,
            sort_ms=self._conversations.place(me.row.id, contact.conversation, now_ms, incoming=False),
            state="queued",
            request_id=fresh.request_id,
        )

    async def prepare_waiting(self, waiting: Outgoing) -> Sequence[Outgoing]:
        """Prepare a row that waited for a session: the ready rows that replace it; none while it must wait on."""
        me = self._accounts.me(waiting.account)
        message = await self._store.message(waiting.account, MessageId(waiting.message))
        contact = self._contacts.find(waiting.account, waiting.contact)
        if message is None or contact is None or (devices := self._contacts.devices(contact)) is None:
            return ()
        wanted = [waiting.device] if waiting.device else list(devices.names)
        async with self._sessions.lock(waiting.account, waiting.contact):
            if any(self._sessions.current(contact, device) is None for device in wanted):
                return ()
            # The lane and the mailboxes both prepare what waits: who comes second finds it done, or being done.
            if waiting.id in self._preparing or not await self._store.outgoing_by_id(waiting.account, [waiting.id]):
                return ()
            change = Change()
            rows = self._contents.prepare(change, me, contact, text_content(message), wanted, message.id)
            change.add(ReplaceOutgoing(waiting.account, waiting.id, tuple(rows)))
            kept = self._bus.keep(change)
            self._preparing.add(waiting.id)
        try:
            await kept
        except Exception:
            await self._contents.undo(change, waiting.account)
            raise
        finally:
            self._preparing.discard(waiting.id)
        self.prepared(contact, rows)
        return rows

    def me(self, account: AccountId) -> Me:
        """The account that sends. Raises `UnknownAccount`."""
        return self._accounts.me(account)

    async def say(self, account: AccountId, contact: AccountId, content: Content, lasting: bool = True) -> None:
        """Send an invisible content: a hello, receipts, typing. One that is not `lasting` goes out now or never."""
        me, change = self._accounts.me(account), Change()
        async with self._sessions.lock(account, contact):
            found = self._contacts.find(account, contact)
            devices = self._contents.spoken(found) if found and not found.blocked else ()
            if found is None or not devices:
                return
            rows = self._contents.prepare(change, me, found, content, devices, lasting=lasting)
            if lasting:
                change.add(*(AddOutgoing(row) for row in rows))
            kept = self._bus.keep(change)
        try:
            await kept
        except Exception:
            await self._contents.undo(change, account)
            raise
        (self.deliver if lasting else self.transmit)(found, rows)

    def greet(
        self,
        change: Change,
        me: Me,
        contact: Contact,
        device: bytes,
        introduction: Introduction,
        lost: Sequence[bytes] = (),
    ) -> Outgoing:
        """Owe a hello to one device of a contact, with the caller's change; the row. `lost`: ids of sessions with it
        that cannot be opened any more. Raises LookupError where there is no session."""
        hello = self.empty(contact, HELLO)
        hello.introduction.CopyFrom(introduction)
        hello.lost.extend(lost)
        plaintext = seal_content(hello, me.device, account_key(contact.id))
        row = self._contents.encrypt(change, me, contact, device, plaintext)
        change.add(AddOutgoing(row))
        return row

    def empty(self, contact: Contact, kind: int) -> Content:
        """A new content of a kind for a contact's conversation, without a body."""
        now_ms = int(self._clock.now() * 1000)
        return Content(id=new_content_id(now_ms), conversation=unb64(contact.conversation), kind=kind, time_ms=now_ms)

    async def send_receipts(self, account: AccountId, contact: AccountId) -> None:
        """Send what is owed to a contact. Raises `StoreFull`, `Conflict`."""
        if found := self._contacts.find(account, contact):
            await self.say(account, contact, self.empty(found, RECEIPT))

    async def typing(self, account: AccountId, contact: AccountId, active: bool) -> None:
        """Tell a contact who is online that one is typing, or stopped. Raises `UnknownContact`."""
        found = self._contacts.get(account, contact)
        if self.reachable(found):
            content = self.empty(found, TYPING)
            content.typing.CopyFrom(Typing(active=active))
            await self.say(account, contact, content, lasting=False)


def _same(earlier: Message, draft: Draft) -> Message:
    if (earlier.contact, earlier.text, earlier.reply_to) != (draft.contact, draft.text, draft.reply_to):
        raise RequestReused
    return earlier
