"""`contacts.*`: the people, bots and nodes that an account talks to."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mepassad.api.methods import AccountParams, Done, Result, method
from mepassad.api.types import Account, AccountId, Contact
from mepassad.errors import InvalidName, StoreFull, UnknownContact
from mepassad.rpc.methods.pages import PageParams, cut
from mepassad.rpc.node import Caller, Node
from mepassad.rpc.values import ContactRef, ContactState, ConversationRef, Cursor, Time, timestamp


class ContactItem(Result, frozen=True, kw_only=True):
    """A contact."""

    contact: ContactRef
    conversation: ConversationRef
    name: Annotated[str, Meta(description="What to show: the petname, else the name they chose; may be empty.")]
    petname: str | None
    chosen_name: str | None
    kind: str
    state: ContactState
    reason: Annotated[str, Meta(description="Why it was refused.")] | None
    blocked: bool
    verified: bool
    online: bool
    created_at: Time


class ContactPage(Result, frozen=True, kw_only=True):
    """Contacts, oldest first."""

    items: list[ContactItem]
    next: Cursor | None


class ContactParams(AccountParams, frozen=True, kw_only=True):
    """Which contact."""

    contact: ContactRef


class RenameParams(ContactParams, frozen=True, kw_only=True):
    """Which contact, and what to call them."""

    name: Annotated[str, Meta(description="The petname; empty to go by the name they chose.")]


class BlockParams(ContactParams, frozen=True, kw_only=True):
    """Which contact, and whether to block or unblock."""

    blocked: bool = True


@method("contacts.list", scope="read")
async def list_contacts(node: Node, account: Account, caller: Caller, params: PageParams) -> ContactPage:
    """All contacts of the account, oldest first, pending ones included."""
    items = [_item(node, contact) for contact in node.contacts.all(account.id)]
    page, next = cut(items, [item.contact for item in items], params, caller.max_line)
    return ContactPage(items=page, next=next)


@method("contacts.get", scope="read", errors=[UnknownContact])
async def get(node: Node, account: Account, params: ContactParams) -> ContactItem:
    """One contact."""
    return _item(node, node.contacts.get(account.id, AccountId(params.contact)))


@method("contacts.rename", scope="write", errors=[UnknownContact, InvalidName, StoreFull])
async def rename(node: Node, account: Account, params: RenameParams) -> ContactItem:
    """Give a contact a name of one's own; they do not learn of it."""
    return _item(node, await node.contacts.rename(account.id, AccountId(params.contact), params.name))


@method("contacts.block", scope="write", errors=[UnknownContact, StoreFull])
async def block(node: Node, account: Account, params: BlockParams) -> ContactItem:
    """Block a contact, or with `blocked: false` unblock them; they do not learn of it."""
    return _item(node, await node.contacts.block(account.id, AccountId(params.contact), params.blocked))


@method("contacts.remove", scope="write", errors=[UnknownContact, StoreFull])
async def remove(node: Node, account: Account, params: ContactParams) -> Done:
    """Forget a contact, with the conversation and its messages."""
    await node.contacts.remove(account.id, AccountId(params.contact))
    return Done()


def _item(node: Node, contact: Contact) -> ContactItem:
    return ContactItem(
        contact=contact.id,
        conversation=contact.conversation,
        name=contact.petname or contact.name,
        petname=contact.petname or None,
        chosen_name=contact.name or None,
        kind=contact.kind,
        state=contact.state,
        reason=contact.reason or None,
        blocked=contact.blocked,
        verified=contact.verified,
        online=node.contacts.online(contact.account, contact.id),
        created_at=timestamp(contact.created_at * 1000),
    )
