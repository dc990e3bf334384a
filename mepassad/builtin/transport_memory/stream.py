"""Two ends of a byte stream within one process, with the flow control that a real network has."""

from __future__ import annotations

from collections import deque

import anyio

from mepassad.api import StreamClosed
from mepassad.api.types import NodeId

QUEUE_LIMIT = 64 * 1024
"""Bytes queued at a writer above which `drain` waits."""

UNREAD_LIMIT = 256 * 1024
"""Bytes that may wait for a reader; more stays queued at the writer."""


class MemoryStream:
    """One end. What is written goes straight to the other end's unread bytes while those are few."""

    route = "direct"
    address = ""

    def __init__(self, peer: NodeId, protocol: str) -> None:
        self.peer = peer
        self.protocol = protocol
        self._other: MemoryStream | None = None
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._unread: deque[bytes] = deque()
        self._unread_size = 0
        self._closed = False  # by us: no more writes
        self._ended = False  # by the other end, or broken: nothing more arrives
        self._changed = anyio.Event()

    @classmethod
    def pair(cls, dialler: NodeId, listener: NodeId, protocol: str) -> tuple[MemoryStream, MemoryStream]:
        """The dialler's end and the listener's end of a new stream."""
        near, far = cls(listener, protocol), cls(dialler, protocol)
        near._other, far._other = far, near
        return near, far

    @property
    def ended(self) -> bool:
        """Whether nothing can pass any more."""
        return self._other is None or (self._closed and not self._queue)

    def write(self, data: bytes) -> None:
        """Queue bytes, and pass on what the other end has room for. Raises `StreamClosed`."""
        if self._closed or self._other is None:
            raise StreamClosed
        if data:
            self._queue.append(bytes(data))
            self._queued += len(data)
            self._pass_on()

    @property
    def room(self) -> bool:
        """Whether the queue is short."""
        return self._queued <= QUEUE_LIMIT or self._other is None

    async def drain(self) -> None:
        """Wait until the queue is short. Raises `StreamClosed`."""
        while not self.room:
            await self._changed.wait()
        if self._other is None:
            raise StreamClosed
        await anyio.lowlevel.checkpoint()

    async def read(self) -> bytes:
        """What has arrived; b"" at the end."""
        while not self._unread:
            if self._ended or self._closed:
                return b""
            await self._changed.wait()
        data = b"".join(self._unread)
        self._unread.clear()
        self._unread_size = 0
        if self._other is not None:
            self._other._pass_on()
        return data

    async def close(self) -> None:
        """Wait until the other end has room for what is queued, then end the stream."""
        if self._closed:
            return
        self._closed = True
        self._discard_unread()
        self._pass_on()
        while self._queue and self._other is not None:
            await self._changed.wait()

    def abort(self) -> None:
        """Break the stream for both ends, dropping what is queued."""
        other, self._other = self._other, None
        self._closed = self._ended = True
        self._queue.clear()
        self._queued = 0
        self._discard_unread()
        if other is not None:
            other._break()

    def _break(self) -> None:
        """The stream broke at the other end: what had arrived can still be read, what was queued is lost."""
        self._other = None
        self._ended = True
        self._queue.clear()
        self._queued = 0
        self._notify()

    def _pass_on(self) -> None:
        """Move queued bytes to the other end while it has room; once closed and empty, tell it that was all."""
        other = self._other
        if other is None:
            return
        while self._queue and other._unread_size < UNREAD_LIMIT:
            data = self._queue.popleft()
            self._queued -= len(data)
            other._arrive(data)
        if self._closed and not self._queue:
            other._ended = True
            other._notify()
        self._notify()

    def _arrive(self, data: bytes) -> None:
        """Take bytes from the other end; after our own close they are of no use to anybody."""
        if not self._closed:
            self._unread.append(data)
            self._unread_size += len(data)
            self._notify()

    def _discard_unread(self) -> None:
        self._unread.clear()
        self._unread_size = 0
        if self._other is not None:
            self._other._pass_on()
        self._notify()

    def _notify(self) -> None:
        """Wake whoever waits at this end to look again."""
        self._changed.set()
        self._changed = anyio.Event()
