"""Cure: the swarm refused all incoming connections for good after 250 of them, and leaked a task for each.

Stock 0.8.1 keeps the handler of an incoming connection, and its token of a limiter, until the host stops. Its
resource manager refuses beyond 256 incoming connections, leaks those counts, and lets the streams of one peer block
all others', so none is set and the limits are kept here. It also dials peers of its own accord. Not needed once the
handler waits for its own connection, the limits of `ConnectionConfig` bind newcomers per peer, and a low watermark of
zero keeps the auto-connector quiet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio
from libp2p.abc import IMuxedConn, INetConn, ITransport
from libp2p.io.abc import ReadWriteCloser
from libp2p.network.auto_connector import AutoConnector
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStore
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api.context import Log
from mepassad_transport_libp2p.compat.containment import contained
from mepassad_transport_libp2p.compat.greeting import Greeting
from mepassad_transport_libp2p.config import Config

CLOSE_TIMEOUT = 1.0
"""Seconds to say goodbye on a connection; then its socket is closed."""


class QuietConnector(AutoConnector):
    """An auto-connector that connects to nobody: whom to dial is the daemon's business."""

    async def run_background_task(self, nursery: trio.Nursery) -> None:
        """Do nothing."""

    async def maybe_connect(self) -> None:
        """Do nothing."""


class LastingSwarm(Swarm):
    """A swarm that serves newcomers for as long as it runs."""

    def __init__(
        self,
        own: ID,
        store: PeerStore,
        upgrader: TransportUpgrader,
        transports: list[ITransport],
        config: Config,
        log: Log,
    ) -> None:
        limits = ConnectionConfig(
            max_connections=config.max_connections,
            high_watermark=config.max_connections,
            low_watermark=0,
            min_connections=0,
            max_connections_per_peer=config.max_connections_per_peer,
            inbound_upgrade_timeout=config.handshake_timeout,
            outbound_upgrade_timeout=config.handshake_timeout,
            inbound_stream_protocol_negotiation_timeout=max(1.0, config.handshake_timeout),
            outbound_stream_protocol_negotiation_timeout=max(1.0, config.handshake_timeout),
        )
        super().__init__(own, store, upgrader, transports, RetryConfig(max_retries=0), limits)
        self.auto_connector = QuietConnector(self)
        self._config = config
        self._log = log
        self._handshakes: dict[trio.CancelScope, None] = {}
        self._idle_since: dict[INetConn, float] = {}

    def use(self, nursery: trio.Nursery) -> None:
        """Run the tasks of connections in `nursery`, contained, instead of under the manager."""
        run = contained(self._log)
        setattr(self.manager, "run_task", lambda function, *args: nursery.start_soon(run, function, *args))  # noqa: B010

    async def _handle_inbound_connection(self, read_write_closer: ReadWriteCloser, maddr: Multiaddr) -> None:
        """Serve one incoming connection until it is closed; the listener closes its socket when this returns."""
        muxed: IMuxedConn | None = None
        with trio.CancelScope() as scope, self._handshake(scope):
            try:
                await self.make_room()
                muxed = await self._upgraded(read_write_closer, maddr)
            except Exception as error:
                self._log.debug("newcomer refused", address=_place(read_write_closer), reason=type(error).__name__)
                return
        if muxed is not None:
            await muxed.event_closed.wait()  # type: ignore[attr-defined]

    async def _upgraded(self, stream: ReadWriteCloser, maddr: Multiaddr) -> IMuxedConn:
        """The connection, registered, once the newcomer proved its key."""
        if isinstance(stream, Greeting):
            with trio.fail_after(self._config.handshake_timeout):
                await stream.greet()
        if isinstance(stream, IMuxedConn):
            await self.add_conn(stream, "inbound")
            return stream
        return await self.upgrade_inbound_raw_conn(RawConnection(stream, False), maddr)

    @contextmanager
    def _handshake(self, scope: trio.CancelScope) -> Iterator[None]:
        """Count a handshake while it lasts; of too many, the oldest is dropped, so that a newcomer gets its turn."""
        if len(self._handshakes) >= self._config.max_handshakes:
            next(iter(self._handshakes)).cancel()
        self._handshakes[scope] = None
        try:
            yield
        finally:
            self._handshakes.pop(scope, None)

    async def add_conn(self, muxed_conn: IMuxedConn, direction: str = "unknown") -> SwarmConn:
        """Register a connection; beyond the limit per peer, that peer's oldest is closed."""
        connection = await super().add_conn(muxed_conn, direction)
        others = self.get_connections(muxed_conn.peer_id)
        for oldest in others[: max(0, len(others) - self._config.max_connections_per_peer)]:
            await self.drop(oldest)
        return connection

    async def make_room(self) -> None:
        """When the node has all the connections it may, close the one that has been idle longest, if long enough.

        Raises SwarmException when none has.
        """
        connections = self.get_connections()
        if len(connections) < self._config.max_connections:
            return
        idle = [connection for connection in connections if self._idle_time(connection) > self._config.idle_timeout]
        if not idle:
            raise SwarmException("too many connections")
        await self.drop(max(idle, key=self._idle_time))

    def watch_idle(self) -> None:
        """Note which connections have no stream; called every now and then."""
        now = trio.current_time()
        idle = (connection for connection in self.get_connections() if not connection.get_streams())
        self._idle_since = {connection: self._idle_since.get(connection, now) for connection in idle}

    def _idle_time(self, connection: INetConn) -> float:
        """Seconds for which a connection has been known to have no stream."""
        since = self._idle_since.get(connection)
        return 0.0 if since is None or connection.get_streams() else trio.current_time() - since

    async def drop(self, connection: INetConn) -> None:
        """Close a connection, politely if the peer still listens."""
        with trio.CancelScope(shield=True):
            with trio.move_on_after(CLOSE_TIMEOUT):
                await connection.close()
            secured: Any = getattr(connection.muxed_conn, "secured_conn", None)
            if secured is not None:
                await secured.close()


def _place(stream: ReadWriteCloser) -> str:
    """Where a connection comes from, for the log."""
    remote = stream.get_remote_address()
    return f"{remote[0]}:{remote[1]}" if remote else "unknown"
