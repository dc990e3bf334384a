"""Who is connected: the library's notices of connections become notices of peers."""

from __future__ import annotations

from collections.abc import Callable

from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.peer.id import ID
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api.types import NodeId


class Watcher(INotifee):
    """Tells of a peer's first connection and of the end of its last one."""

    def __init__(self, seen: Callable[[NodeId], None], lost: Callable[[NodeId], None]) -> None:
        self._seen = seen
        self._lost = lost
        self._live: set[ID] = set()

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        """A connection came up."""
        self._compare(network, conn)

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        """A connection ended."""
        self._compare(network, conn)

    def _compare(self, network: INetwork, conn: INetConn) -> None:
        peer = conn.muxed_conn.peer_id
        live = bool(network.connections.get(peer))
        if live and peer not in self._live:
            self._live.add(peer)
            self._seen(NodeId(str(peer)))
        elif not live and peer in self._live:
            self._live.discard(peer)
            self._lost(NodeId(str(peer)))

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        """Of no interest."""

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        """Of no interest."""

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """Of no interest."""

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """Of no interest."""
