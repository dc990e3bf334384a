"""The parameters of every method, with their bounds.

Generated from docs/openrpc.json by `make gen`; not to be edited.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

API = 1
"""The version of the interface that this client was made for."""


class Params(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Parameters of a method."""


class AnswerItemParams(Params, kw_only=True):
    """An answer, to the conversation."""

    text: str
    request_id: Annotated[str, Meta(min_length=1, max_length=128)]
    reply_to: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class AccountsCreate(Params, kw_only=True):
    """Of `accounts.create`."""

    name: str
    kind: Literal["ai-agent", "bot", "node", "person"] = "person"


class AccountsList(Params, kw_only=True):
    """Of `accounts.list`."""


class BotsAnswer(Params, kw_only=True):
    """Of `bots.answer`."""

    bot: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,32}\\Z")]
    conversation: Annotated[str, Meta(min_length=1, max_length=128)]
    after: Annotated[int, Meta(ge=0, le=9223372036854775807)]
    seq: Annotated[int, Meta(ge=1, le=9223372036854775807)]
    place: Annotated[int, Meta(ge=0, le=9223372036854775807)]
    answers: Annotated[list[AnswerItemParams], Meta(max_length=100)] = []
    state: dict[str, Any] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class BotsOpen(Params, kw_only=True):
    """Of `bots.open`."""

    bot: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,32}\\Z")]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class BotsRegister(Params, kw_only=True):
    """Of `bots.register`."""

    bot: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,32}\\Z")]
    name: str | None = None


class BotsSave(Params, kw_only=True):
    """Of `bots.save`."""

    bot: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,32}\\Z")]
    place: Annotated[int, Meta(ge=0, le=9223372036854775807)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class BotsState(Params, kw_only=True):
    """Of `bots.state`."""

    bot: Annotated[str, Meta(pattern="^[a-z0-9_-]{1,32}\\Z")]
    conversation: Annotated[str, Meta(min_length=1, max_length=128)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ContactsBlock(Params, kw_only=True):
    """Of `contacts.block`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)]
    blocked: bool = True
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ContactsGet(Params, kw_only=True):
    """Of `contacts.get`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ContactsList(Params, kw_only=True):
    """Of `contacts.list`."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 500
    after: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ContactsRemove(Params, kw_only=True):
    """Of `contacts.remove`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ContactsRename(Params, kw_only=True):
    """Of `contacts.rename`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)]
    name: str
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ContactsSafetyNumber(Params, kw_only=True):
    """Of `contacts.safety_number`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ContactsUnverify(Params, kw_only=True):
    """Of `contacts.unverify`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ContactsVerify(Params, kw_only=True):
    """Of `contacts.verify`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    number: Annotated[str, Meta(max_length=500)] | None = None
    code: Annotated[str, Meta(max_length=2000)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ConversationsGet(Params, kw_only=True):
    """Of `conversations.get`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    conversation: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ConversationsList(Params, kw_only=True):
    """Of `conversations.list`."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 500
    after: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ConversationsTyping(Params, kw_only=True):
    """Of `conversations.typing`."""

    active: bool
    contact: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    conversation: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class EventsSubscribe(Params, kw_only=True):
    """Of `events.subscribe`."""

    topics: Annotated[list[Annotated[str, Meta(max_length=128)]], Meta(min_length=1, max_length=100)] | None = None
    after: Annotated[int, Meta(ge=0, le=9223372036854775807)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class EventsUnsubscribe(Params, kw_only=True):
    """Of `events.unsubscribe`."""

    subscription: Annotated[str, Meta(max_length=128)]


class IdentityShow(Params, kw_only=True):
    """Of `identity.show`."""

    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class InvitesAccept(Params, kw_only=True):
    """Of `invites.accept`."""

    uri: Annotated[str, Meta(max_length=2000)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class InvitesCreate(Params, kw_only=True):
    """Of `invites.create`."""

    uses: Annotated[int, Meta(ge=1, le=10000)] = 1
    expires_in: Annotated[int, Meta(ge=1, le=31536000)] | None = None
    in_person: bool = False
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class MessagesGet(Params, kw_only=True):
    """Of `messages.get`."""

    message_id: Annotated[str, Meta(min_length=1, max_length=128)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class MessagesList(Params, kw_only=True):
    """Of `messages.list`."""

    contact: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    conversation: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class MessagesMarkRead(Params, kw_only=True):
    """Of `messages.mark_read`."""

    message_id: Annotated[str, Meta(min_length=1, max_length=128)]
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class MessagesSearch(Params, kw_only=True):
    """Of `messages.search`."""

    query: Annotated[str, Meta(max_length=1000)]
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class MessagesSend(Params, kw_only=True):
    """Of `messages.send`."""

    text: str
    contact: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    conversation: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    reply_to: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    request_id: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class SystemHello(Params, kw_only=True):
    """Of `system.hello`."""

    client: Annotated[str, Meta(max_length=200)] | None = None
    api: int | None = None
    token: Annotated[str, Meta(max_length=200)] | None = None


class SystemStats(Params, kw_only=True):
    """Of `system.stats`."""


class SystemStop(Params, kw_only=True):
    """Of `system.stop`."""


class TokensCreate(Params, kw_only=True):
    """Of `tokens.create`."""

    name: str
    scopes: Annotated[list[Annotated[str, Meta(max_length=128)]], Meta(min_length=1, max_length=100)]
    expires_in: Annotated[int, Meta(ge=60, le=315360000)] | None = None
    account: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class TokensList(Params, kw_only=True):
    """Of `tokens.list`."""


class TokensRevoke(Params, kw_only=True):
    """Of `tokens.revoke`."""

    token_id: Annotated[str, Meta(min_length=1, max_length=128)]


PARAMS: dict[str, type[Params]] = {
    "accounts.create": AccountsCreate,
    "accounts.list": AccountsList,
    "bots.answer": BotsAnswer,
    "bots.open": BotsOpen,
    "bots.register": BotsRegister,
    "bots.save": BotsSave,
    "bots.state": BotsState,
    "contacts.block": ContactsBlock,
    "contacts.get": ContactsGet,
    "contacts.list": ContactsList,
    "contacts.remove": ContactsRemove,
    "contacts.rename": ContactsRename,
    "contacts.safety_number": ContactsSafetyNumber,
    "contacts.unverify": ContactsUnverify,
    "contacts.verify": ContactsVerify,
    "conversations.get": ConversationsGet,
    "conversations.list": ConversationsList,
    "conversations.typing": ConversationsTyping,
    "events.subscribe": EventsSubscribe,
    "events.unsubscribe": EventsUnsubscribe,
    "identity.show": IdentityShow,
    "invites.accept": InvitesAccept,
    "invites.create": InvitesCreate,
    "messages.get": MessagesGet,
    "messages.list": MessagesList,
    "messages.mark_read": MessagesMarkRead,
    "messages.search": MessagesSearch,
    "messages.send": MessagesSend,
    "system.hello": SystemHello,
    "system.stats": SystemStats,
    "system.stop": SystemStop,
    "tokens.create": TokensCreate,
    "tokens.list": TokensList,
    "tokens.revoke": TokensRevoke,
}
"""By the names of their methods."""
