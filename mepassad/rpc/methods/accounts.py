"""`accounts.*`: the identities that live on this node."""

from __future__ import annotations

from typing import Annotated, Literal

from mepassad.api.methods import Params, Result, method
from mepassad.api.types import Account
from mepassad.errors import InvalidName, StoreFull
from mepassad.rpc.caller import Caller
from mepassad.rpc.node import Node
from mepassad.rpc.values import AccountRef, Time, secret, timestamp


class AccountItem(Result, frozen=True, kw_only=True):
    """An account of this node."""

    account: AccountRef
    name: str
    kind: str
    created_at: Time


class AccountPage(Result, frozen=True, kw_only=True):
    """All accounts, oldest first."""

    items: list[AccountItem]
    next: None = None


class CreateParams(Params, frozen=True, kw_only=True):
    """A name that contacts see, and what stands behind it."""

    name: str
    kind: Literal["person", "bot", "ai-agent", "node"] = "person"


class CreatedAccount(Result, frozen=True, kw_only=True):
    """The new account."""

    account: AccountRef
    words: Annotated[str, secret("The 24 recovery words, shown this once and kept nowhere.")]


@method("accounts.list", scope="read")
async def list_accounts(node: Node, caller: Caller) -> AccountPage:
    """All accounts of this node, oldest first; the first is the one meant where none is named.

    A token of one account sees only that.
    """
    only = caller.authority.account
    return AccountPage(items=[_item(account) for account in node.accounts.all() if only in ("", account.id)])


@method("accounts.create", scope="admin", errors=[InvalidName, StoreFull])
async def create(node: Node, params: CreateParams) -> CreatedAccount:
    """Make an account. Its 24 words are in the reply and nowhere else."""
    account, words = await node.accounts.create(params.name, params.kind)
    return CreatedAccount(account=account.id, words=words)


def _item(account: Account) -> AccountItem:
    created = timestamp(account.created_at * 1000)
    return AccountItem(account=account.id, name=account.name, kind=account.kind, created_at=created)
