"""How full the queues of the RPC are: calls in flight, replies not yet taken, facts that a follower is behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from mepassad.api.gauges import Gauge
from mepassad.config.model import Rpc
from mepassad.rpc.writer import MAX_PENDING


class Busy(Protocol):
    """A session, as far as its queues are concerned."""

    @property
    def calls(self) -> int:
        """Calls in flight."""
        ...

    @property
    def unwritten(self) -> int:
        """Bytes of replies and events that the client has not taken."""
        ...

    def behind(self) -> Collection[int]:
        """Facts that wait, for each subscription."""
        ...


class Queues:
    """The gauges of all sessions of a server."""

    def __init__(self, config: Rpc, sessions: Collection[Busy]) -> None:
        """`sessions`: those that there are, as they come and go."""
        self.calls = Gauge(config.max_calls, lambda: (session.calls for session in sessions))
        self.unwritten = Gauge(MAX_PENDING, lambda: (session.unwritten for session in sessions))
        self.behind = Gauge(config.follow_lag, lambda: (n for session in sessions for n in session.behind()))

    def all(self) -> Mapping[str, Gauge]:
        """By name, for `system.stats`."""
        return {"rpc_calls": self.calls, "rpc_unwritten": self.unwritten, "rpc_behind": self.behind}
