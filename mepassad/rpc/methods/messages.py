"""`messages.*`: sending, reading, searching."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mepassad.api.methods import AccountParams, Done, Result, method
from mepassad.api.types import Account, Message, MessageId
from mepassad.errors import (
    ContactBlocked,
    ContactRefused,
    EmptyMessage,
    MessageTooLarge,
    Rejected,
    RequestReused,
    StoreFull,
    UnknownContact,
    UnknownConversation,
    UnknownMessage,
)
from mepassad.rpc.caller import Caller
from mepassad.rpc.methods import pages
from mepassad.rpc.methods.conversations import PlaceParams, place
from mepassad.rpc.node import Node
from mepassad.rpc.values import (
    ContactRef,
    ConversationRef,
    Cursor,
    Limit,
    MessageRef,
    MessageState,
    Route,
    Text,
    Time,
    secret,
    timestamp,
)

_PAGE = 100


class SendParams(PlaceParams, frozen=True, kw_only=True):
    """Where to, and what."""

    text: Annotated[str, secret("At most `messages.max_text` bytes of UTF-8.")]
    reply_to: Annotated[MessageRef | None, Meta(description="The message that this one answers.")] = None
    request_id: (
        Annotated[str, Meta(min_length=1, max_length=128, description="The same one again makes no second message.")]
        | None
    ) = None


class SentMessage(Result, frozen=True, kw_only=True):
    """The message that was kept."""

    message_id: MessageRef


class MessageParams(AccountParams, frozen=True, kw_only=True):
    """Which message."""

    message_id: MessageRef


class MessageItem(Result, frozen=True, kw_only=True):
    """A message."""

    message_id: MessageRef
    contact: ContactRef
    conversation: ConversationRef
    incoming: bool
    text: Text
    time: Time
    state: MessageState
    route: Annotated[Route | None, Meta(description="How it came first; null while queued.")]
    reply_to: MessageRef | None
    reason: Annotated[str | None, Meta(description="Why it failed or waits.")]
    tries: Annotated[int, Meta(description="Of a sent one: times that a node took it, until it was delivered.")] = 0
    latency_ms: Annotated[int | None, Meta(description="Milliseconds from its sending to its delivery.")] = None


class MessagePage(Result, frozen=True, kw_only=True):
    """Messages, newest first; give `next` as `before` to go on."""

    items: list[MessageItem]
    next: Cursor | None


class ListParams(PlaceParams, frozen=True, kw_only=True):
    """Which conversation, and which page of it."""

    limit: Limit = _PAGE
    before: Cursor | None = None


class SearchParams(AccountParams, frozen=True, kw_only=True):
    """What to look for, and which page of what is found."""

    query: Annotated[str, Meta(max_length=1_000, description="Words; the last one may be a beginning.")]
    limit: Limit = _PAGE
    before: Cursor | None = None


@method(
    "messages.send",
    scope="write",
    errors=[
        ContactBlocked,
        ContactRefused,
        EmptyMessage,
        MessageTooLarge,
        Rejected,
        RequestReused,
        StoreFull,
        UnknownContact,
        UnknownConversation,
        UnknownMessage,
    ],
)
async def send(node: Node, account: Account, params: SendParams) -> SentMessage:
    """Send a text to a contact, a pending one too. Returns once it is durable, not once it is delivered."""
    _, contact = place(node, account.id, params)
    reply_to, request_id = params.reply_to or "", params.request_id or ""
    message = await node.outbox.submit(account.id, contact, params.text, reply_to, request_id)
    return SentMessage(message_id=message.id)


@method("messages.get", scope="read", errors=[UnknownMessage])
async def get(node: Node, account: Account, params: MessageParams) -> MessageItem:
    """One message, with its state and route."""
    message = await node.store.message(account.id, MessageId(params.message_id))
    if message is None:
        raise UnknownMessage
    return _item(message)


@method("messages.list", scope="read", errors=[UnknownContact, UnknownConversation])
async def list_messages(node: Node, account: Account, caller: Caller, params: ListParams) -> MessagePage:
    """A page of a conversation, newest first. It may end early, so that it fits into a line."""
    conversation, _ = place(node, account.id, params)
    items, next = await pages.read(
        lambda limit, before: node.store.messages(account.id, conversation, limit, before),
        _item,
        params.limit,
        params.before,
        caller.max_line,
    )
    return MessagePage(items=items, next=next)


@method("messages.search", scope="read")
async def search(node: Node, account: Account, caller: Caller, params: SearchParams) -> MessagePage:
    """Messages that hold all words of a query, newest first; accents and case are ignored."""
    items, next = await pages.read(
        lambda limit, before: node.store.search(account.id, params.query, limit, before),
        _item,
        params.limit,
        params.before,
        caller.max_line,
    )
    return MessagePage(items=items, next=next)


@method("messages.mark_read", scope="write", errors=[UnknownMessage, StoreFull])
async def mark_read(node: Node, account: Account, params: MessageParams) -> Done:
    """Mark a conversation as read up to and including a message; its sender gets receipts."""
    await node.conversations.mark_read(account.id, MessageId(params.message_id))
    return Done()


def _item(message: Message) -> MessageItem:
    return MessageItem(
        message_id=message.id,
        contact=message.contact,
        conversation=message.conversation,
        incoming=message.incoming,
        text=message.text,
        time=timestamp(message.time_ms),
        state=message.state,
        route=message.route or None,
        reply_to=message.reply_to or None,
        reason=message.reason or None,
        tries=message.tries,
        latency_ms=message.latency_ms or None,
    )
