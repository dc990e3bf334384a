"""How this node stands in the net: as whom servers see the ports on which it listens, and whether others come in."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from libp2p.abc import INetConn

from mepassad.api.transport import Reachability
from mepassad_transport_libp2p.compat.circuit import is_relayed
from mepassad_transport_libp2p.compat.ends import remote_host, socket_of
from mepassad_transport_libp2p.compat.identify import Seen
from mepassad_transport_libp2p.compat.quic.connection import Connection as QUIC
from mepassad_transport_libp2p.compat.reachability import Nat, nat
from mepassad_transport_libp2p.compat.source_port import bound
from mepassad_transport_libp2p.compat.swarm import LastingSwarm
from mepassad_transport_libp2p.connections import outgoing

NATS = {Nat.VARIES: "symmetric", Nat.SAME: "cone", Nat.NONE: "none"}
"""What each kind is called outside, the one that matters most first."""

Way = tuple[str, bool]
"""A transport, and whether it is over IPv6: each has a NAT of its own, or none."""

MAX_SEEN = 128
"""Connections whose servers' words are kept."""


class Standing:
    """Remembers what servers said while they are connected, and that somebody came in until the network changes."""

    def __init__(self, swarm: LastingSwarm, own: Callable[[], Iterable[str]]) -> None:
        """`own`: this machine's IP addresses."""
        self._swarm, self._own = swarm, own
        self._seen: dict[INetConn, Seen] = {}
        self.public = False

    def learnt(self, connection: INetConn, seen: Seen) -> None:
        """A server told as whom it sees a connection of ours; its port is of use if it left from one that listens."""
        self._seen = {one: was for one, was in self._seen.items() if not one.is_closed}
        if len(self._seen) < MAX_SEEN and not is_relayed(connection):
            self._seen[connection] = seen

    def came(self, connection: INetConn) -> None:
        """A connection came up. One from the net shows that this node can be reached; but not one of a node that is
        reached over a relay at the same time, for such may have come through a hole that both have punched, nor one
        from a host to which this node has dialled, which many a NAT lets in from any port."""
        host = remote_host(connection.muxed_conn)
        if outgoing(connection) or is_relayed(connection) or host is None or not _is_global(host):
            return
        others = self._swarm.get_connections(connection.muxed_conn.peer_id)
        dialled = [one for one in self._swarm.get_connections() if outgoing(one)]
        if not any(map(is_relayed, others)) and host not in {remote_host(one.muxed_conn) for one in dialled}:
            self.public = True

    def network_changed(self) -> None:
        """What was known may not hold any more."""
        self._seen.clear()
        self.public = False

    def seen(self) -> Sequence[Seen]:
        """As whom this node is seen: of each transport and kind of address what most servers say, TCP first."""
        counted = Counter(self._live().values())
        best: dict[Way, Seen] = {}
        for one, _ in counted.most_common():
            best.setdefault(_way(one), one)
        return [best[way] for way in sorted(best)]

    def reachability(self) -> Reachability:
        """What is known now."""
        live = self._live()
        kinds = {nat(self._by_server(live, way), self._own()) for way in set(map(_way, live.values()))}
        named = next((name for kind, name in NATS.items() if kind in kinds), "unknown")
        own = set(self._own())
        hidden = any(seen.host not in own for one, seen in self._seen.items() if not one.is_closed)
        kind = "public" if self.public else "private" if hidden else "unknown"
        return Reachability(kind, named, tuple(dict.fromkeys(str(one.address()) for one in live.values())))

    def _live(self) -> dict[INetConn, Seen]:
        """What was said of connections that live and left from a port that listens."""
        return {one: seen for one, seen in self._seen.items() if not one.is_closed and self._from_listener(one)}

    def _by_server(self, live: dict[INetConn, Seen], way: Way) -> list[Seen]:
        """What each server said last."""
        said = {one.muxed_conn.peer_id: seen for one, seen in live.items() if _way(seen) == way}
        return list(said.values())

    def _from_listener(self, connection: INetConn) -> bool:
        muxed: Any = connection.muxed_conn
        if isinstance(muxed, QUIC):
            return muxed.from_listener
        sock = socket_of(connection)
        if sock is None or sock.fileno() < 0:
            return False
        port = sock.getsockname()[1]
        return any(one.carrier == "tcp" and one.port == port for one in bound(self._swarm))


def _way(seen: Seen) -> Way:
    return seen.transport, ":" in seen.host


def _is_global(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return False
