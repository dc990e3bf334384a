"""QUIC for the swarm: dialling, each connection from a socket of its own, and listening."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import trio
from libp2p.abc import IListener, ITransport
from libp2p.crypto.keys import KeyPair
from libp2p.custom_types import THandler
from libp2p.peer.id import ID
from libp2p.transport.exceptions import OpenConnectionError
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad_transport_libp2p.address import Address, parse_dial, parse_listen
from mepassad_transport_libp2p.compat.quic.connection import Connection
from mepassad_transport_libp2p.compat.quic.core import configuration
from mepassad_transport_libp2p.compat.quic.endpoint import Endpoint, Place
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.resolving import resolve

SPARE = 2
"""How many times the allowed streams a peer may open: those beyond are refused in words, by the host."""


class LastingQUIC(ITransport):
    """QUIC with the limits of the configuration."""

    provides_native_muxing = True

    def __init__(self, keys: KeyPair, config: Config, patience: float, admit: Callable[[ID, int], None]) -> None:
        """`patience`: seconds without an answer after which a peer is given up; `admit`: see `Endpoint`."""
        self._admit = admit
        self._own = ID.from_pubkey(keys.public_key)
        self._max_streams = SPARE * config.max_streams_per_peer
        self._server = configuration(keys, False, patience, config.max_unread_per_peer)
        self._client = configuration(keys, True, patience, config.max_unread_per_peer)
        self._nursery: trio.Nursery | None = None
        self.listeners: list[Listener] = []

    def set_background_nursery(self, nursery: trio.Nursery) -> None:
        """Run connections there; called by the swarm."""
        self._nursery = nursery

    async def dial(self, maddr: Multiaddr) -> Connection:
        """A connection whose peer has proved the key that the address names. Raises OpenConnectionError."""
        address = parse_dial(str(maddr))
        if address.peer is None or self._nursery is None:
            raise OpenConnectionError("whom to dial, or where to run, is not known")
        sock, place = await _socket_to(address)
        endpoint = Endpoint(sock, self._own, self._client, self._max_streams, self._admit)
        connection = endpoint.connect(place, ID.from_base58(address.peer))
        self._nursery.start_soon(_live, endpoint, connection)
        return await self._greeted(connection)

    async def dial_with_source(self, maddr: Multiaddr, source: tuple[str, int]) -> Connection:
        """The same from the socket that listens on `source`, so that a NAT knows the way back. Raises
        OpenConnectionError."""
        address = parse_dial(str(maddr))
        found = [listener for listener in self.listeners if listener.address == source]
        if address.peer is None or self._nursery is None or not found or (endpoint := found[0].endpoint) is None:
            raise OpenConnectionError("nothing listens there, or whom to dial is not known")
        for family, place in await resolve(address, socket.SOCK_DGRAM):
            if family == endpoint.socket.family:
                connection = endpoint.connect(place, ID.from_base58(address.peer), self._client)
                self._nursery.start_soon(connection.run)
                return await self._greeted(connection)
        raise OpenConnectionError(f"no way to {address}")

    @staticmethod
    async def _greeted(connection: Connection) -> Connection:
        try:
            await connection.greet()
        except BaseException as error:
            with trio.CancelScope(shield=True):
                await connection.close()
            if isinstance(error, Exception):
                raise OpenConnectionError(str(error)) from error
            raise
        return connection

    def create_listener(self, handler_function: THandler) -> Listener:
        """A listener that calls `handler_function` for each newcomer, before its handshake."""
        make = partial(
            Endpoint,
            own=self._own,
            configuration=self._server,
            max_streams=self._max_streams,
            admit=self._admit,
        )
        listener = Listener(make, handler_function)
        self.listeners.append(listener)
        return listener

    def can_dial(self, maddr: Multiaddr) -> bool:
        """Whether an address is one of QUIC."""
        return "quic-v1" in self._names(maddr)

    can_listen = can_dial

    def protocols(self) -> list[str]:
        """What tells its addresses."""
        return ["quic-v1"]

    def listen_order(self) -> int:
        """Of no importance: no other transport takes the same address."""
        return 0

    @staticmethod
    def _names(maddr: Multiaddr) -> set[str]:
        return {protocol.name for protocol in maddr.protocols()}


class Listener(IListener):
    """A UDP socket that newcomers are served on."""

    background_nursery: trio.Nursery  # set by the swarm before `listen`

    def __init__(self, make: partial[Endpoint], handler: THandler) -> None:
        self._make = make
        self._handler = handler
        self.endpoint: Endpoint | None = None
        self._scope = trio.CancelScope()

    async def listen(self, maddr: Multiaddr) -> None:
        """Begin to listen. Raises OSError."""
        address = parse_listen(str(maddr))
        sock = socket.socket(socket.AF_INET6 if address.kind == "ip6" else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if address.kind == "ip6":
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address.host, address.port))
        except OSError:
            sock.close()
            raise
        self.endpoint = self._make(sock, newcomer=self._greet)
        self.background_nursery.start_soon(self._run, self.endpoint)

    async def _run(self, endpoint: Endpoint) -> None:
        with self._scope:
            await endpoint.run()

    def _greet(self, connection: Connection) -> None:
        self.background_nursery.start_soon(connection.run)
        self.background_nursery.start_soon(self._serve, connection)

    async def _serve(self, connection: Connection) -> None:
        try:
            await self._handler(connection)
        finally:
            with trio.CancelScope(shield=True):
                await connection.close()

    @property
    def address(self) -> tuple[str, int] | None:
        """The host and the port of its socket, once it listens."""
        if self.endpoint is None:
            return None
        host, port = self.endpoint.socket.getsockname()[:2]
        return str(host), int(port)

    def get_addrs(self) -> tuple[Multiaddr, ...]:
        """Where it listens."""
        if self.address is None:
            return ()
        host, port = self.address
        return (Multiaddr(str(Address("ip6" if ":" in host else "ip4", host, port, None, "quic"))),)

    async def close(self) -> None:
        """Listen no more."""
        self._scope.cancel()
        await trio.lowlevel.checkpoint()


async def _live(endpoint: Endpoint, connection: Connection) -> None:
    """Run a dialled connection with its socket, until it is over."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(endpoint.run)
        await connection.run()
        nursery.cancel_scope.cancel()


async def _socket_to(address: Address) -> tuple[socket.socket, Place]:
    """A socket for one peer, so that the network can tell that nobody is there, and the peer's place."""
    failure: Any = None
    for family, place in await resolve(address, socket.SOCK_DGRAM):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.connect(place)
        except OSError as error:
            sock.close()
            failure = error
            continue
        return sock, sock.getpeername()
    raise OpenConnectionError(f"no way to {address}") from failure
