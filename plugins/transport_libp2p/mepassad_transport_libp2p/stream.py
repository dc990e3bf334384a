"""One stream: written and read by asyncio, pumped by trio; both run in one thread, so they share plain queues."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

import trio
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.network.stream.net_stream import NetStream

from mepassad.api import Gauge, StreamClosed
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.compat.turns import quicken
from mepassad_transport_libp2p.config import MAX_READ, Config

MAX_BATCH = 256 * 1024
"""Bytes of queued writes joined into one."""

LINGER = 5.0
"""Seconds in which the peer may end its side after we ended ours; then the stream is reset."""

RESET_TIMEOUT = 1.0
"""Seconds to tell the peer of a reset; its connection may be stuck."""


class StreamGauges(NamedTuple):
    """How full the queues of all streams are, in bytes."""

    unwritten: Gauge
    unread: Gauge


class Libp2pStream:
    """A stream of the transport. `write` and `read` touch queues only; one wake a batch crosses to trio."""

    address = ""

    def __init__(self, peer: NodeId, protocol: str, config: Config, gauges: StreamGauges, route: str) -> None:
        self.peer = peer
        self.route = route
        self._gauges = gauges
        self.protocol = protocol
        self._config = config
        self._queue: deque[bytes] = deque()
        self.unwritten = 0
        self._closed = False  # by us: no more writes, what arrives is dropped
        self._broken = False  # nothing passes any more
        self._unread = bytearray()  # not the pieces: a peer may send each byte by itself
        self._ended = False  # by the peer, or broken: nothing more arrives
        self._wake_sender = trio.Event()
        self._wake_receiver = trio.Event()
        self._scope = trio.CancelScope()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._flushed = asyncio.Event()
        self._writable.set()

    @property
    def unread(self) -> int:
        """Bytes that have arrived and were not read."""
        return len(self._unread)

    # -- asyncio ------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Queue bytes. Raises `StreamClosed`."""
        if self._closed or self._broken:
            raise StreamClosed
        if not data:
            return
        self._queue.append(data)
        self.unwritten += len(data)
        self._gauges.unwritten.note(self.unwritten)
        if self.unwritten > self._config.write_high_water:
            self._writable.clear()
        self._wake_sender.set()

    @property
    def room(self) -> bool:
        """Whether the queue is short."""
        return self._writable.is_set()

    async def drain(self) -> None:
        """Wait until the queue is short. Raises `StreamClosed`."""
        await self._writable.wait()
        if self._broken:
            raise StreamClosed

    async def read(self) -> bytes:
        """What has arrived; b"" at the end."""
        while not self._unread:
            if self._ended or self._closed:
                return b""
            self._readable.clear()
            await self._readable.wait()
        data = bytes(self._unread)
        self._unread.clear()
        self._wake_receiver.set()
        return data

    async def close(self) -> None:
        """Send what is queued, within `close_timeout`, then end the stream."""
        if not self._closed:
            self._closed = True
            self._drop_unread()
            if not self._broken:
                self._scope.deadline = trio.current_time() + self._config.close_timeout
            self._wake_sender.set()
        await self._flushed.wait()

    def abort(self) -> None:
        """End the stream at once."""
        self._closed = True
        self.broke()
        self._drop_unread()
        self._scope.cancel()

    def broke(self) -> None:
        """Nothing passes any more: let everybody who waits know. What has arrived can still be read."""
        self._broken = self._ended = True
        self._queue.clear()
        self.unwritten = 0
        for event in (self._readable, self._writable, self._flushed):
            event.set()

    def _drop_unread(self) -> None:
        self._unread.clear()
        self._readable.set()
        self._wake_receiver.set()

    # -- trio ---------------------------------------------------------------------------------------------------

    async def pump(self, net: NetStream) -> None:
        """Carry bytes between the queues and the network until the stream is over. Never raises but Cancelled."""
        peer_ended = trio.Event()
        finished = False
        quicken(net)
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._receive, net, peer_ended, nursery.cancel_scope)
                    await self._send(net)
                    await net.close()
                    self._flushed.set()
                    self._scope.deadline = trio.current_time() + LINGER
                    await peer_ended.wait()
                    finished = True
                    nursery.cancel_scope.cancel()
        except Exception:
            finished = False
        finally:
            self.broke()
            if not finished:
                with trio.CancelScope(shield=True), trio.move_on_after(RESET_TIMEOUT):
                    await net.reset()

    async def _send(self, net: NetStream) -> None:
        """Write what is queued, joined, until the stream is closed and the queue empty."""
        low_water = self._config.write_high_water // 2
        while not (self._closed and not self._queue):
            if not self._queue:
                self._wake_sender = trio.Event()
                await self._wake_sender.wait()
                continue
            batch = self._next_batch()
            await net.write(batch)
            self.unwritten -= len(batch)
            if self.unwritten <= low_water:
                self._writable.set()

    def _next_batch(self) -> bytes:
        """Queued writes, joined up to `MAX_BATCH` bytes (one write is never split here)."""
        parts = [self._queue.popleft()]
        size = len(parts[0])
        while self._queue and size + len(self._queue[0]) <= MAX_BATCH:
            parts.append(self._queue.popleft())
            size += len(parts[-1])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _receive(self, net: NetStream, peer_ended: trio.Event, pump: trio.CancelScope) -> None:
        """Take what arrives, pausing while too much is unread. A broken stream or connection ends the pump."""
        try:
            while data := await net.read(MAX_READ):
                if not self._closed:
                    self._unread += data
                    self._gauges.unread.note(self.unread)
                    self._readable.set()
                await self._wait_for_room()
        except StreamEOF:
            pass
        except Exception:
            pump.cancel()
            return
        self._ended = True
        self._readable.set()
        peer_ended.set()
        if net.swarm_conn is not None:
            await net.swarm_conn.event_closed.wait()
            pump.cancel()

    async def _wait_for_room(self) -> None:
        while self.unread >= self._config.read_high_water:
            self._wake_receiver = trio.Event()
            await self._wake_receiver.wait()
