"""`@method`: the one declaration of an RPC method, from which checks, documents and clients are made."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from mepassad.errors import MepassaError

Scope = Literal["read", "write", "admin"]
Handler: TypeAlias = Callable[..., Awaitable[object]]
AccountRef = Annotated[
    str, msgspec.Meta(min_length=1, max_length=128, description="The id of an account of this node (`mp1…`).")
]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a method, by name."""


class AccountParams(Params, frozen=True, kw_only=True):
    """Parameters of a method that acts for an account; without one, for the first of the node."""

    account: AccountRef | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A result; always an object."""


class Done(Result, frozen=True):
    """Nothing to tell: it was done."""


class Declaration:
    """A method as declared: name, scope, errors, and what its function says of parameters, result and purpose.

    The function may ask for `params` and `account` (resolved from the parameters) by these names. `node` and `caller`
    are for the methods of the core: what they can do is not promised to plugins.
    """

    def __init__(self, name: str, scope: Scope, errors: Iterable[type[MepassaError]], handler: Handler) -> None:
        """Raises TypeError when the function's signature is not that of a method."""
        signature = inspect.signature(handler, eval_str=True)
        self.name = name
        self.scope = scope
        self.errors = tuple(errors)
        self.handler = handler
        self.doc = inspect.cleandoc(handler.__doc__ or "")
        self.takes = tuple(signature.parameters)
        self.params: type[Params] = _params(signature, AccountParams if self.for_account else Params)
        self.result: Any = signature.return_annotation

    @property
    def for_account(self) -> bool:
        """Whether it acts for an account."""
        return "account" in self.takes


def _params(signature: inspect.Signature, base: type[Params]) -> type[Params]:
    if unknown := signature.parameters.keys() - {"node", "account", "caller", "params"}:
        raise TypeError(f"a method cannot ask for {', '.join(sorted(unknown))}")
    if "params" not in signature.parameters:
        return base
    params = signature.parameters["params"].annotation
    if not (isinstance(params, type) and issubclass(params, base)):
        raise TypeError(f"the parameters of this method must be a {base.__name__}, not {params}")
    return params


def method(name: str, *, scope: Scope, errors: Iterable[type[MepassaError]] = ()) -> Callable[[Handler], Declaration]:
    """Declare an async function as the RPC method `name`; its docstring is its documentation.

    `errors` are those that it raises, besides JSON-RPC's own and those of finding the account.
    """
    return lambda handler: Declaration(name, scope, errors, handler)
