"""From relays to direct ways: contacts that are reached over a relay are reached directly as soon as that works."""

from __future__ import annotations

from collections.abc import Callable, Collection

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.peer.id import ID
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api import Unreachable
from mepassad.api.context import Log
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.compat.circuit import is_relayed
from mepassad_transport_libp2p.compat.punch import Puncher
from mepassad_transport_libp2p.compat.swarm import LastingSwarm
from mepassad_transport_libp2p.connections import outgoing

WAITS = (0.0, 2.0, 10.0)
"""Seconds before each try to punch a hole for one relayed connection: a NAT that does not let it needs no more."""

LEAVE = 10.0
"""Seconds without a stream after which a relayed connection beside a direct one is closed."""


class Climbing(INotifee):
    """Watches connections. Runs in trio."""

    def __init__(self, swarm: LastingSwarm, log: Log) -> None:
        """`puncher` and `spawn` are set before connections come. `climbed` is told of whom this node now reaches
        directly, at the end that dialled; `came` of each connection."""
        self._swarm, self._log = swarm, log
        self._contacts: Collection[ID] = frozenset()
        self._tried: set[INetConn] = set()
        self.puncher: Puncher
        self.spawn: Callable[..., None]
        self.climbed: Callable[[NodeId], None] = lambda node: None
        self.came: Callable[[INetConn], None] = lambda connection: None

    def prefer(self, contacts: Collection[ID]) -> None:
        """Climb to these; who is one only now may be connected already."""
        self._contacts = frozenset(contacts)
        for connection in self._swarm.get_connections():
            self._consider(connection)

    def admits(self, peer: ID) -> bool:
        """Whether to dial at a peer's wish."""
        return peer in self._contacts

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        """A connection came up."""
        self.came(conn)
        peer = conn.muxed_conn.peer_id
        if is_relayed(conn):
            self._consider(conn)
        elif outgoing(conn) and any(map(is_relayed, self._swarm.get_connections(peer))):
            self.climbed(NodeId(str(peer)))

    def _consider(self, connection: INetConn) -> None:
        """Begin to climb from a relayed connection that a contact made; its other end waits for this one."""
        mine = is_relayed(connection) and not outgoing(connection) and connection not in self._tried
        if mine and self.admits(connection.muxed_conn.peer_id):
            self._tried.add(connection)
            self.spawn(self._climb, connection)

    async def _climb(self, relayed: INetConn) -> None:
        peer = relayed.muxed_conn.peer_id
        try:
            for wait in WAITS:
                await trio.sleep(wait)
                if relayed.is_closed or self.puncher.direct(peer) is not None or not self.admits(peer):
                    return
                try:
                    await self.puncher.punch(relayed)
                except Unreachable as error:
                    self._log.debug("no direct way yet", node=str(peer), reason=error.sentence)
                else:
                    self._log.info("a node is reached directly now", node=str(peer))
        finally:
            self._tried.discard(relayed)

    def idle(self) -> list[INetConn]:
        """Relayed connections that are not needed any more beside direct ones."""
        return [
            one
            for one in self._swarm.get_connections()
            if is_relayed(one)
            and self._swarm.crowd.idle(one) > LEAVE
            and self.puncher.direct(one.muxed_conn.peer_id) is not None
        ]

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        """Of no interest."""

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        """Of no interest."""

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        """Of no interest."""

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """Of no interest."""

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """Of no interest."""
