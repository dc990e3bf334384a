"""What the inbox makes of one packet: its effect, gathered before it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mepassad.api.store import Committed
from mepassad.bus import Change
from mepassad.wire.packets import Reason


class Arrival:
    """A packet on its way in.

    `kept` is the commit of its effect; None when there is nothing to keep: then it is acked at once, or refused with
    `reason`. `message` is the id of the message that it brought, if any. `after` are called once it is kept.
    """

    __slots__ = ("after", "change", "id", "kept", "message", "raw", "reason")

    def __init__(self, raw: bytes, packet: bytes) -> None:
        """`packet`: the packet id."""
        self.raw, self.id = raw, packet
        self.change = Change()
        self.message = ""
        self.kept: asyncio.Future[Committed] | None = None
        self.reason: Reason | None = None
        self.after: list[Callable[[], None]] = []

    def refuse(self, reason: Reason) -> Arrival:
        """Nothing is kept, and the sender is told why."""
        self.reason = reason
        return self
