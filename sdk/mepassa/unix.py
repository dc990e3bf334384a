"""A Unix socket as a stream of bytes."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream, SocketAttribute, SocketStream


class UnixStream(ByteStream):
    """anyio's stream, but for reading: there, on asyncio, a reader that is cancelled in the very moment in which
    something comes leads to an `InvalidStateError` in the log (anyio 4.16)."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._socket = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - this is no database

    @classmethod
    async def connect(cls, path: Path) -> UnixStream:
        """Raises OSError."""
        return cls(await anyio.connect_unix(path))

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Raises `anyio.EndOfStream`, `ClosedResourceError`, `BrokenResourceError`."""
        await anyio.lowlevel.checkpoint()  # others have their turn however fast the node writes
        while True:
            try:
                data = self._socket.recv(max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError as error:
                kind = anyio.ClosedResourceError if self._socket.fileno() < 0 else anyio.BrokenResourceError
                raise kind from error
            else:
                if not data:
                    raise anyio.EndOfStream
                return data

    async def send(self, item: bytes) -> None:
        """Raises `ClosedResourceError`, `BrokenResourceError`."""
        await self._stream.send(item)

    async def send_eof(self) -> None:
        """Send no more."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close it; who waits for it gets a `ClosedResourceError`."""
        if self._socket.fileno() >= 0:
            anyio.notify_closing(self._socket)
        await self._stream.aclose()
