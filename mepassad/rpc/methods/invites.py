"""`invites.*`: links that make contacts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mepassad.api.methods import AccountParams, Result, method
from mepassad.api.types import Account
from mepassad.errors import (
    AlreadyContact,
    InviteExpired,
    InviteMalformed,
    InviteOwn,
    InviteUnknown,
    InviteUsed,
    InviteVersion,
    StoreFull,
)
from mepassad.rpc.node import Node
from mepassad.rpc.values import ContactRef, ContactState, ConversationRef, InviteUri, Time, secret, timestamp


class CreateInviteParams(AccountParams, frozen=True, kw_only=True):
    """How often and how long the invite works."""

    uses: Annotated[int, Meta(ge=1, le=10_000, description="How many may use it.")] = 1
    expires_in: (
        Annotated[int, Meta(ge=1, le=365 * 86_400, description="Seconds it is good for; else `invites.expires_days`.")]
        | None
    ) = None
    in_person: Annotated[
        bool, Meta(description="Make a code to be shown in person, for one use within 300 seconds: it verifies.")
    ] = False


class CreatedInvite(Result, frozen=True, kw_only=True):
    """An invite to hand over."""

    uri: Annotated[str, secret("`mepassa:i/1/…`, or `mepassa:v/1/…` for a code; who has it can use it.")]
    expires_at: Time


class AcceptParams(AccountParams, frozen=True, kw_only=True):
    """The invite."""

    uri: InviteUri


class Accepted(Result, frozen=True, kw_only=True):
    """The contact that it makes."""

    contact: ContactRef
    conversation: ConversationRef
    state: ContactState


@method("invites.create", scope="write", errors=[StoreFull])
async def create(node: Node, account: Account, params: CreateInviteParams) -> CreatedInvite:
    """Make an invite. Whoever accepts it becomes a contact, without further confirmation."""
    uri, expires_at = await node.invites.create(account.id, params.uses, params.expires_in, params.in_person)
    return CreatedInvite(uri=uri, expires_at=timestamp(expires_at * 1000))


@method(
    "invites.accept",
    scope="write",
    errors=[
        AlreadyContact,
        InviteExpired,
        InviteMalformed,
        InviteOwn,
        InviteUnknown,
        InviteUsed,
        InviteVersion,
        StoreFull,
    ],
)
async def accept(node: Node, account: Account, params: AcceptParams) -> Accepted:
    """Accept an invite. Returns at once; the contact is `pending` until the other side has answered.

    Who accepts a code says that it was shown to them in person: its maker's answer verifies both sides.
    """
    contact = await node.invites.accept(account.id, params.uri)
    return Accepted(contact=contact.id, conversation=contact.conversation, state=contact.state)
