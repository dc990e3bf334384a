"""Addresses at which nodes answered before: tried first, and kept across restarts."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import msgspec

from mepassad.api.context import Clock, Log
from mepassad.api.store import Commit, Store
from mepassad.api.types import NodeId
from mepassad.api.writes import SetSetting
from mepassad.errors import MepassaError

OF_A_NODE = 4
"""Addresses of one node that are kept; the one that worked longest ago gives way."""

NODES = 512
"""Nodes of which any are kept; the one that was reached longest ago gives way."""

REST = 5.0
"""Seconds between two writes: what was learnt last may be lost with a crash."""

_SETTING = "addresses/worked"


class Worked:
    """What each node was last reached by, the newest first."""

    def __init__(self, store: Store, clock: Clock, log: Log) -> None:
        """Begin empty; `load` fills it."""
        self._store, self._clock, self._log = store, clock, log
        self._nodes: dict[NodeId, list[str]] = {}
        self._changed = anyio.Event()

    async def load(self) -> None:
        """Read what the runs before learnt."""
        kept = await self._store.setting("", _SETTING)
        if kept is not None:
            self._nodes = msgspec.json.decode(kept, type=dict[NodeId, list[str]])

    def first(self, node: NodeId, told: Sequence[str]) -> list[str]:
        """The addresses of a node without `/p2p`, in the order to try them: those that worked, then those `told`."""
        return list(dict.fromkeys((*self._nodes.get(node, ()), *told)))

    def note(self, node: NodeId, address: str) -> None:
        """A node answered at an address; at an empty one, nobody knows where."""
        bare = address.partition("/p2p/")[0]
        if not bare:
            return
        before = self._nodes.pop(node, [])
        self._nodes[node] = [bare, *(one for one in before if one != bare)][:OF_A_NODE]
        if len(self._nodes) > NODES:
            del self._nodes[next(iter(self._nodes))]
        if self._nodes[node] != before:
            self._changed.set()

    async def run(self) -> None:
        """Keep what changes, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            try:
                await self._store.commit(Commit((SetSetting("", _SETTING, msgspec.json.encode(self._nodes)),)))
            except MepassaError as error:
                self._log.info("addresses that worked could not be kept", reason=error.sentence)
            await self._clock.sleep(REST)
