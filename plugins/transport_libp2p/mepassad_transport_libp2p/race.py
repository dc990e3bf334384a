"""Ways to one node that are tried at once: the first that leads there wins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from libp2p.abc import INetConn

from mepassad.api import Unreachable


class Race:
    """Attempts that run in the background, until they end or are cancelled. Used in trio."""

    def __init__(self, spawn: Callable[..., None]) -> None:
        """`spawn` runs a function in the background."""
        self._spawn = spawn
        self._scopes: dict[trio.CancelScope, bool] = {}
        self._changed = trio.Event()
        self.made: INetConn | None = None
        self.failure: Unreachable | None = None

    def start(self, dialling: Callable[[], Awaitable[INetConn]], lasting: bool = False) -> None:
        """Begin one more attempt. One that is `lasting` goes on when another has won."""
        scope = trio.CancelScope()
        self._scopes[scope] = lasting
        self._spawn(self._run, scope, dialling)

    async def _run(self, scope: trio.CancelScope, dialling: Callable[[], Awaitable[INetConn]]) -> None:
        try:
            with scope:
                made = await dialling()
                self.made = self.made or made
        except Exception as error:
            failure = error if isinstance(error, Unreachable) else Unreachable()
            self.failure = self.failure or failure
        finally:
            del self._scopes[scope]
            self._changed.set()

    async def settled(self) -> None:
        """Wait until one attempt has won, or all have failed; `failure` is then the first."""
        while self.made is None and self._scopes:
            self._changed = trio.Event()
            await self._changed.wait()

    def cancel(self, lasting: bool = False) -> None:
        """End the attempts under way; those that are lasting too, if so."""
        for scope, lasts in self._scopes.items():
            if lasting or not lasts:
                scope.cancel()
