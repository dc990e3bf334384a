"""The methods that a node offers: declarations made callable, their parameters checked."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

import msgspec

from mepassad.api.methods import AccountParams, Declaration, Params
from mepassad.errors import InvalidParams, MethodNotFound, NoAccount, PluginClash, UnknownAccount
from mepassad.rpc.caller import Caller
from mepassad.rpc.node import Node
from mepassad.rpc.protocol import reason


class Method:
    """A declared method, ready to be called."""

    def __init__(self, declared: Declaration) -> None:
        """A method that acts for an account may also fail to find it."""
        self.name, self.scope, self.doc = declared.name, declared.scope, declared.doc
        self.params, self.result = declared.params, declared.result
        self.errors = (*declared.errors, NoAccount, UnknownAccount) if declared.for_account else declared.errors
        self.for_account = declared.for_account
        self._declared = declared
        self._decode = msgspec.json.Decoder(declared.params).decode

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
            given["account"] = node.accounts.resolve(caller.authority.account_for(params.account))
        return self._declared.handler(**{name: given[name] for name in self._declared.takes})


class Registry:
    """The methods that a node offers, by name."""

    def __init__(self, declarations: Iterable[Declaration]) -> None:
        """Raises `PluginClash` if two claim one name."""
        self._methods: dict[str, Method] = {}
        for one in declarations:
            if one.name in self._methods:
                raise PluginClash(f"Two plugins claim the method {one.name}.", method=one.name)
            self._methods[one.name] = Method(one)

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
