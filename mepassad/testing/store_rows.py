"""Rows to fill a store with: each has what a test does not care about filled in; name what it does care about."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from mepassad.api.store import Commit, Committed, Store
from mepassad.api.types import (
    Account,
    AccountId,
    Contact,
    ConversationId,
    Invite,
    Message,
    MessageId,
    Outgoing,
    PrivateKey,
    Quarantined,
    Receipt,
    Session,
)
from mepassad.api.writes import AddMessage, PutContact, Write

ANA, RUI, EVA = AccountId("mp1ana"), AccountId("mp1rui"), AccountId("mp1eva")


def commit(store: Store, *writes: Write) -> Awaitable[Committed]:
    """Hand over one commit."""
    return store.commit(Commit(writes))


def conversation_with(contact: AccountId) -> ConversationId:
    return ConversationId(f"with-{contact}")


def message_id(number: int) -> MessageId:
    return MessageId(f"message-{number:06}")


def an_account(id: AccountId = ANA, **changed: Any) -> Account:
    fields = {"name": "Ana", "kind": "person", "device": b"device", "device_list": b"list", "created_at": 1_000}
    return Account(id=id, **{**fields, **changed})


def a_contact(id: AccountId = RUI, **changed: Any) -> Contact:
    fields = {"account": ANA, "conversation": conversation_with(id), "state": "accepted", "created_at": 1_000}
    return Contact(id=id, **{**fields, **changed})


def a_message(number: int, **changed: Any) -> Message:
    """A received message of Rui to Ana; higher numbers are later."""
    contact = changed.get("contact", RUI)
    fields = {
        "account": ANA,
        "id": message_id(number),
        "conversation": conversation_with(contact),
        "contact": contact,
        "incoming": True,
        "content_id": number.to_bytes(16, "big"),
        "kind": 1,
        "text": f"text {number}",
        "time_ms": 10_000 + number,
        "sort_ms": 10_000 + number,
        "state": "received",
    }
    return Message(**{**fields, **changed})


def a_sent_message(number: int, **changed: Any) -> Message:
    """A queued message of Ana to Rui."""
    return a_message(number, **{"incoming": False, "state": "queued", **changed})


def an_outgoing(number: int, **changed: Any) -> Outgoing:
    """A packet of Ana owed to Rui's device for the message of the same number."""
    fields = {
        "account": ANA,
        "id": b"packet %d" % number,
        "contact": RUI,
        "device": b"device",
        "message": message_id(number),
        "packet": b"bytes",
        "state": "ready",
    }
    return Outgoing(**{**fields, **changed})


def a_session(version: int, **changed: Any) -> Session:
    fields = {
        "account": ANA,
        "id": b"session",
        "contact": RUI,
        "device": b"device",
        "state": b"state %d" % version,
        "version": version,
        "used_ms": version,
    }
    return Session(**{**fields, **changed})


def a_key(id: int, **changed: Any) -> PrivateKey:
    fields = {"account": ANA, "kind": "one-time", "secret": b"secret", "public": b"public", "created_at": 1}
    return PrivateKey(id=id, **{**fields, **changed})


def an_invite(number: bytes = b"number", **changed: Any) -> Invite:
    fields = {"account": ANA, "secret": b"secret", "uses_left": 1, "expires_at": 99, "created_at": 1}
    return Invite(number=number, **{**fields, **changed})


def a_receipt(number: int, **changed: Any) -> Receipt:
    return Receipt(**{"account": ANA, "contact": RUI, "message": message_id(number), "kind": "delivered", **changed})


async def converse(store: Store, *messages: Message) -> None:
    """Keep Rui as Ana's contact, and the messages one after the other."""
    await commit(store, PutContact(a_contact()))
    for row in messages:
        await commit(store, AddMessage(row))


async def texts(store: Store, query: str) -> list[str]:
    """What a search of Ana's finds."""
    return [row.text for row in (await store.search(ANA, query, 100, None)).items]


def a_quarantined(number: int, **changed: Any) -> Quarantined:
    """A packet of Rui to Ana that cannot be opened yet."""
    fields = {"account": ANA, "contact": RUI, "session": b"session", "raw": b"raw", "at": 1_000}
    return Quarantined(packet=b"packet %d" % number, **{**fields, **changed})
