"""What the node answers and tells.

Generated from docs/openrpc.json by `make gen`; not to be edited.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mepassa.value import Value

if TYPE_CHECKING:
    Topic: TypeAlias = Literal[
        "message.received",
        "message.sent",
        "message.delivered",
        "message.read",
        "message.failed",
        "contact.added",
        "contact.changed",
        "contact.keys_changed",
        "account.superseded",
        "invite.reused",
        "plugin.failed",
        "contact.online",
        "contact.offline",
        "typing",
        "events.lagged",
    ]
    """What events may be about."""
    ContactKeysChangedState: TypeAlias = Literal["removed"]
    ContactState: TypeAlias = Literal["pending", "accepted", "refused", "removed"]
    """Pending until the other side answered; removed only in events."""
    MessageState: TypeAlias = Literal["queued", "sent", "delivered", "read", "failed", "expired", "received"]
    """Of one's own: queued, sent, delivered, read, failed, expired; of a contact's: received, read."""
    Route: TypeAlias = Literal["direct", "relayed", "mailbox"]
    """How it came first."""
else:  # a newer node may know more words
    Topic = str
    ContactKeysChangedState = str
    ContactState = str
    MessageState = str
    Route = str


class CreatedAccount(Value, frozen=True, kw_only=True):
    """The new account."""

    _hidden = frozenset(["words"])

    account: str
    """The id of an account of this node (`mp1…`)."""

    words: str
    """The 24 recovery words, shown this once and kept nowhere."""


class AccountPage(Value, frozen=True, kw_only=True):
    """All accounts, oldest first."""

    items: list[AccountItem]

    next: None = None


class AccountItem(Value, frozen=True, kw_only=True):
    """An account of this node."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    name: str

    kind: str

    created_at: datetime
    """RFC 3339, UTC, milliseconds."""


class AnswerItem(Value, frozen=True, kw_only=True):
    """An answer, to the conversation."""

    _hidden = frozenset(["text"])

    text: str
    """At most `messages.max_text` bytes of UTF-8."""

    request_id: str
    """If it was sent before, it is not sent again."""

    reply_to: str | None = None
    """The message that this one answers."""


class Answered(Value, frozen=True, kw_only=True):
    """What was sent."""

    message_ids: list[str]


class BotPlace(Value, frozen=True, kw_only=True):
    """Where a bot got to."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    seq: int | None
    """It has dealt with all events up to this one; null: it never ran."""


class RegisteredBot(Value, frozen=True, kw_only=True):
    """A bot's account, and what it shows to act for it."""

    _hidden = frozenset(["token"])

    account: str
    """The id of an account of this node (`mp1…`)."""

    token: str
    """Scope `write`, for this account; told this once and kept nowhere."""

    words_file: str | None
    """Where the 24 words of a new account lie, 0600; else null."""


class Done(Value, frozen=True, kw_only=True):
    """Nothing to tell: it was done."""


class BotState(Value, frozen=True, kw_only=True):
    """What a bot keeps about a conversation."""

    seq: int
    """The last event that it dealt with there; 0: none."""

    state: dict[str, Any]


class ContactItem(Value, frozen=True, kw_only=True):
    """A contact."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""

    conversation: str
    """The id of a conversation."""

    name: str
    """What to show: the petname, else the name they chose; may be empty."""

    petname: str | None

    chosen_name: str | None

    key_suffix: str
    """The end of their id, to show beside a name they chose: several may have the same."""

    kind: str

    state: ContactState
    """Pending until the other side answered; removed only in events."""

    reason: str | None
    """Why it was refused."""

    blocked: bool

    verified: bool

    online: bool

    created_at: datetime
    """RFC 3339, UTC, milliseconds."""


class ContactPage(Value, frozen=True, kw_only=True):
    """Contacts, oldest first."""

    items: list[ContactItem]

    next: str | None
    """The `next` of the page before."""


class SafetyNumber(Value, frozen=True, kw_only=True):
    """A safety number, the same on both sides while nobody stands between them."""

    number: str
    """60 digits."""

    groups: list[str]
    """The same as it is read aloud: twelve groups of five."""


class ConversationItem(Value, frozen=True, kw_only=True):
    """A conversation as a list shows it."""

    conversation: str
    """The id of a conversation."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""

    unread: int
    """Received messages that were not marked as read."""

    last_time: datetime | None
    """When something last happened."""

    last_message: str | None
    """The last message; null while nothing was said."""


class ConversationPage(Value, frozen=True, kw_only=True):
    """Conversations, the one where something happened last first."""

    items: list[ConversationItem]

    next: str | None
    """The `next` of the page before."""


class Subscribed(Value, frozen=True, kw_only=True):
    """The subscription; its events come as notifications `events.event`."""

    subscription: str

    seq: int
    """The facts above this number follow; a cursor to begin with."""


class Identity(Value, frozen=True, kw_only=True):
    """An account and where its node listens."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    name: str

    kind: str

    addresses: list[str]
    """Multiaddrs with `/p2p/`."""


class Accepted(Value, frozen=True, kw_only=True):
    """The contact that it makes."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""

    conversation: str
    """The id of a conversation."""

    state: ContactState
    """Pending until the other side answered; removed only in events."""


class CreatedInvite(Value, frozen=True, kw_only=True):
    """An invite to hand over."""

    _hidden = frozenset(["uri"])

    uri: str
    """`mepassa:i/1/…`, or `mepassa:v/1/…` for a code; who has it can use it."""

    expires_at: datetime
    """RFC 3339, UTC, milliseconds."""


