"""Calls that outlive a restart of the node: they wait until it answers again, and say so once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from mepassa.cli.i18n import _
from mepassa.errors import ConnectionLost, NodeNotRunning, ProtocolError
from mepassa.events import pauses
from mepassa.generated import TooManySessions

T = TypeVar("T")


class Link:
    """Whether the node answers, as a conversation sees it."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` shows a sentence."""
        self._tell = tell
        self._lost = False

    def lost(self) -> None:
        """The node does not answer."""
        if not self._lost:
            self._lost = True
            self._tell(_("The node does not answer; waiting until it does."))

    def back(self) -> None:
        """The node answers."""
        if self._lost:
            self._lost = False
            self._tell(_("The node answers again."))

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result of a call that may be made again, once the node gives it. Raises `RpcError`, `ProtocolError`."""
        for pause in pauses():
            try:
                result = await work()
            except ProtocolError:
                raise
            except (ConnectionLost, NodeNotRunning, TooManySessions):
                self.lost()
                await anyio.sleep(pause)
            else:
                self.back()
                return result
        raise AssertionError("there is always another pause")
