"""The contract of a relay: anything that lends a path between nodes, with limits and accounting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from mepassad.api.types import NodeId


class Relay(Protocol):
    """Lends paths to nodes that cannot reach each other. It sees Noise inside Noise, never content."""

    name: str

    def serve(self, admits: Callable[[NodeId], bool]) -> None:
        """Begin to lend paths. `admits` is asked, on the daemon's thread and each time anew, whether a node may be
        reached through this relay; whoever reaches it needs no permission."""
        ...

    def used(self) -> Mapping[NodeId, int]:
        """Bytes lent to each node since the start, for limits and accounts; of how many nodes is bounded."""
        ...

    def stats(self) -> dict[str, int]:
        """Numbers for an operator by name; which there are may change."""
        ...
