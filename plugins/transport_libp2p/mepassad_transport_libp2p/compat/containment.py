"""Cure: one exception in a stream handler, or in any task of one connection, ended the whole host.

Stock 0.8.1 runs them all under one manager that cancels everything when a task fails, and negotiation lets errors
of a stranger's junk through. Not needed once a failing task ends its own connection only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio
from libp2p.abc import INetConn, INetStream
from libp2p.host.basic_host import BasicHost
from libp2p.identity.identify_push.identify_push import ID_PUSH as IdentifyPushID
from libp2p.rcmgr import Direction

from mepassad.api.context import Log
from mepassad_transport_libp2p.compat import identify
from mepassad_transport_libp2p.compat.circuit import is_relayed
from mepassad_transport_libp2p.compat.peerstore import LastingPeerStore


class ContainedHost(BasicHost):
    """A host whose incoming streams fail alone, and of which one peer can have only so many."""

    def __init__(self, *args: Any, log: Log, max_streams_per_peer: int, **kwargs: Any) -> None:
        self._log = log
        self._max_streams = max_streams_per_peer
        super().__init__(*args, **kwargs)
        self.remove_stream_handler(IdentifyPushID)
        identify.serve(self)
        self.observations = identify.Observations()
        self.learnt: Callable[[INetConn, identify.Seen], None] = lambda connection, seen: None

    async def _swarm_stream_handler(self, net_stream: INetStream) -> None:
        """Negotiate and serve one incoming stream, whatever happens."""
        peer = net_stream.muxed_conn.peer_id
        try:
            if self._streams_of(net_stream) > self._max_streams:
                self._log.debug("stream refused: too many", peer=str(peer))
                await net_stream.reset()
                return
            await super()._swarm_stream_handler(net_stream)
        except Exception as error:
            self._log.debug("incoming stream failed", peer=str(peer), error=type(error).__name__)
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                await net_stream.reset()

    def _streams_of(self, net_stream: INetStream) -> int:
        """How many streams the peer has opened here, this one included."""
        connections = self.get_network().get_connections(net_stream.muxed_conn.peer_id)
        streams = [stream for connection in connections for stream in connection.get_streams()]
        return sum(getattr(stream, "_direction", None) is Direction.INBOUND for stream in streams)

    async def _on_notifee_connected(self, conn: INetConn) -> None:
        """Ask those whom this node dialled as whom they see it, but no stranger anything."""
        if getattr(conn, "direction", None) is Direction.OUTBOUND:
            network: Any = self.get_network()
            network.manager.run_task(self._learn, conn)  # which contains it

    def _on_notifee_disconnected(self, conn: INetConn) -> None:
        """Forget a stranger when its last connection has ended."""
        super()._on_notifee_disconnected(conn)
        peer = conn.muxed_conn.peer_id
        if not self.get_network().get_connections(peer) and isinstance(self.peerstore, LastingPeerStore):
            self.peerstore.forget_stranger(peer)

    async def _learn(self, connection: INetConn) -> None:
        """Ask a peer as whom it sees this node."""
        seen = (await identify.ask(connection)).seen
        if seen is not None and not is_relayed(connection):
            self.observations.note(connection.muxed_conn.peer_id, seen)
            self.learnt(connection, seen)


def contained(log: Log) -> Callable[..., Awaitable[None]]:
    """A runner of background tasks from which nothing escapes but a debug line."""

    async def run(function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        try:
            await function(*args)
        except Exception as error:
            log.debug("connection task failed", task=getattr(function, "__qualname__", "?"), error=type(error).__name__)

    return run
