"""One stream of a QUIC connection, as the swarm wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from libp2p.abc import IMuxedStream
from libp2p.stream_muxer.exceptions import MuxedStreamClosed, MuxedStreamEOF, MuxedStreamReset

if TYPE_CHECKING:
    from mepassad_transport_libp2p.compat.quic.connection import Connection

MAX_UNSENT = 1024 * 1024
"""Bytes of a stream that wait for the peer to acknowledge them, above which its writer waits."""

MAX_WRITE = 64 * 1024
"""Bytes handed to aioquic between two looks at how many wait."""


class Stream(IMuxedStream):
    """A stream of bytes. Its writer waits for a slow reader as long as it takes."""

    def __init__(self, connection: Connection, stream_id: int) -> None:
        self.muxed_conn = connection
        self._connection = connection
        self.stream_id = stream_id
        self._unread = bytearray()  # not the pieces: a peer may send each byte by itself
        self._ended = False  # by the peer: nothing more arrives
        self._closed = False  # by us: no more writes
        self._refused = False  # by the peer: it reads no more
        self._broken = False
        self._changed = trio.Event()

    @property
    def unread(self) -> int:
        """Bytes that have arrived and were not read."""
        return len(self._unread)

    async def read(self, n: int | None = None) -> bytes:
        """What has arrived, at most `n` bytes. Raises MuxedStreamEOF at the end, MuxedStreamReset if it broke."""
        while not self._unread:
            if self._broken:
                raise MuxedStreamReset("The stream broke.")
            if self._ended:
                raise MuxedStreamEOF("The stream has ended.")
            await self._change()
        data = bytes(self._unread[:n])
        del self._unread[:n]
        self._connection.taken(self.stream_id, len(data))
        return data

    async def write(self, data: bytes) -> None:
        """Send all of `data`, once little enough waits. Raises MuxedStreamClosed, MuxedStreamReset."""
        for start in range(0, len(data), MAX_WRITE):
            while not self._lost() and self._connection.unsent(self.stream_id) >= MAX_UNSENT:
                await self._change()
            if self._lost():
                raise MuxedStreamReset("The stream broke.")
            if self._closed:
                raise MuxedStreamClosed("The stream is closed.")
            self._connection.send(self.stream_id, data[start : start + MAX_WRITE])
        await trio.lowlevel.checkpoint()

    async def close(self) -> None:
        """End our side; the peer's may go on."""
        if not self._closed and not self._lost():
            self._closed = True
            self._connection.send(self.stream_id, b"", end=True)
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        """End both sides at once."""
        if not self._broken:
            self._connection.reset(self.stream_id)
            self.broke()
            self._unread.clear()
        await trio.lowlevel.checkpoint()

    def arrived(self, data: bytes, end: bool) -> None:
        """Bytes of the peer, and whether they are its last."""
        if data and not self._broken:
            self._unread += data
        self._ended |= end
        self.wake()

    def refused(self) -> None:
        """The peer wants no more of our bytes."""
        self._refused = True
        self.wake()

    def broke(self) -> None:
        """Nothing passes any more. What has arrived can still be read."""
        self._broken = True
        self.wake()

    def wake(self) -> None:
        """Let those who wait look again."""
        self._changed.set()

    def _lost(self) -> bool:
        """Whether what is written goes nowhere."""
        return self._broken or self._refused

    async def _change(self) -> None:
        """Wait for `wake`, which several may do."""
        if self._changed.is_set():
            self._changed = trio.Event()
        await self._changed.wait()

    def set_deadline(self, ttl: int) -> None:
        """Unused: whoever reads or writes here has a cancel scope."""
        raise NotImplementedError

    def get_remote_address(self) -> tuple[str, int] | None:
        """Where the peer is."""
        return self._connection.get_remote_address()

    async def __aenter__(self) -> Stream:
        return self
