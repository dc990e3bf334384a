"""Who may use what this node does for others: everybody, those that showed its pass, those on a list, or contacts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from mepassad.api.context import Clock
from mepassad.api.types import NodeId, Secret
from mepassad.wire.passes import right

AFTER = 3600.0  # seconds that a pass is good for after the last connection ended
REMEMBERED = 65_536  # nodes that showed the pass; above, those that went first show it again


class Admission:
    """One role's. Relay and mailbox have one each, as their sections of the configuration say."""

    def __init__(self, admit: str, pass_: Secret | None, listed: Callable[[], Collection[str]], clock: Clock) -> None:
        """`admit`: open, pass, list or contacts; `pass_` is the pass, `listed` are the nodes on the list now, or those
        that contacts live on."""
        self._admit, self._pass, self._listed, self._clock = admit, pass_, listed, clock
        self._until: dict[NodeId, float] = {}  # monotonic seconds; those that are connected: for ever

    def admits(self, node: NodeId) -> bool:
        """Whether a node may come in now."""
        if self._admit == "pass":
            return self._until.get(node, -math.inf) >= self._clock.elapsed()
        return self._admit == "open" or node in self._listed()

    def shown(self, node: NodeId, proof: bytes, about: bytes) -> bool:
        """A connected node shows a proof of the pass over `about`; whether it may come in now."""
        if self._admit == "pass" and self._pass is not None and right(proof, self._pass, about):
            self._until.pop(node, None)
            self._until[node] = math.inf
            if len(self._until) > REMEMBERED:
                del self._until[next(iter(self._until))]
        return self.admits(node)

    def lost(self, node: NodeId) -> None:
        """The node's last connection ended."""
        if node in self._until:
            self._until[node] = self._clock.elapsed() + AFTER
