"""A stream: one TLS connection over a Unix socket. asyncio gives it the flow control that the contract asks for."""

from __future__ import annotations

import asyncio
import contextlib

from mepassad.api import StreamClosed
from mepassad.api.types import NodeId

HIGH_WATER = 64 * 1024
"""Bytes that wait to be sent, above which `drain` waits; half as many unread stop the other end."""

CLOSE_TIMEOUT = 30.0
"""Seconds in which the other end must take what is still to be sent, once we closed."""


class UnixStream:
    """One end. Implements `mepassad.api.transport.Stream`."""

    route = "direct"
    address = ""

    def __init__(self, peer: NodeId, protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer, self.protocol = peer, protocol
        self._reader, self._writer, self._closed = reader, writer, False
        # Writing goes on below the same mark above which it stops: so `room` and `drain` agree.
        writer.transport.set_write_buffer_limits(high=HIGH_WATER, low=HIGH_WATER)

    @property
    def ended(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closed or self._writer.is_closing() or self._reader.exception() is not None

    def write(self, data: bytes) -> None:
        if self.ended:
            raise StreamClosed
        self._writer.write(data)

    @property
    def room(self) -> bool:
        return self.ended or self._writer.transport.get_write_buffer_size() <= HIGH_WATER

    async def drain(self) -> None:
        try:
            await self._writer.drain()
        except OSError:
            raise StreamClosed from None
        if self.ended:
            raise StreamClosed

    async def read(self) -> bytes:
        if self._closed:
            return b""
        try:
            return await self._reader.read(HIGH_WATER)
        except OSError:  # also what TLS finds wrong
            return b""

    async def close(self) -> None:
        self._closed = True
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), CLOSE_TIMEOUT)
        self.abort()

    def abort(self) -> None:
        self._closed = True
        self._writer.transport.abort()
