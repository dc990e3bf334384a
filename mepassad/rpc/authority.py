"""What a session may do: everything, or what its token allows. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol, get_args

import msgspec

from mepassad.api.methods import Scope
from mepassad.errors import InvalidParams, NotPermitted, TokenRefused

RANKS = {scope: rank for rank, scope in enumerate(get_args(Scope))}
"""Each scope includes those before it."""

GREETING = "system.hello"
"""The method that everybody may call: with it a token is shown."""


class Called(Protocol):
    """A method, as far as it is asked whether it may be called."""

    name: str
    scope: Scope

    @property
    def for_account(self) -> bool:
        """Whether it acts for an account."""
        ...


class Authority(msgspec.Struct, frozen=True):
    """`scopes`: `read`, `write`, `admin` or names of methods. `account`: the only one to act for, "" = all. `token`:
    the id of the token that it comes from, "" = of none."""

    scopes: tuple[str, ...]
    account: str = ""
    token: str = ""

    def demand(self, method: Called) -> None:
        """Raises `NotPermitted` when a method may not be called, `TokenRefused` where no token was shown yet.

        What concerns the whole node is closed to a token of one account, but for reading.
        """
        if method.name == GREETING:
            return
        if self is STRANGER:
            raise TokenRefused(f"A token is needed here: show one first, `mepassa --token-file FILE` or `{GREETING}`.")
        if method.name not in self.scopes and RANKS[method.scope] > self._rank:
            raise NotPermitted(
                f"This token may not call {method.name}: that needs the scope `{method.scope}`, "
                f"and it has {', '.join(self.scopes) or 'none'}.",
                method=method.name,
                scope=method.scope,
            )
        if self.account and not method.for_account and method.scope != "read":
            raise NotPermitted(
                f"This token may not call {method.name}: it acts for one account only, and that is about the node.",
                method=method.name,
            )

    def demand_to_give(self, scopes: Collection[str]) -> None:
        """Raises `NotPermitted` when one of these scopes is more than this session itself may."""
        for scope in scopes:
            if scope not in self.scopes and RANKS.get(scope, RANKS["admin"]) > self._rank:
                raise NotPermitted(f"This token may not give away `{scope}`, which it does not have itself.")

    def account_for(self, named: str | None) -> str | None:
        """The account that a call is about, None = the node's first. Raises `NotPermitted`."""
        if not self.account:
            return named
        if named not in (None, self.account):
            raise NotPermitted("This token acts for another account.")
        return self.account

    @property
    def _rank(self) -> int:
        return max((RANKS[scope] for scope in self.scopes if scope in RANKS), default=-1)


def check_scopes(scopes: Collection[str], methods: Collection[str]) -> None:
    """Raises `InvalidParams` when one is neither a scope nor one of these methods."""
    for scope in scopes:
        if scope not in RANKS and scope not in methods:
            raise InvalidParams("A scope is `read`, `write`, `admin` or the name of a method of this node.")


OWNER = Authority(("admin",))
"""Of whoever opened the owner's socket: the file's mode let nobody else."""

STRANGER = Authority(())
"""Of whoever has not shown a token yet where one is demanded."""
