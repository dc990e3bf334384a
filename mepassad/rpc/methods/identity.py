"""`identity.*`: who an account is to others."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mepassad.api.methods import Result, method
from mepassad.api.types import Account
from mepassad.rpc.node import Node
from mepassad.rpc.values import AccountRef


class Identity(Result, frozen=True, kw_only=True):
    """An account and where its node listens."""

    account: AccountRef
    name: str
    kind: str
    addresses: Annotated[list[str], Meta(description="Multiaddrs with `/p2p/`.")]


@method("identity.show", scope="read")
async def show(node: Node, account: Account) -> Identity:
    """The account's id and name, and the addresses of this node."""
    return Identity(account=account.id, name=account.name, kind=account.kind, addresses=node.addresses())
