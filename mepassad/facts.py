"""The data of facts as clients see them, made from rows: live and in a replay alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, ConversationId, Event, Message, MessageId


def timestamp(ms: int) -> str:
    """Unix milliseconds as RFC 3339 in UTC, with milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def received(message: Message) -> dict[str, object]:
    """The data of `message.received`."""
    data: dict[str, object] = {
        "account": message.account,
        "message_id": message.id,
        "contact": message.contact,
        "conversation": message.conversation,
        "text": message.text,
        "time": timestamp(message.time_ms),
    }
    if message.reply_to:
        data["reply_to"] = message.reply_to
    return data


def progressed(message: Message) -> dict[str, object]:
    """The data of `message.sent`, `delivered`, `read` and `failed`."""
    where = (message.account, message.id, message.contact, message.conversation)
    return progress(where, message.state, message.route, message.reason)


Where = tuple[AccountId, MessageId, AccountId, ConversationId]


def progress(where: Where, state: str, route: str, reason: str = "") -> dict[str, object]:
    """As `progressed`, where the row is not at hand. `where`: account, message, contact, conversation."""
    account, message, contact_id, conversation = where
    data: dict[str, object] = {
        "account": account,
        "message_id": message,
        "contact": contact_id,
        "conversation": conversation,
        "route": route or None,
        "state": state,
    }
    if reason:
        data["reason"] = reason
    return data


def contact(row: Contact) -> dict[str, object]:
    """The data of `contact.added` and `contact.changed`."""
    return {
        "account": row.account,
        "contact": row.id,
        "conversation": row.conversation,
        "state": row.state,
        "name": row.petname or row.name,
        "verified": row.verified,
    }


def keys_changed(row: Contact) -> dict[str, object]:
    """The data of `contact.keys_changed`."""
    return {
        "account": row.account,
        "contact": row.id,
        "conversation": row.conversation,
        "name": row.petname or row.name,
        "verified": row.verified,
    }


def reused(account: AccountId, late: AccountId, at_ms: int) -> dict[str, object]:
    """The data of `invite.reused`: who came too late for an invite, and when."""
    return {"account": account, "contact": late, "time": timestamp(at_ms)}


async def render(store: Store, events: Sequence[Event]) -> list[dict[str, object]]:
    """The data of stored events. An object that was erased leaves only its id and account."""
    contacts = {
        (row.account, row.id): row
        for account in {event.account for event in events if event.topic.startswith("contact.")}
        for row in await store.contacts(account)
    }
    return [await _render(store, event, contacts.get((event.account, AccountId(event.object)))) for event in events]


async def _render(store: Store, event: Event, found: Contact | None) -> dict[str, object]:
    noun = event.topic.partition(".")[0]
    if event.topic == "contact.keys_changed" and found:
        return keys_changed(found)
    if noun == "account":
        return {"account": event.account, "contact": event.object}
    if noun == "contact":
        return contact(found) if found else {"account": event.account, "contact": event.object, "state": "removed"}
    if noun == "invite":
        return reused(event.account, AccountId(event.object), event.at_ms)
    if noun == "plugin":
        plugin, _, reason = event.object.partition(": ")
        return {"account": "", "plugin": plugin, "reason": reason}
    message = await store.message(event.account, MessageId(event.object))
    if message is None:
        return {"account": event.account, "message_id": event.object}
    return received(message) if event.topic == "message.received" else progressed(message)
