"""Cure: the swarm refused all incoming connections for good after 250 of them, and leaked a task for each.

Stock 0.8.1 keeps the handler of an incoming connection, and its token of a limiter, until the host stops. Its
resource manager refuses beyond 256 incoming connections, leaks those counts, and lets the streams of one peer block
all others', so none is set; `door.py` and `connections.py` decide, and this acts. It also dials peers of its own
accord. Not needed once the handler waits for its own connection, the limits of `ConnectionConfig` bind newcomers per
peer, and a low watermark of zero keeps the auto-connector quiet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio
from libp2p.abc import IMuxedConn, INetConn, INetStream, ITransport
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
from mepassad_transport_libp2p.compat.ends import remote_host
from mepassad_transport_libp2p.compat.greeting import Greeting
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.connections import Connections
from mepassad_transport_libp2p.door import Door, Refused

CLOSE_TIMEOUT = 1.0
"""Seconds to say goodbye on a connection; then its socket is closed."""

NO_LIMIT = 1 << 30
"""Connections that the library may think there is room for; the limit is ours."""


class QuietConnector(AutoConnector):
    """An auto-connector that connects to nobody: whom to dial is the daemon's business."""

    async def run_background_task(self, nursery: trio.Nursery) -> None:
        """Do nothing."""

    async def maybe_connect(self) -> None:
        """Do nothing."""

    def record_disconnect(self, peer_id: ID) -> None:
        """Remember nobody: the library forgets them only in the task that does nothing here."""


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
            max_connections=NO_LIMIT,
            high_watermark=NO_LIMIT,
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
        self._entering: set[IMuxedConn] = set()
        self._arrivals: dict[ID, trio.Event] = {}
        self.door = Door(config, trio.current_time)
        self.crowd = Connections(config, self.get_connections, trio.current_time)
        self.doubt: Callable[[INetConn], None] = lambda connection: None

    def use(self, nursery: trio.Nursery) -> None:
        """Run the tasks of connections in `nursery`, contained, instead of under the manager."""
        run = contained(self._log)
        setattr(self.manager, "run_task", lambda function, *args: nursery.start_soon(run, function, *args))  # noqa: B010

    async def _handle_inbound_connection(self, read_write_closer: ReadWriteCloser, maddr: Multiaddr) -> None:
        """Serve one incoming connection, of whatever transport, until it is closed; the listener closes its socket
        when this returns."""
        host = remote_host(read_write_closer)
        try:
            with self.door.enter(host):
                await self._receive(read_write_closer, maddr)
        except Refused as refused:
            self._log.debug("newcomer refused", address=host, reason=refused.reason)
            await read_write_closer.close()

    async def _receive(self, read_write_closer: ReadWriteCloser, maddr: Multiaddr) -> None:
        """Let a newcomer show its key, and wait until its connection is closed. Raises `Refused`."""
        muxed: IMuxedConn | None = None
        with trio.CancelScope() as scope, self._handshake(scope):
            try:
                self.check_room()
            except Refused:
                if isinstance(read_write_closer, Greeting):
                    read_write_closer.refuse()
                raise
            try:
                muxed = await self._upgraded(read_write_closer, maddr)
            except Exception as error:
                host = remote_host(read_write_closer)
                self._log.debug("newcomer refused", address=host, reason=type(error).__name__)
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
            self.crowd.counts["handshakes_dropped"] += 1
        self._handshakes[scope] = None
        try:
            yield
        finally:
            self._handshakes.pop(scope, None)

    def check_circuit(self, relay: ID) -> None:
        """See whether a newcomer who comes over a relay may show its key. Raises `Refused`."""
        self.door.come_over(relay)
        self.check_room()

    def check_room(self) -> None:
        """See whether a newcomer has a chance before it shows its key. Raises `Refused`."""
        if not self.crowd.may_come(self._entering):
            self.door.refused["full"] += 1
            raise Refused("full")

    async def add_conn(self, muxed_conn: IMuxedConn, direction: str = "unknown") -> SwarmConn:
        """Register a connection, which may cost another its place. Beyond the limit per peer, that peer's oldest is
        closed, and those that stay are looked after: who comes anew may have lost them. Raises SwarmException."""
        peer = muxed_conn.peer_id
        await self._make_room(muxed_conn, wanted=direction == "outbound" or peer in self.crowd.wanted)
        self._entering.add(muxed_conn)
        try:
            connection = await super().add_conn(muxed_conn, direction)
        finally:
            self._entering.discard(muxed_conn)
        self.crowd.use(connection)
        if (arrived := self._arrivals.get(peer)) is not None:
            arrived.set()
        *others, _ = self.get_connections(peer) or [connection]
        surplus = max(0, len(others) + 1 - self._config.max_connections_per_peer)
        for old in others[surplus:]:
            self.doubt(old)
        for oldest in others[:surplus]:
            await self.drop(oldest)
        return connection

    async def _make_room(self, muxed_conn: IMuxedConn, wanted: bool) -> None:
        """Close the connection whose place a new one takes. Raises SwarmException when nobody has to leave."""
        while self.crowd.full(self._entering):
            leaver = self.crowd.leaver(wanted)
            if leaver is None:
                self.door.refused["full"] += 1
                await muxed_conn.close()
                raise SwarmException("too many connections")
            self.crowd.counts["made_room"] += 1
            await self.drop(leaver)

    async def arrival(self, peer: ID) -> None:
        """Wait until a new connection to or from a peer is up; one waits for a peer at a time."""
        arrived = self._arrivals[peer] = trio.Event()
        try:
            await arrived.wait()
        finally:
            self._arrivals.pop(peer, None)

    async def notify_opened_stream(self, stream: INetStream) -> None:
        """A stream began: its connection does not idle."""
        if (connection := getattr(stream, "swarm_conn", None)) is not None:
            self.crowd.use(connection)
        await super().notify_opened_stream(stream)

    def stats(self) -> dict[str, int]:
        """Numbers of connections; `refused_…` by reason."""
        refused = {f"refused_{name}": self.door.refused[name] for name in ("full", "rate", "subnet", "subnet_rate")}
        return {**self.crowd.stats(), "handshakes": len(self._handshakes), **refused}

    async def drop(self, connection: INetConn) -> None:
        """Close a connection, politely if the peer still listens.

        The library's own `close`, cancelled while the network takes nothing, never ends the streams nor forgets the
        connection; so what it left out is done here.
        """
        with trio.CancelScope(shield=True):
            with trio.move_on_after(CLOSE_TIMEOUT) as polite:
                await connection.close()
            secured: Any = getattr(connection.muxed_conn, "secured_conn", None)
            if secured is not None:
                await secured.close()
            if polite.cancelled_caught and isinstance(connection, SwarmConn):
                with trio.move_on_after(CLOSE_TIMEOUT):
                    await connection._cleanup()
