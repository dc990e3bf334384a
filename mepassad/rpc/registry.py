"""`@method`: the one declaration of an RPC method, from which checks, documents and clients are made."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, TypeAlias

import msgspec

from mepassad.errors import InvalidParams, MepassaError, MethodNotFound, NoAccount, PluginClash, UnknownAccount
from mepassad.rpc.node import Caller, Node
from mepassad.rpc.protocol import reason
from mepassad.rpc.values import AccountRef

Scope = Literal["read", "write", "admin"]
Handler: TypeAlias = Callable[..., Awaitable[object]]


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a method, by name."""


class AccountParams(Params, frozen=True, kw_only=True):
    """Parameters of a method that acts for an account; without one, for the first of the node."""

    account: AccountRef | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A result; always an object."""


class Done(Result, frozen=True):
    """Nothing to tell: it was done."""


class Method:
    """A method as declared: name, scope, errors, and what its function says of parameters, result and purpose.

    The function may ask for `node`, `account` (resolved from the parameters), `caller` and `params`, by these names.
    """

    def __init__(self, name: str, scope: Scope, errors: Iterable[type[MepassaError]], handler: Handler) -> None:
        """Raises TypeError when the function's signature is not that of a method."""
        signature = inspect.signature(handler, eval_str=True)
        self.name = name
        self.scope = scope
        self.handler = handler
        self.doc = inspect.cleandoc(handler.__doc__ or "")
        self._takes = tuple(signature.parameters)
        self.for_account = "account" in self._takes
        self.params: type[Params] = _params(signature, AccountParams if self.for_account else Params)
        self.result: Any = signature.return_annotation
        self.errors = (*errors, NoAccount, UnknownAccount) if self.for_account else tuple(errors)
        self._decode = msgspec.json.Decoder(self.params).decode

    def parse(self, raw: msgspec.Raw) -> Params:
        """Check the parameters of a call. Raises `InvalidParams`."""
        try:
            return self._decode(raw)
        except msgspec.ValidationError as error:
            raise InvalidParams(f"The parameters of {self.name} are wrong: {reason(error)}.") from None
        except (msgspec.DecodeError, RecursionError):
            raise InvalidParams(f"The parameters of {self.name} cannot be read.") from None

    def call(self, node: Node, caller: Caller, params: Params) -> Awaitable[object]:
        """Start the call. Raises, besides what the method raises, `UnknownAccount` and `NoAccount`."""
        given: dict[str, object] = {"node": node, "caller": caller, "params": params}
        if isinstance(params, AccountParams) and self.for_account:
            given["account"] = node.accounts.resolve(params.account)
        return self.handler(**{name: given[name] for name in self._takes})


def _params(signature: inspect.Signature, base: type[Params]) -> type[Params]:
    if unknown := signature.parameters.keys() - {"node", "account", "caller", "params"}:
        raise TypeError(f"a method cannot ask for {', '.join(sorted(unknown))}")
    if "params" not in signature.parameters:
        return base
    params = signature.parameters["params"].annotation
    if not (isinstance(params, type) and issubclass(params, base)):
        raise TypeError(f"the parameters of this method must be a {base.__name__}, not {params}")
    return params


def method(name: str, *, scope: Scope, errors: Iterable[type[MepassaError]] = ()) -> Callable[[Handler], Method]:
    """Declare an async function as the RPC method `name`; its docstring is its documentation."""
    return lambda handler: Method(name, scope, errors, handler)


class Registry:
    """The methods that a node offers, by name."""

    def __init__(self, methods: Iterable[Method]) -> None:
        """Raises `PluginClash` if two methods claim one name."""
        self._methods: dict[str, Method] = {}
        for one in methods:
            if self._methods.setdefault(one.name, one) is not one:
                raise PluginClash(f"Two plugins claim the method {one.name}.", method=one.name)

    @property
    def names(self) -> list[str]:
        """The names of all methods, sorted."""
        return sorted(self._methods)

    def all(self) -> list[Method]:
        """All methods, sorted by name."""
        return [self._methods[name] for name in self.names]

    def find(self, name: str) -> Method:
        """Raises `MethodNotFound`."""
        try:
            return self._methods[name]
        except KeyError:
            raise MethodNotFound(method=name) from None
