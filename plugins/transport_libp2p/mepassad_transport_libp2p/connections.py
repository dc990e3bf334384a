"""The connection manager: who keeps a place when the node is full, and whose connection has idled for too long."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence

from libp2p.abc import IMuxedConn, INetConn
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.peer.id import ID
from libp2p.rcmgr import Direction

from mepassad_transport_libp2p.config import Config


def outgoing(connection: INetConn) -> bool:
    """Whether we made this connection."""
    return isinstance(connection, SwarmConn) and connection.direction is Direction.OUTBOUND


class Connections:
    """Decides; the swarm does. A *wanted* node is a contact's or a bootstrap node; a *stranger* came by itself."""

    def __init__(self, config: Config, live: Callable[[], Sequence[INetConn]], now: Callable[[], float]) -> None:
        """`live`: all connections, oldest first. `now`: monotonic seconds."""
        self._config, self._live, self._now = config, live, now
        self._used: dict[INetConn, float] = {}
        self.wanted: Collection[ID] = frozenset()
        self.served: Callable[[ID], bool] = lambda peer: False  # who waits here to be reached does not idle
        self.counts: Counter[str] = Counter()

    def full(self, entering: Collection[IMuxedConn] = ()) -> bool:
        """Whether the node has all the connections it may, with those that are about to be."""
        live = self._live()
        among = {id(connection.muxed_conn) for connection in live} if entering else ()
        return len(live) + sum(id(muxed) not in among for muxed in entering) >= self._config.max_connections

    def may_come(self, entering: Collection[IMuxedConn] = ()) -> bool:
        """Whether a newcomer who has not shown a key yet may show it: there is room, somebody would make it, or it may
        be a wanted node."""
        if not self.full(entering) or self.leaver(wanted=False) is not None:
            return True
        here = {connection.muxed_conn.peer_id for connection in self._live()}
        return any(node not in here for node in self.wanted) and self.leaver(wanted=True) is not None

    def leaver(self, wanted: bool) -> INetConn | None:
        """Who makes room: the stranger that has idled longest, if long enough; for a wanted newcomer any that idles,
        and if none does, the one that came first. None: nobody."""
        strangers = [connection for connection in self._live() if self._is_stranger(connection)]
        least = 0.0 if wanted else self._config.idle_timeout
        idle = [connection for connection in strangers if self.idle(connection) > least]
        if idle:
            return max(idle, key=self.idle)
        return strangers[0] if wanted and strangers else None

    def overdue(self) -> Sequence[INetConn]:
        """Connections of no wanted node that have idled for `idle_close`."""
        return [
            connection
            for connection in self._live()
            if connection.muxed_conn.peer_id not in self.wanted and self.idle(connection) > self._config.idle_close
        ]

    def look(self) -> None:
        """Note which connections have a stream; called every now and then."""
        now, live = self._now(), self._live()
        self._used = {connection: self._used.get(connection, now) for connection in live}
        self._used.update((connection, now) for connection in live if connection.get_streams())

    def use(self, connection: INetConn) -> None:
        """A connection came up, or a stream on it."""
        self._used[connection] = self._now()

    def idle(self, connection: INetConn) -> float:
        """Seconds for which a connection has been known to have no stream, its node no place at the relay here, and
        for which the peer has not pinged, as those do who mean to stay."""
        if connection.get_streams() or self.served(connection.muxed_conn.peer_id):
            return 0.0
        asked: float = getattr(connection.muxed_conn, "asked", -math.inf)
        return self._now() - max(self._used.get(connection, self._now()), asked)

    def _is_stranger(self, connection: INetConn) -> bool:
        wanted = connection.muxed_conn.peer_id in self.wanted
        return not (wanted or outgoing(connection) or connection.is_closed)

    def stats(self) -> dict[str, int]:
        """How many connections there are, and what became of others."""
        live = self._live()
        ours = sum(map(outgoing, live))
        wanted = sum(connection.muxed_conn.peer_id in self.wanted for connection in live)
        return {
            "connections": len(live), "incoming": len(live) - ours, "outgoing": ours, "wanted": wanted,
            **{name: self.counts[name] for name in ("made_room", "closed_idle", "closed_dead", "handshakes_dropped")},
        }  # fmt: skip
