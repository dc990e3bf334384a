"""One connection to the node: whole lines out, whole lines in, and one named error when it ends."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream

from mepassa.check import checked
from mepassa.errors import ConnectionLost, NodeNotRunning, NodeSilent, ProtocolError
from mepassa.generated.params import API
from mepassa.unix import UnixStream
from mepassa.wire import LINE_LIMIT, Line, decode_line, encode_call, read

T = TypeVar("T")
Connect = Callable[[], Awaitable[ByteStream]]

LAST_WORD = 1.0
"""Seconds given to what the node said before it stopped listening."""

FIRST_WORD = 10.0
"""Seconds that a node has to let somebody in and to answer the greeting; what is called then may take longer."""

_ENDED = (
    anyio.IncompleteRead,
    anyio.EndOfStream,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    OSError,
)


def default_socket() -> Path:
    """`$MEPASSAD_SOCKET`, else `mepassad/run/mepassad.sock` in the user's data folder (XDG)."""
    if named := os.environ.get("MEPASSAD_SOCKET"):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data, "mepassad", "run", "mepassad.sock")


class Way:
    """The way to a node: its socket, or whatever `connect` opens, and the token to present on it."""

    def __init__(self, socket: Path, connect: Connect | None, token: str | None) -> None:
        self.socket = socket
        self._connect = connect
        self._token = token

    async def open(self) -> Connection:
        """Connect, greet the node and present the token. Raises `NodeNotRunning`, `NodeSilent`, `ConnectionLost`,
        `TokenRefused`, `ApiVersion`."""
        try:
            with anyio.fail_after(FIRST_WORD):
                return await self._greeted()
        except TimeoutError:
            raise NodeSilent(
                "The node runs and does not answer; `mepassad --config config.yaml doctor` says why."
            ) from None

    async def _greeted(self) -> Connection:
        connection = Connection(await self._stream())
        from mepassa import __version__  # here: it is made of this module

        hello = {"client": f"mepassa {__version__}", "api": API}
        if self._token is not None:
            hello["token"] = self._token
        try:
            await connection.ask("system.hello", hello, dict[str, Any])
        except BaseException:
            await connection.aclose()
            raise
        return connection

    async def _stream(self) -> ByteStream:
        try:
            return await (self._connect() if self._connect else UnixStream.connect(self.socket))
        except _ENDED as error:
            raise NodeNotRunning(self._why(error)) from None

    def _why(self, error: Exception) -> str:
        if self._connect:
            return "The node cannot be reached."
        if isinstance(error, PermissionError):
            return f"The socket {self.socket} belongs to another user; you may not open it."
        return (
            f"No mepassad answers on {self.socket}. Start one with `mepassad --config config.yaml`, "
            "or name its socket with `--socket` or MEPASSAD_SOCKET."
        )


class Connection:
    """A connected stream. One task may receive while others send."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._incoming = BufferedByteReceiveStream(stream)
        self._sending = anyio.Lock(fast_acquire=True)
        self.closed = False

    async def ask(self, method: str, params: Mapping[str, object], kind: type[T]) -> T:
        """Call while nothing else is under way. Raises `RpcError`, `ConnectionLost`, `InvalidCall`."""
        line = encode_call(1, method, checked(method, params))
        try:
            await self.send(line)
        except ConnectionLost:
            with anyio.move_on_after(LAST_WORD):
                return _reply(method, await self.receive(), kind)
            raise
        return _reply(method, await self.receive(), kind)

    async def send(self, line: bytes) -> None:
        """Send a line. Raises `ConnectionLost`; what the node said before may still be received then."""
        async with self._sending:
            try:
                await self._stream.send(line)
            except _ENDED:
                raise ConnectionLost("The connection to the node ended.") from None
            except BaseException:
                # Cancelled half-way: the rest of the line will never follow, so no other call may either.
                await self.aclose()
                raise

    async def receive(self) -> Line:
        """The next line. Raises `ConnectionLost`."""
        try:
            line = await self._incoming.receive_until(b"\n", LINE_LIMIT + 1)
        except _ENDED:
            raise ConnectionLost("The connection to the node ended.") from None
        except anyio.DelimiterNotFound:
            raise ProtocolError from None
        if len(line) > LINE_LIMIT:
            raise ProtocolError
        return decode_line(line)

    async def aclose(self) -> None:
        """End the connection, also while being cancelled."""
        self.closed = True
        with anyio.CancelScope(shield=True), suppress(*_ENDED):
            await self._stream.aclose()


def _reply(method: str, line: Line, kind: type[T]) -> T:
    if line.error is not None:
        raise line.error.exception()
    if line.id != 1:
        raise ProtocolError
    return read(line.result, kind, f"answer to {method}")