class MessageItem(Value, frozen=True, kw_only=True):
    """A message."""

    _hidden = frozenset(["text"])

    message_id: str
    """The id of a message."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""

    conversation: str
    """The id of a conversation."""

    incoming: bool

    text: str
    """What was written."""

    time: datetime
    """RFC 3339, UTC, milliseconds."""

    state: MessageState
    """Of one's own: queued, sent, delivered, read, failed, expired; of a contact's: received, read."""

    route: Route | None
    """How it came first; null while queued."""

    reply_to: str | None
    """The id of a message."""

    reason: str | None
    """Why it failed or waits."""

    tries: int = 0
    """Of a sent one: times that a node took it, until it was delivered."""

    latency_ms: int | None = None
    """Milliseconds from its sending to its delivery."""


class MessagePage(Value, frozen=True, kw_only=True):
    """Messages, newest first; give `next` as `before` to go on."""

    items: list[MessageItem]

    next: str | None
    """The `next` of the page before."""


class SentMessage(Value, frozen=True, kw_only=True):
    """The message that was kept."""

    message_id: str
    """The id of a message."""


class Hello(Value, frozen=True, kw_only=True):
    """What answers."""

    version: str
    """The version of the daemon."""

    api: int
    """The version of this interface; within one, it only grows."""

    methods: list[str]

    topics: list[str]

    account: str | None
    """The only account that this session acts for."""

    scopes: list[str]
    """What it may do: `read`, `write`, `admin`, names of methods."""

    max_text: int
    """Bytes of UTF-8 that a text may have: `messages.max_text`."""


class CreatedToken(Value, frozen=True, kw_only=True):
    """A new token."""

    _hidden = frozenset(["token"])

    token_id: str

    name: str

    scopes: list[str]

    account: str | None
    """The id of an account of this node (`mp1…`)."""

    created_at: datetime
    """RFC 3339, UTC, milliseconds."""

    expires_at: datetime | None
    """RFC 3339, UTC, milliseconds."""

    token: str
    """What is to be shown, told this once and kept nowhere."""


class TokenPage(Value, frozen=True, kw_only=True):
    """All tokens, oldest first."""

    items: list[TokenItem]

    next: None = None


class TokenItem(Value, frozen=True, kw_only=True):
    """A token, without what is shown for it."""

    token_id: str

    name: str

    scopes: list[str]

    account: str | None
    """The id of an account of this node (`mp1…`)."""

    created_at: datetime
    """RFC 3339, UTC, milliseconds."""

    expires_at: datetime | None
    """RFC 3339, UTC, milliseconds."""


class MessageReceived(Value, frozen=True, kw_only=True):
    """A message of a contact; of one that was erased since, only the ids of account and message are left."""

    _hidden = frozenset(["text"])

    account: str
    """The id of an account of this node (`mp1…`)."""

    message_id: str
    """The id of a message."""

    contact: str | None = None
    """The id of a contact: their account id (`mp1…`)."""

    conversation: str | None = None
    """The id of a conversation."""

    text: str | None = None
    """What was written."""

    time: datetime | None = None
    """RFC 3339, UTC, milliseconds."""

    reply_to: str | None = None
    """The id of a message."""


class MessageProgress(Value, frozen=True, kw_only=True):
    """A step of a message of ours, as it is now; `reason` says why it failed. Of an erased one only ids are left."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    message_id: str
    """The id of a message."""

    contact: str | None = None
    """The id of a contact: their account id (`mp1…`)."""

    conversation: str | None = None
    """The id of a conversation."""

    route: Route | None = None
    """How it came first."""

    state: MessageState | None = None
    """Of one's own: queued, sent, delivered, read, failed, expired; of a contact's: received, read."""

    reason: str | None = None


class ContactEvent(Value, frozen=True, kw_only=True):
    """A contact as it is now; of a removed one only its id is left."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""

    state: ContactState
    """Pending until the other side answered; removed only in events."""

    conversation: str | None = None
    """The id of a conversation."""

    name: str | None = None

    verified: bool | None = None


class ContactKeysChanged(Value, frozen=True, kw_only=True):
    """A contact whose devices changed; the safety number stays the same. Of a removed one only its id is left."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""

    state: ContactKeysChangedState | None = None

    conversation: str | None = None
    """The id of a conversation."""

    name: str | None = None

    verified: bool | None = None


class AccountSuperseded(Value, frozen=True, kw_only=True):
    """Which account may have been restored elsewhere, and who says so. Only you can tell whether that was you."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""


class InviteReused(Value, frozen=True, kw_only=True):
    """Who came too late for an invite, and when; they did not become a contact by it."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""

    time: datetime
    """RFC 3339, UTC, milliseconds."""


class PluginFailed(Value, frozen=True, kw_only=True):
    """A component of the node that failed, and why; it belongs to no account."""

    account: str = ""

    plugin: str

    reason: str


class ContactPresence(Value, frozen=True, kw_only=True):
    """Whose connection came or went."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""


class Typing(Value, frozen=True, kw_only=True):
    """Who is typing where, or stopped."""

    account: str
    """The id of an account of this node (`mp1…`)."""

    contact: str
    """The id of a contact: their account id (`mp1…`)."""

    conversation: str
    """The id of a conversation."""

    active: bool


class Lagged(Value, frozen=True, kw_only=True):
    """How many signals this subscription did not get."""

    dropped: int


EventData: TypeAlias = (
    AccountSuperseded
    | ContactEvent
    | ContactKeysChanged
    | ContactPresence
    | InviteReused
    | Lagged
    | MessageProgress
    | MessageReceived
    | PluginFailed
    | Typing
    | dict[str, Any]
)
"""The data of any event; a dict where this version of the client does not know the topic."""
