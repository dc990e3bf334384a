"""A stream of the experiment with iroh (bench/iroh_transport.py), with queues like those of the libp2p transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import iroh

from mepassad.api import StreamClosed
from mepassad.api.types import NodeId

T = TypeVar("T")

HIGH_WATER = 256 * 1024
CLOSE_TIMEOUT = 30.0
_CHUNK = 256 * 1024


class IrohStream:
    """Implements `mepassad.api.transport.Stream`: two tasks move bytes between its queues and iroh."""

    route = "direct"
    address = ""

    def __init__(self, peer: NodeId, protocol: str, pair: iroh.BiStream, ended: Callable[[IrohStream], None]) -> None:
        """`ended` is told once both directions are over."""
        self.peer, self.protocol = peer, protocol
        self._sender, self._receiver, self._ended = pair.send(), pair.recv(), ended
        self._queue, self._unread = bytearray(), bytearray()
        self._finished = False  # nobody may write any more
        self._no_more = False  # nothing will arrive any more
        self._changed = asyncio.Event()
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]

    def write(self, data: bytes) -> None:
        """Queue bytes. Raises `StreamClosed`."""
        if self._finished:
            raise StreamClosed
        self._queue += data
        self._change()

    @property
    def room(self) -> bool:
        """Whether the queue is short."""
        return len(self._queue) <= HIGH_WATER or self._finished

    async def drain(self) -> None:
        """Wait until the queue is short. Raises `StreamClosed`."""
        while not self.room:
            await self._changed.wait()
        if self._finished:
            raise StreamClosed

    async def read(self) -> bytes:
        """What has arrived; b"" at the end."""
        while not self._unread and not self._no_more:
            await self._changed.wait()
        data = bytes(self._unread)
        self._unread.clear()
        self._change()
        return data

    async def close(self) -> None:
        """Send what is queued, then end the stream."""
        self._finished = True
        self._change()
        await asyncio.wait(self._tasks[:1], timeout=CLOSE_TIMEOUT)
        self._stop()

    def abort(self) -> None:
        """End the stream at once."""
        if not self._over:
            self._tasks.append(asyncio.create_task(self._reset()))
        self._stop()

    def broke(self) -> None:
        """The connection is gone."""
        self._stop()

    @property
    def _over(self) -> bool:
        return self._finished and self._no_more

    def _stop(self) -> None:
        self._finished = self._no_more = True
        self._queue.clear()
        self._unread.clear()
        for task in self._tasks[:2]:
            task.cancel()
        self._change()
        self._ended(self)

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _reset(self) -> None:
        for end in (self._sender.reset, self._receiver.stop):
            with suppress(iroh.IrohError):
                await end(1)

    async def _send(self) -> None:
        try:
            while self._queue or not self._finished:
                if self._queue:
                    data = bytes(self._queue)
                    await self._sender.write_all(data)
                    del self._queue[: len(data)]
                    self._change()
                else:
                    await self._changed.wait()
            await self._sender.finish()
        except iroh.IrohError:
            self.broke()

    async def _receive(self) -> None:
        try:
            while data := await self._receiver.read(_CHUNK):
                self._unread += data
                self._change()
                while len(self._unread) > HIGH_WATER:
                    await self._changed.wait()
        except iroh.IrohError:
            self.broke()
        self._no_more = True
        self._change()
