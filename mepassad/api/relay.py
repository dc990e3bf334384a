"""The contract of a relay: anything that lends a path between nodes, with limits and accounting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from mepassad.api.types import NodeId


class Relay(Protocol):
    """Lends paths to nodes that cannot reach each other. It sees Noise inside Noise, never content."""

    name: str

    def addresses(self) -> Sequence[str]:
        """Addresses under which this node can be reached through the relay now."""
        ...

    def used(self) -> Mapping[NodeId, int]:
        """Bytes lent to each node since the start, for limits and metrics."""
        ...
