"""`conversations.*`: what an account has open with its contacts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mepassad.api.methods import AccountParams, Done, Result, method
from mepassad.api.types import Account, AccountId, Conversation, ConversationId
from mepassad.errors import InvalidParams, StoreFull, UnknownContact, UnknownConversation
from mepassad.rpc.caller import Caller
from mepassad.rpc.methods.pages import PageParams, cut
from mepassad.rpc.node import Node
from mepassad.rpc.values import ContactRef, ConversationRef, Cursor, MessageRef, Time, timestamp


class ConversationItem(Result, frozen=True, kw_only=True):
    """A conversation as a list shows it."""

    conversation: ConversationRef
    contact: ContactRef
    unread: Annotated[int, Meta(ge=0, description="Received messages that were not marked as read.")]
    last_time: Annotated[Time | None, Meta(description="When something last happened.")]
    last_message: Annotated[MessageRef | None, Meta(description="The last message; null while nothing was said.")]


class ConversationPage(Result, frozen=True, kw_only=True):
    """Conversations, the one where something happened last first."""

    items: list[ConversationItem]
    next: Cursor | None


class PlaceParams(AccountParams, frozen=True, kw_only=True):
    """Which conversation: by its own id or by the contact's; one of the two."""

    contact: ContactRef | None = None
    conversation: ConversationRef | None = None


class TypingParams(PlaceParams, frozen=True, kw_only=True):
    """Where, and what is done."""

    active: Annotated[bool, Meta(description="Whether one is typing; false once one stopped.")]


@method("conversations.list", scope="read")
async def list_conversations(node: Node, account: Account, caller: Caller, params: PageParams) -> ConversationPage:
    """All conversations with their unread counts, the one where something happened last first."""
    items = [_item(conversation) for conversation in await node.conversations.all(account.id)]
    page, next = cut(items, [item.conversation for item in items], params, caller.max_line)
    return ConversationPage(items=page, next=next)


@method("conversations.get", scope="read", errors=[UnknownContact, UnknownConversation])
async def get(node: Node, account: Account, params: PlaceParams) -> ConversationItem:
    """One conversation, by its id or its contact's."""
    conversation, _ = place(node, account.id, params)
    return _item(await node.conversations.get(account.id, conversation))


@method("conversations.typing", scope="write", errors=[UnknownContact, UnknownConversation, StoreFull])
async def typing(node: Node, account: Account, params: TypingParams) -> Done:
    """Let a contact who is online see that one is typing, or stopped; for others it does nothing."""
    _, contact = place(node, account.id, params)
    await node.outbox.typing(account.id, contact, params.active)
    return Done()


def place(node: Node, account: AccountId, params: PlaceParams) -> tuple[ConversationId, AccountId]:
    """The conversation meant and its contact. Raises `UnknownContact`, `UnknownConversation`, `InvalidParams`."""
    if (params.contact is None) == (params.conversation is None):
        raise InvalidParams("Name either `contact` or `conversation`.")
    if params.contact is not None:
        contact = node.contacts.get(account, AccountId(params.contact))
        return contact.conversation, contact.id
    conversation = ConversationId(params.conversation or "")
    return conversation, node.conversations.contact_of(account, conversation)


def _item(conversation: Conversation) -> ConversationItem:
    return ConversationItem(
        conversation=conversation.id,
        contact=conversation.contact,
        unread=conversation.unread,
        last_time=timestamp(conversation.last_ms) if conversation.last_ms else None,
        last_message=conversation.last_message or None,
    )
