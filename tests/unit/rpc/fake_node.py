"""A node in memory: what the RPC needs of one, without store, crypto or network."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol, cast

import anyio
import msgspec

from mepassad.api.gauges import Gauge
from mepassad.api.store import Commit, Page, Store
from mepassad.api.types import Account, AccountId, Contact, Conversation, ConversationId, Message, MessageId
from mepassad.api.writes import SetSetting
from mepassad.errors import (
    NoAccount,
    NumbersDiffer,
    UnknownAccount,
    UnknownContact,
    UnknownConversation,
    UnknownMessage,
)
from mepassad.people.tokens import Tokens
from mepassad.testing.clock import ManualClock
from tests.unit.rpc.fake_bus import ANA, BOB, NUMBER, WITH_BOB, FakeBus


class FakeAccounts:
    def __init__(self) -> None:
        self.rows = [
            Account(id=ANA, name="Ana", kind="person", device=b"d", device_list=b"l", created_at=1_700_000_000)
        ]

    def all(self) -> list[Account]:
        return self.rows

    def resolve(self, account: str | None) -> Account:
        if not self.rows:
            raise NoAccount
        for row in self.rows:
            if account in (None, row.id):
                return row
        raise UnknownAccount

    async def create(self, name: str, kind: str) -> tuple[Account, str]:
        row = Account(id=AccountId(f"mp1{name}"), name=name, kind=kind, device=b"", device_list=b"", created_at=0)
        self.rows.append(row)
        return row, " ".join(["abandon"] * 24)


class FakeContacts:
    def __init__(self) -> None:
        self.rows = {
            BOB: Contact(account=ANA, id=BOB, conversation=WITH_BOB, state="accepted", name="Bob", created_at=9)
        }

    def all(self, account: AccountId, /) -> list[Contact]:
        return list(self.rows.values())

    def get(self, account: AccountId, contact: AccountId, /) -> Contact:
        if contact not in self.rows:
            raise UnknownContact
        return self.rows[contact]

    async def rename(self, account: AccountId, contact: AccountId, petname: str, /) -> Contact:
        self.rows[contact] = msgspec.structs.replace(self.get(account, contact), petname=petname)
        return self.rows[contact]

    async def block(self, account: AccountId, contact: AccountId, blocked: bool, /) -> Contact:
        self.rows[contact] = msgspec.structs.replace(self.get(account, contact), blocked=blocked)
        return self.rows[contact]

    async def verify(self, account: AccountId, contact: AccountId, number: str, /) -> Contact:
        if number != NUMBER:
            raise NumbersDiffer
        self.rows[contact] = msgspec.structs.replace(self.get(account, contact), verified=True)
        return self.rows[contact]

    async def unverify(self, account: AccountId, contact: AccountId, /) -> Contact:
        self.rows[contact] = msgspec.structs.replace(self.get(account, contact), verified=False)
        return self.rows[contact]

    async def remove(self, account: AccountId, contact: AccountId, /) -> None:
        del self.rows[self.get(account, contact).id]

    def online(self, account: AccountId, contact: AccountId, /) -> bool:
        return False


class FakeInvites:
    async def create(
        self, account: AccountId, uses: int, expires_in: int | None, in_person: bool, /
    ) -> tuple[str, int]:
        return f"mepassa:{'v' if in_person else 'i'}/1/AAAA", 1_700_000_000 + (
            86_400 if expires_in is None else expires_in
        )

    async def accept(self, account: AccountId, uri: str, /) -> Contact:
        return Contact(account=ANA, id=BOB, conversation=WITH_BOB, state="pending", created_at=0)


class FakeVerifications:
    def __init__(self, contacts: FakeContacts) -> None:
        self.contacts = contacts
        self.scanned: list[tuple[str, AccountId | None]] = []

    async def scan(self, account: AccountId, uri: str, named: AccountId | None, /) -> Contact:
        self.scanned.append((uri, named))
        return self.contacts.get(account, BOB)


class FakeConversations:
    def __init__(self) -> None:
        self.read: list[str] = []

    async def all(self, account: AccountId, /) -> list[Conversation]:
        return [await self.get(account, WITH_BOB)]

    async def get(self, account: AccountId, conversation: ConversationId, /) -> Conversation:
        contact = self.contact_of(account, conversation)
        return Conversation(account=account, id=conversation, contact=contact, unread=1, last_ms=1_700_000_000_123)

    def contact_of(self, account: AccountId, conversation: ConversationId, /) -> AccountId:
        if conversation != WITH_BOB:
            raise UnknownConversation
        return BOB

    async def mark_read(self, account: AccountId, message: MessageId, /) -> None:
        if message == "none":
            raise UnknownMessage
        self.read.append(message)


class FakeStore:
    """Messages by number; a cursor is the number of the last one given."""

    def __init__(self) -> None:
        self.rows: list[Message] = []

    def add(self, text: str, **facts: Any) -> Message:
        number = len(self.rows)
        row = Message(
            **{
                "account": ANA, "id": MessageId(f"m{number}"), "conversation": WITH_BOB, "contact": BOB,
                "incoming": False, "content_id": b"", "kind": 1, "text": text, "time_ms": 1_700_000_000_000 + number,
                "sort_ms": number, "state": "queued", **facts,
            }
        )  # fmt: skip
        self.rows.append(row)
        return row

    async def message(self, account: AccountId, id: MessageId) -> Message | None:
        return next((row for row in self.rows if row.id == id), None)

    async def messages(self, account: AccountId, conversation: ConversationId, limit: int, before: str | None) -> Page:
        end = len(self.rows) if before is None else int(before)
        start = max(0, end - limit)
        return Page(tuple(reversed(self.rows[start:end])), str(start) if start else None)

    async def search(self, account: AccountId, query: str, limit: int, before: str | None) -> Page:
        return await self.messages(account, WITH_BOB, limit, before)


class FakeOutbox:
    """`gate`, when closed, holds every call until a test opens it."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store
        self.gate: anyio.Event | None = None
        self.running = 0
        self.max_text = 65_536
        self.failure: Exception | None = None
        self.typed: list[tuple[AccountId, bool]] = []

    async def typing(self, account: AccountId, contact: AccountId, active: bool, /) -> None:
        self.typed.append((contact, active))

    async def submit(
        self, account: AccountId, contact: AccountId, text: str, reply_to: str, request_id: str, /
    ) -> Message:
        self.running += 1
        turns = self.running
        if self.gate:
            await self.gate.wait()
            for _ in range(turns):  # so that those that waited do not all end in one turn of the loop
                await anyio.lowlevel.checkpoint()
        if self.failure:
            raise self.failure
        return self.store.add(text, reply_to=reply_to)


