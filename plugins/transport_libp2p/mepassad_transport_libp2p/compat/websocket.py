"""Cure: WebSocket of py-libp2p collects whole messages, waits a minute for a stranger's first line, and pings nobody.

Stock 0.8.1 takes messages of 32 MiB into memory, lets them queue, has no keepalive, and logs a stranger's junk as an
error. This is its own stream over wsproto, which hands the pieces of a frame on as they come, so that nothing is
collected and no frame is too large; the socket's keepalive notices a dead peer. Not needed once `WebsocketTransport`
streams frames, bounds its handshake and takes socket options.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Iterator

import trio
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

from mepassad_transport_libp2p.compat.greeting import Greeting
from mepassad_transport_libp2p.compat.turns import step

MAX_READ = 64 * 1024
"""Bytes taken from the socket at once."""

GOODBYE_TIMEOUT = 1.0
"""Seconds to send the frame that ends a WebSocket; then its socket is closed."""

BROKEN = (trio.BrokenResourceError, trio.ClosedResourceError, ssl.SSLError)


class WebSocket(ReadWriteCloser, Greeting):
    """A WebSocket as a stream of bytes: the binary messages of the peer, one after the other."""

    def __init__(self, stream: trio.abc.Stream, sock: trio.socket.SocketType, host: str | None) -> None:
        """`host`: that we ask for, None where we are asked."""
        self._stream = stream
        self._socket = sock
        self._host = host
        self._protocol = WSConnection(ConnectionType.SERVER if host is None else ConnectionType.CLIENT)
        self._unread: deque[bytes] = deque()
        self._open = False
        self._ended = False
        self._reading, self._writing = trio.Lock(), trio.Lock()

    async def greet(self) -> None:
        """Do the handshakes of TLS, if any, and of HTTP. Raises ConnectionClosedError."""
        if self._host is not None:
            await self._send(Request(host=self._host, target="/"))
        while not self._open:
            await self._receive()

    async def read(self, n: int | None = None) -> bytes:
        """What has arrived, at most `n` bytes; b"" at the end. Raises ConnectionClosedError."""
        async with self._reading:
            while not self._unread:
                if self._ended:
                    return b""
                await self._receive()
            data = self._unread.popleft()
            if n is not None and len(data) > n:
                self._unread.appendleft(data[n:])
                data = data[:n]
            return data

    async def write(self, data: bytes) -> None:
        """Send bytes as one message. Raises ConnectionClosedError."""
        await self._send(BytesMessage(data))

    async def _receive(self) -> None:
        """Take a piece of what the peer sends."""
        try:
            data = await self._stream.receive_some(MAX_READ)
            self._protocol.receive_data(data or None)
        except RemoteProtocolError as error:
            if error.event_hint is not None:
                await self._send(error.event_hint)
            raise ConnectionClosedError("The peer does not speak WebSocket.") from error
        except BROKEN as error:
            raise ConnectionClosedError("The WebSocket broke.") from error
        for event in self._events():
            await step()
            await self._handle(event)
        if not data and not self._ended:
            raise ConnectionClosedError("The WebSocket ended without a goodbye.")

    def _events(self) -> Iterator[Event]:
        try:
            yield from self._protocol.events()
        except RemoteProtocolError as error:
            raise ConnectionClosedError("The peer does not speak WebSocket.") from error

    async def _handle(self, event: Event) -> None:
        match event:
            case BytesMessage(data=data):
                if data:
                    self._unread.append(bytes(data))
            case Request():
                await self._send(AcceptConnection())
                self._open = True
            case AcceptConnection():
                self._open = True
            case Ping():
                await self._send(event.response())
            case CloseConnection():
                self._ended = True
            case RejectConnection() | TextMessage():
                raise ConnectionClosedError("The peer does not want a WebSocket of bytes.")

    async def _send(self, event: Event) -> None:
        async with self._writing:
            try:
                await self._stream.send_all(self._protocol.send(event))
            except (*BROKEN, RemoteProtocolError) as error:
                raise ConnectionClosedError("The WebSocket broke.") from error

    async def close(self) -> None:
        """End it, politely if the peer still listens."""
        with trio.CancelScope(shield=True):
            if self._open and not self._ended and not self._writing.locked():
                with trio.move_on_after(GOODBYE_TIMEOUT):
                    await self._say_goodbye()
            await trio.aclose_forcefully(self._stream)

    async def _say_goodbye(self) -> None:
        try:
            await self._send(CloseConnection(code=1000))
        except Exception:  # it is closed anyway, and wsproto may think it is already
            return

    def get_remote_address(self) -> tuple[str, int] | None:
        """Where the peer is."""
        try:
            host, port = self._socket.getpeername()[:2]
        except OSError:
            return None
        return str(host), int(port)
