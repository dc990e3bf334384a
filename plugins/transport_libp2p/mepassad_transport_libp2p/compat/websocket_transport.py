"""WebSocket, with and without TLS, for the swarm: dialling and listening over `compat.websocket`."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import trio
from libp2p.abc import IListener, ITransport
from libp2p.custom_types import THandler
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.transport.exceptions import OpenConnectionError
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad_transport_libp2p.address import Address, parse_dial, parse_listen
from mepassad_transport_libp2p.compat.tcp import notice_death
from mepassad_transport_libp2p.compat.websocket import WebSocket
from mepassad_transport_libp2p.web_certificates import WebCertificates

BACKLOG = 128


class LastingWebSocket(ITransport):
    """WebSocket whose sockets notice a dead peer."""

    def __init__(self, dead_peer_timeout: float, certificates: WebCertificates) -> None:
        self._timeout = dead_peer_timeout
        self._certificates = certificates

    async def dial(self, maddr: Multiaddr) -> RawConnection:
        """Dial an address, which with TLS must have a certificate for its name. Raises OpenConnectionError."""
        address = parse_dial(str(maddr))
        name = address.sni or address.host
        try:
            socket_stream = await trio.open_tcp_stream(address.host, address.port)
        except OSError as error:
            raise OpenConnectionError(f"no answer at {address}") from error
        notice_death(socket_stream.socket, self._timeout)
        stream: trio.abc.Stream = socket_stream
        if address.carrier == "wss":
            context = self._certificates.trusted
            stream = trio.SSLStream(socket_stream, context, server_hostname=name, https_compatible=True)
        host = f"[{name}]" if ":" in name else name
        web = WebSocket(stream, socket_stream.socket, f"{host}:{address.port}")
        try:
            await web.greet()
        except BaseException:
            await web.close()
            raise
        return RawConnection(web, True, addresses=[Multiaddr(str(address._replace(peer=None)))])

    def create_listener(self, handler_function: THandler) -> Listener:
        """A listener that calls `handler_function` for each newcomer, before its handshake."""
        return Listener(self._welcome, handler_function)

    def _welcome(self, socket_stream: trio.SocketStream, over_tls: bool) -> WebSocket:
        notice_death(socket_stream.socket, self._timeout)
        stream: trio.abc.Stream = socket_stream
        if over_tls:
            context = self._certificates.shown()
            stream = trio.SSLStream(socket_stream, context, server_side=True, https_compatible=True)
        return WebSocket(stream, socket_stream.socket, None)

    def can_dial(self, maddr: Multiaddr) -> bool:
        """Whether an address is one of WebSocket."""
        return any(protocol.name == "ws" for protocol in maddr.protocols())

    can_listen = can_dial

    def protocols(self) -> list[str]:
        """What tells its addresses."""
        return ["ws"]

    def listen_order(self) -> int:
        """Before TCP, which would take its addresses too."""
        return -1


class Listener(IListener):
    """A TCP socket that newcomers are served on."""

    background_nursery: trio.Nursery  # set by the swarm before `listen`

    def __init__(self, welcome: Callable[[trio.SocketStream, bool], WebSocket], handler: THandler) -> None:
        self._welcome = welcome
        self._handler = handler
        self._address: Address | None = None
        self._scope = trio.CancelScope()

    async def listen(self, maddr: Multiaddr) -> None:
        """Begin to listen. Raises OSError."""
        address = parse_listen(str(maddr))
        sock = trio.socket.socket(trio.socket.AF_INET6 if address.kind == "ip6" else trio.socket.AF_INET)
        try:
            sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
            if address.kind == "ip6":
                sock.setsockopt(trio.socket.IPPROTO_IPV6, trio.socket.IPV6_V6ONLY, 1)
            await sock.bind((address.host, address.port))
            sock.listen(BACKLOG)
        except BaseException:
            sock.close()
            raise
        self._address = address._replace(port=sock.getsockname()[1])
        self.background_nursery.start_soon(self._run, trio.SocketListener(sock))

    async def _run(self, listener: trio.SocketListener) -> None:
        with self._scope:
            await trio.serve_listeners(self._serve, [listener], handler_nursery=self.background_nursery)

    async def _serve(self, socket_stream: trio.SocketStream) -> None:
        assert self._address is not None  # noqa: S101 it listens
        try:
            web = self._welcome(socket_stream, self._address.carrier == "wss")
        except (OSError, ssl.SSLError):  # it is gone already
            await trio.aclose_forcefully(socket_stream)
            return
        try:
            await self._handler(web)
        finally:
            await web.close()

    def get_addrs(self) -> tuple[Multiaddr, ...]:
        """Where it listens."""
        return () if self._address is None else (Multiaddr(str(self._address)),)

    async def close(self) -> None:
        """Listen no more."""
        self._scope.cancel()
        await trio.lowlevel.checkpoint()
