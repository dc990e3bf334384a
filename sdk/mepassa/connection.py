"""One socket to the node: whole lines out, whole lines in, and one named error when it ends."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from mepassa.errors import ConnectionLost, NodeNotRunning
from mepassa.wire import LINE_LIMIT, Line, MalformedLine, decode_line, encode_call


def default_socket() -> Path:
    """`$MEPASSAD_SOCKET`, else `mepassad/run/mepassad.sock` in the user's data folder (XDG)."""
    if named := os.environ.get("MEPASSAD_SOCKET"):
        return Path(named)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data, "mepassad", "run", "mepassad.sock")


class Connection:
    """A connected socket. One task may receive while others send."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._incoming = BufferedByteReceiveStream(stream)
        self._sending = anyio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Connection:
        """Connect. Raises `NodeNotRunning`."""
        try:
            return cls(await anyio.connect_unix(path))
        except PermissionError:
            raise NodeNotRunning(f"The socket {path} belongs to another user; you may not open it.") from None
        except OSError:
            raise NodeNotRunning(
                f"No mepassad answers on {path}. Start one with `mepassad --config config.yaml`, "
                "or name its socket with `--socket` or MEPASSAD_SOCKET."
            ) from None

    async def send(self, number: int, method: str, params: Mapping[str, Any]) -> None:
        """Send a call. Raises `ConnectionLost`, `CallTooLarge`."""
        line = encode_call(number, method, params)
        async with self._sending:
            try:
                await self._stream.send(line)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                raise ConnectionLost("The connection to the node ended.") from None
            except BaseException:
                # Cancelled half-way: the rest of the line will never follow, so no other call may either.
                await self.aclose()
                raise

    async def receive(self) -> Line:
        """The next line. Raises `ConnectionLost`."""
        try:
            line = await self._incoming.receive_until(b"\n", LINE_LIMIT + 1)
            if len(line) > LINE_LIMIT:
                raise MalformedLine
            return decode_line(line)
        except (anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise ConnectionLost("The connection to the node ended.") from None
        except (MalformedLine, anyio.DelimiterNotFound):
            raise ConnectionLost("What answers on the socket does not speak mepassad's protocol.") from None

    async def aclose(self) -> None:
        """End the connection, also while being cancelled."""
        with anyio.CancelScope(shield=True):
            await self._stream.aclose()
