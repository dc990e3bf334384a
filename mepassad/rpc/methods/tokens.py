"""`tokens.*`: what programs show to act for the user of this node, each with less than the user may do."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from mepassad.api.methods import Done, Params, Result, method
from mepassad.errors import InvalidName, NotPermitted, StoreFull, TooManyTokens, UnknownAccount, UnknownToken
from mepassad.people.tokens import Token
from mepassad.rpc.authority import check_scopes
from mepassad.rpc.caller import Caller
from mepassad.rpc.node import Node
from mepassad.rpc.values import AccountRef, Time, secret, timestamp

_Scopes = Annotated[
    list[Annotated[str, Meta(max_length=128)]],
    Meta(
        min_length=1,
        max_length=100,
        description="`read`, `write` (and `read`), `admin` (everything), or names of single methods.",
    ),
]


class CreateTokenParams(Params, frozen=True, kw_only=True):
    """Who is to have it, and what it allows."""

    name: Annotated[str, Meta(description="What it is for, to find it again.")]
    scopes: _Scopes
    account: Annotated[AccountRef | None, Meta(description="The only account that it acts for; absent: all.")] = None
    expires_in: Annotated[int, Meta(ge=60, le=10 * 365 * 86_400, description="Seconds; absent: never.")] | None = None


class TokenParams(Params, frozen=True, kw_only=True):
    """Which token."""

    token_id: Annotated[str, Meta(min_length=1, max_length=128)]


class TokenItem(Result, frozen=True, kw_only=True):
    """A token, without what is shown for it."""

    token_id: str
    name: str
    scopes: list[str]
    account: AccountRef | None
    created_at: Time
    expires_at: Time | None


class CreatedToken(TokenItem, frozen=True, kw_only=True):
    """A new token."""

    token: Annotated[str, secret("What is to be shown, told this once and kept nowhere.")]


class TokenPage(Result, frozen=True, kw_only=True):
    """All tokens, oldest first."""

    items: list[TokenItem]
    next: None = None


@method("tokens.create", scope="admin", errors=[InvalidName, NotPermitted, StoreFull, TooManyTokens, UnknownAccount])
async def create(node: Node, caller: Caller, params: CreateTokenParams) -> CreatedToken:
    """Make a token, which a program shows with `system.hello {token}`. It is in the reply and nowhere else.

    A token that may call this by name alone gives no scope that it does not have itself.
    """
    check_scopes(params.scopes, caller.methods)
    caller.authority.demand_to_give(params.scopes)
    account = "" if params.account is None else node.accounts.resolve(params.account).id
    row, shown = await node.tokens.create(params.name, params.scopes, account, "", params.expires_in or 0)
    return CreatedToken(token=shown, **_facts(row))


@method("tokens.list", scope="admin")
async def list_tokens(node: Node) -> TokenPage:
    """All tokens that are good, oldest first."""
    return TokenPage(items=[TokenItem(**_facts(row)) for row in node.tokens.all()])


@method("tokens.revoke", scope="admin", errors=[StoreFull, UnknownToken])
async def revoke(node: Node, params: TokenParams) -> Done:
    """A token is good no more, at once: the sessions that showed it end."""
    await node.tokens.revoke(params.token_id)
    return Done()


def _facts(row: Token) -> dict[str, Any]:
    return {
        "token_id": row.id,
        "name": row.name,
        "scopes": list(row.scopes),
        "account": row.account or None,
        "created_at": timestamp(row.created_at * 1000),
        "expires_at": timestamp(row.expires_at * 1000) if row.expires_at else None,
    }
