"""A UDP socket and its QUIC connections: each datagram goes to the connection whose id it carries."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import trio
from aioquic._buffer import Buffer
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE, QuicConfiguration
from aioquic.quic.packet import QuicHeader, QuicPacketType, encode_quic_version_negotiation, pull_quic_header
from libp2p.peer.id import ID

from mepassad_transport_libp2p.compat.quic.connection import Connection
from mepassad_transport_libp2p.compat.quic.core import Core

Place = tuple[Any, ...]
"""Where a peer is, as the socket tells it: host, port, and for IPv6 flow and scope."""

MAX_DATAGRAM = 65_536
BUFFER = 4 * 1024 * 1024
"""Bytes of the kernel's buffers that are asked for; it gives what it may."""

BATCH = 16
"""Datagrams taken before what they ask for is sent, and others get their turn."""


class Endpoint:
    """A socket with its connections. `newcomer` is called for each that a stranger begins; None: none may. `admit` is
    told how many bytes of which peer came; what it raises of the kind `trio.TooSlowError` ends the connection."""

    def __init__(
        self,
        sock: socket.socket,
        own: ID,
        configuration: QuicConfiguration,
        max_streams: int,
        admit: Callable[[ID, int], None],
        newcomer: Callable[[Connection], None] | None = None,
    ) -> None:
        self.own, self.admit = own, admit
        self.socket = sock
        self._configuration = configuration
        self._max_streams = max_streams
        self._newcomer = newcomer
        self._connections: dict[bytes, Connection] = {}
        self._writing = trio.Lock()
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)

    @property
    def listens(self) -> bool:
        """Whether strangers may begin connections here."""
        return self._newcomer is not None

    async def run(self) -> None:
        """Take datagrams in until cancelled; then the connections are ended and the socket is closed."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self.socket.fileno())
                self._take()
                await trio.lowlevel.checkpoint()
        finally:
            for connection in set(self._connections.values()):
                connection.leave()
            trio.lowlevel.notify_closing(self.socket.fileno())
            self.socket.close()

    def _take(self) -> None:
        for _ in range(BATCH):
            try:
                datagram, place = self.socket.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:  # what the network said of something sent before
                for connection in set(self._connections.values()):
                    connection.failed(error.strerror or "unreachable")
                return
            self._route(datagram, place)

    def _route(self, datagram: bytes, place: Place) -> None:
        try:
            header = pull_quic_header(Buffer(data=datagram), host_cid_length=self._configuration.connection_id_length)
        except ValueError:
            return
        connection = self._connections.get(header.destination_cid)
        if connection is None:
            connection = self._greet(header, datagram, place)
        if connection is not None:
            connection.receive(datagram, place)

    def _greet(self, header: QuicHeader, datagram: bytes, place: Place) -> Connection | None:
        """A new connection, if the datagram begins one."""
        if self._newcomer is None or len(datagram) < SMALLEST_MAX_DATAGRAM_SIZE or header.version is None:
            return None
        if header.packet_type is QuicPacketType.VERSION_NEGOTIATION:
            return None
        if header.version not in self._configuration.supported_versions:
            self._refuse_version(header, place)
            return None
        if header.packet_type is not QuicPacketType.INITIAL:
            return None
        core = Core(self._configuration, self._max_streams, header.destination_cid)
        connection = Connection(core, self, place, None)
        self.route(header.destination_cid, connection)
        self.route(core.host_cid, connection)
        self._newcomer(connection)
        return connection

    def _refuse_version(self, header: QuicHeader, place: Place) -> None:
        answer = encode_quic_version_negotiation(
            source_cid=header.destination_cid,
            destination_cid=header.source_cid,
            supported_versions=self._configuration.supported_versions,
        )
        with suppress(OSError):
            self.socket.sendto(answer, place)

    def connect(self, place: Place, peer: ID, client: QuicConfiguration | None = None) -> Connection:
        """Begin a connection to a peer; its `run` must be started. `client`: how, from a socket that listens."""
        core = Core(client or self._configuration, self._max_streams)
        connection = Connection(core, self, place, peer)
        self.route(core.host_cid, connection)
        core.connect(place, trio.current_time())
        return connection

    def route(self, connection_id: bytes, connection: Connection) -> None:
        """Datagrams with this id are of a connection."""
        self._connections[connection_id] = connection
        connection.ids.add(connection_id)

    def unroute(self, connection_id: bytes, connection: Connection) -> None:
        """An id is not used any more."""
        self._connections.pop(connection_id, None)
        connection.ids.discard(connection_id)

    def forget(self, connection: Connection) -> None:
        """A connection is over."""
        for connection_id in connection.ids:
            self._connections.pop(connection_id, None)

    async def send(self, datagrams: Iterable[tuple[bytes, Place]]) -> None:
        """Send datagrams, waiting where the kernel has no room for more."""
        for datagram, place in datagrams:
            while not self.send_now(datagram, place):
                async with self._writing:
                    await trio.lowlevel.wait_writable(self.socket.fileno())

    def send_now(self, datagram: bytes, place: Place) -> bool:
        """Send a datagram; False where the kernel has no room. One that cannot be sent at all is lost, as UDP may."""
        try:
            if not self.listens:
                self.socket.send(datagram)  # it is connected to the one peer
            else:
                self.socket.sendto(datagram, place)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True
