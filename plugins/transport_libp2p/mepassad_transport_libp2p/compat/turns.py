"""Cure: one frame took a dozen turns of the loop and three reads of the socket, and cut in two when it was cancelled.

Stock 0.8.1 takes a trio lock at every layer, and a trio lock gives the turn away even when nobody holds it; it yields
once more after each frame; and it asks the socket for a length, a body and a header one by one. As a guest each turn
costs trio two system calls and a round of asyncio's loop. A frame whose writer is cancelled stays half sent, and what
others write after it on the same connection is junk then: the end of one stream, or circuit, ended all. Not needed once
a frame is read from a buffer, what does not wait does not yield, and what was begun is sent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import TracebackType
from typing import Any

import trio
from libp2p.abc import IMuxedConn, ISecureConn
from libp2p.custom_types import TMuxerOptions, TSecurityOptions
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.io.trio import TrioTCPStream
from libp2p.io.utils import read_exactly
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.stream_muxer.yamux import yamux
from libp2p.transport.upgrader import TransportUpgrader

READ_AHEAD = 64 * 1024
"""Bytes asked of a socket at once. Every read of it gives the turn away."""

MAX_STEPS = 32
"""Small things, such as frames, that are taken from what was read before others get a turn: of 64 KiB a peer can make
thousands, on which everybody else would wait."""

_steps = itertools.count(1)


async def step() -> None:
    """Give the turn away if so many small things were done, for whomever, that others have waited long enough."""
    if next(_steps) % MAX_STEPS == 0:
        await trio.lowlevel.checkpoint()


async def read_header(connection: Any, size: int) -> bytes:
    """The header of a frame."""
    await step()
    return await read_exactly(connection, size)


BODY_TIMEOUT = 60.0
"""Seconds in which the announced data of a frame must come; stock reads them from the environment for each frame."""


class QuickLock:
    """A lock that gives no turn away while nobody else holds it. For `async with` only."""

    def __init__(self) -> None:
        self._lock = trio.Lock()

    async def __aenter__(self) -> None:
        try:
            self._lock.acquire_nowait()
        except trio.WouldBlock:
            await self._lock.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


class QuickYamux(yamux.Yamux):
    """A Yamux connection that gives the turn away when a frame is written to, or read from, the socket.

    `admit` is called with the peer and a size before data comes in; what it raises ends the connection.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.admit: Callable[[ID, int], None] = lambda peer, size: None
        setattr(self, "streams_lock", QuickLock())  # noqa: B010 mypy knows trio's only
        setattr(self, "_write_lock", QuickLock())  # noqa: B010

    async def _write_frame(self, data: bytes) -> None:
        """Write one frame; frames do not mix."""
        async with self._write_lock:
            await self.secured_conn.write(data)

    async def _read_data_body(self, length: int) -> bytes:
        """The data of a frame, which must come in time."""
        self.admit(self.peer_id, length)
        with trio.fail_after(BODY_TIMEOUT):
            return await read_exactly(self.secured_conn, length)


class ReadAhead(TrioTCPStream):
    """A TCP connection that is read in large pieces and served from them; what was begun to be written is sent."""

    def __init__(self, stream: trio.SocketStream) -> None:
        super().__init__(stream)
        setattr(self, "write_lock", QuickLock())  # noqa: B010
        setattr(self, "read_lock", QuickLock())  # noqa: B010
        self._ahead = memoryview(b"")
        self._begun = b""

    async def write(self, data: bytes) -> None:
        """Send all of `data`; the rest of a write that is cancelled goes before the next. Raises
        ConnectionClosedError."""
        async with self.write_lock:
            rest = memoryview(self._begun + data if self._begun else data)
            self._begun = b""
            try:
                while rest:
                    rest = rest[await self.stream.socket.send(rest) :]
            except trio.Cancelled:
                self._begun = bytes(rest)
                raise
            except trio.ClosedResourceError:
                return  # we closed it ourselves
            except OSError as error:
                if self.stream.socket.fileno() >= 0:
                    raise ConnectionClosedError("The TCP connection broke.") from error

    async def read(self, n: int | None = None) -> bytes:
        """At most `n` bytes, at least one unless the peer ended the connection."""
        if n == 0:
            return b""
        if self._ahead:
            await step()
        else:
            self._ahead = memoryview(await super().read(READ_AHEAD))
        data, self._ahead = bytes(self._ahead[:n]), self._ahead[n:]
        return data


class QuickUpgrader(TransportUpgrader):
    """Makes quick connections for one host, which `admit`s what comes in."""

    def __init__(self, secure: TSecurityOptions, muxers: TMuxerOptions, admit: Callable[[ID, int], None]) -> None:
        super().__init__(secure, muxers)
        self._admit = admit

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        """A connection that is not read yet; see `TransportUpgrader.upgrade_connection`."""
        muxed = await super().upgrade_connection(conn, peer_id)
        if isinstance(muxed, QuickYamux):
            muxed.admit = self._admit
        return muxed


def quicken(net: NetStream) -> None:
    """Let a stream read and write without giving the turn away for its own state."""
    setattr(net, "_state_lock", QuickLock())  # noqa: B010


def apply() -> None:
    """Let Yamux give the turn away while it takes many small frames from what was read at once."""
    setattr(yamux, "read_exactly", read_header)  # noqa: B010 used for headers only: `QuickYamux` reads the rest