class FakeSettings:
    """A store of settings alone."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.failure: Exception | None = None

    async def settings(self, account: str) -> dict[str, bytes]:
        return dict(self.kept)

    async def commit(self, commit: Commit) -> None:
        await anyio.lowlevel.checkpoint()
        if self.failure:
            raise self.failure
        for write in commit.writes:
            assert isinstance(write, SetSetting)
            if write.value is None:
                self.kept.pop(write.key, None)
            else:
                self.kept[write.key] = write.value


class FakeNode:
    version = "0.0.0"

    def __init__(self) -> None:
        self.bus = FakeBus()
        self.store = FakeStore()
        self.accounts = FakeAccounts()
        self.contacts = FakeContacts()
        self.invites = FakeInvites()
        self.verifications = FakeVerifications(self.contacts)
        self.conversations = FakeConversations()
        self.outbox = FakeOutbox(self.store)
        self.clock = ManualClock()
        self.tokens = Tokens(cast(Store, FakeSettings()), self.clock, 3)
        self.bots: Any = None
        self.answers: Any = None
        self.gauges: dict[str, Gauge] = {}
        self.stopped = anyio.Event()

    def addresses(self) -> list[str]:
        return ["/ip4/127.0.0.1/tcp/4001/p2p/12D3KooW"]

    def stats(self) -> dict[str, object]:
        return {"commits": 3}

    def stop(self) -> None:
        self.stopped.set()


class ListLog:
    """Keeps what was logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def error(self, event: str, **facts: object) -> None:
        self.lines.append((event, facts))

    debug = info = warning = error


class Serve(Protocol):
    """The fixture `served`."""

    def __call__(self, **limits: Any) -> AbstractAsyncContextManager[Path]: ...
