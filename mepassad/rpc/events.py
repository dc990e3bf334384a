"""What each event carries: topic → the shape of its data. The words for the topics are in `mepassad.api.events`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from mepassad.rpc.values import (
    AccountRef,
    ContactRef,
    ContactState,
    ConversationRef,
    MessageRef,
    MessageState,
    Route,
    Text,
    Time,
)


class MessageReceived(msgspec.Struct, kw_only=True):
    """A message of a contact; of one that was erased since, only the ids of account and message are left."""

    account: AccountRef
    message_id: MessageRef
    contact: ContactRef | None = None
    conversation: ConversationRef | None = None
    text: Text | None = None
    time: Time | None = None
    reply_to: MessageRef | None = None


class MessageProgress(msgspec.Struct, kw_only=True):
    """A step of a message of ours, as it is now; `reason` says why it failed. Of an erased one only ids are left."""

    account: AccountRef
    message_id: MessageRef
    contact: ContactRef | None = None
    conversation: ConversationRef | None = None
    route: Route | None = None
    state: MessageState | None = None
    reason: str | None = None


class ContactEvent(msgspec.Struct, kw_only=True):
    """A contact as it is now; of a removed one only its id is left."""

    account: AccountRef
    contact: ContactRef
    state: ContactState
    conversation: ConversationRef | None = None
    name: str | None = None
    verified: bool | None = None


class InviteReused(msgspec.Struct, kw_only=True):
    """Who came too late for an invite, and when; they did not become a contact by it."""

    account: AccountRef
    contact: ContactRef
    time: Time


class ContactKeysChanged(msgspec.Struct, kw_only=True):
    """A contact whose devices changed; the safety number stays the same. Of a removed one only its id is left."""

    account: AccountRef
    contact: ContactRef
    state: Literal["removed"] | None = None
    conversation: ConversationRef | None = None
    name: str | None = None
    verified: bool | None = None


class AccountSuperseded(msgspec.Struct, kw_only=True):
    """Which account may have been restored elsewhere, and who says so. Only you can tell whether that was you."""

    account: AccountRef
    contact: ContactRef


class PluginFailed(msgspec.Struct, kw_only=True):
    """A component of the node that failed, and why; it belongs to no account."""

    account: Literal[""] = ""
    plugin: str
    reason: str


class ContactPresence(msgspec.Struct, kw_only=True):
    """Whose connection came or went."""

    account: AccountRef
    contact: ContactRef


class Typing(msgspec.Struct, kw_only=True):
    """Who is typing where, or stopped."""

    account: AccountRef
    contact: ContactRef
    conversation: ConversationRef
    active: bool


class Lagged(msgspec.Struct, kw_only=True):
    """How many signals this subscription did not get."""

    dropped: int


DATA: dict[str, type[msgspec.Struct]] = {
    "message.received": MessageReceived,
    "message.sent": MessageProgress,
    "message.delivered": MessageProgress,
    "message.read": MessageProgress,
    "message.failed": MessageProgress,
    "contact.added": ContactEvent,
    "contact.changed": ContactEvent,
    "contact.keys_changed": ContactKeysChanged,
    "account.superseded": AccountSuperseded,
    "invite.reused": InviteReused,
    "plugin.failed": PluginFailed,
    "contact.online": ContactPresence,
    "contact.offline": ContactPresence,
    "typing": Typing,
    "events.lagged": Lagged,
}


class EventMessage(msgspec.Struct, kw_only=True):
    """The parameters of the notification `events.event`. `seq` numbers a fact; a signal has none."""

    subscription: str
    seq: int | None
    topic: str
    data: dict[str, Any]
