"""`contacts.*`: the people, bots and nodes that an account talks to."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mepassad.api.methods import AccountParams, Done, Result, method
from mepassad.api.types import Account, AccountId, Contact
from mepassad.errors import (
    CodeOfAnother,
    ContactBlocked,
    InvalidName,
    InvalidParams,
    InviteExpired,
    InviteMalformed,
    InviteOwn,
    InviteVersion,
    NotACode,
    NumbersDiffer,
    StoreFull,
    UnknownContact,
)
from mepassad.rpc.caller import Caller
from mepassad.rpc.methods.pages import PageParams, cut
from mepassad.rpc.node import Node
from mepassad.rpc.values import ContactRef, ContactState, ConversationRef, Cursor, InviteUri, Time, timestamp
from mepassad.wire.ids import suffix
from mepassad.wire.safety import groups, safety_number


class ContactItem(Result, frozen=True, kw_only=True):
    """A contact."""

    contact: ContactRef
    conversation: ConversationRef
    name: Annotated[str, Meta(description="What to show: the petname, else the name they chose; may be empty.")]
    petname: str | None
    chosen_name: str | None
    key_suffix: Annotated[
        str, Meta(description="The end of their id, to show beside a name they chose: several may have the same.")
    ]
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


class VerifyParams(AccountParams, frozen=True, kw_only=True):
    """What a contact showed or read out in person: their safety number, or a code of theirs."""

    contact: ContactRef | None = None
    number: Annotated[str, Meta(max_length=500, description="60 digits, with any white space.")] | None = None
    code: InviteUri | None = None


class SafetyNumber(Result, frozen=True, kw_only=True):
    """A safety number, the same on both sides while nobody stands between them."""

    number: Annotated[str, Meta(description="60 digits.")]
    groups: Annotated[list[str], Meta(description="The same as it is read aloud: twelve groups of five.")]


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


@method("contacts.safety_number", scope="read", errors=[UnknownContact])
async def show_safety_number(node: Node, account: Account, params: ContactParams) -> SafetyNumber:
    """The number to compare with what the contact sees, in person or over a line where their voice is known."""
    contact = node.contacts.get(account.id, AccountId(params.contact))
    number = safety_number(account.id, contact.id)
    return SafetyNumber(number=number, groups=groups(number))


@method(
    "contacts.verify",
    scope="write",
    errors=[
        CodeOfAnother,
        ContactBlocked,
        InviteExpired,
        InviteMalformed,
        InviteOwn,
        InviteVersion,
        NotACode,
        NumbersDiffer,
        StoreFull,
        UnknownContact,
    ],
)
async def verify(node: Node, account: Account, params: VerifyParams) -> ContactItem:
    """Verify a contact by the safety number that they read out, or by the code that they showed, just one of the two.

    The right number verifies at once; a wrong one changes nothing. A code verifies both sides once its maker has
    confirmed it: `verified` is still false here then, and `contact.changed` tells. With `contact`, a code that is not
    theirs is refused.
    """
    contact = None if params.contact is None else AccountId(params.contact)
    if (params.number is None) == (params.code is None):
        raise InvalidParams("Give the `number` or a `code`, and not both.")
    if params.code is not None:
        return _item(node, await node.verifications.scan(account.id, params.code, contact))
    if contact is None or params.number is None:
        raise InvalidParams("Say by `contact` whose `number` it is.")
    return _item(node, await node.contacts.verify(account.id, contact, params.number))


@method("contacts.unverify", scope="write", errors=[UnknownContact, StoreFull])
async def unverify(node: Node, account: Account, params: ContactParams) -> ContactItem:
    """Take back that a contact is verified; they do not learn of it."""
    return _item(node, await node.contacts.unverify(account.id, AccountId(params.contact)))


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
        key_suffix=suffix(contact.id),
        kind=contact.kind,
        state=contact.state,
        reason=contact.reason or None,
        blocked=contact.blocked,
        verified=contact.verified,
        online=node.contacts.online(contact.account, contact.id),
        created_at=timestamp(contact.created_at * 1000),
    )
