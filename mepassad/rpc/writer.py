"""The way to one client: lines gathered for a turn of the loop and written at once; a client that reads is not hurried,
one that does not read is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mepassad.api.gauges import Gauge
from mepassad.rpc.protocol import notification_line

MAX_PENDING = 256 * 1024
"""Bytes written within one turn of the loop above which there is no room until they are flushed."""


class Writer:
    """Writes lines to a transport. Who writes events or begins calls asks first whether there is `room`."""

    def __init__(self, timeout: float, make_room: Callable[[], None], gauge: Gauge) -> None:
        """`timeout`: seconds a client may leave no room; `make_room` is called when there is room (again). `gauge`
        learns how much the client has not taken."""
        self._gauge = gauge
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._make_room = make_room
        self._transport: asyncio.Transport | None = None
        self._lines: list[bytes] = []
        self._pending = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._roomy = asyncio.Event()

    def open(self, transport: asyncio.Transport) -> None:
        """From now on lines can be written."""
        self._transport = transport

    @property
    def unwritten(self) -> int:
        """Bytes that the client has not taken."""
        return self._pending + (self._transport.get_write_buffer_size() if self._transport else 0)

    @property
    def room(self) -> bool:
        """Whether the client keeps up with what is written."""
        return self._deadline is None and self._pending < MAX_PENDING

    async def wait_for_room(self) -> None:
        """Wait until there is room, or the client is gone."""
        while not self.room and self._transport is not None:
            self._roomy.clear()
            await self._roomy.wait()

    def write(self, line: bytes) -> None:
        """Write a line at the end of this turn; never waits, and does nothing once closed."""
        if self._transport is None:
            return
        if not self._lines:
            self._loop.call_soon(self.flush)
        self._lines.append(line)
        self._pending += len(line)

    def notify(self, method: str, params: object) -> None:
        """Write a notification."""
        self.write(notification_line(method, params))

    def flush(self) -> None:
        """Hand what gathered to the transport."""
        if self._lines and self._transport is not None:
            self._gauge.note(self.unwritten)
            self._transport.write(b"".join(self._lines))
        self._lines.clear()
        self._pending = 0
        self._tell_room()

    def _tell_room(self) -> None:
        if self.room:
            self._roomy.set()
            self._make_room()

    def pause(self) -> None:
        """The client reads too slowly: it must make room before the deadline."""
        if self._transport is not None:
            self._deadline = self._loop.call_later(self._timeout, self._transport.abort)

    def resume(self) -> None:
        """The client read."""
        self._disarm()
        self._tell_room()

    def close(self) -> None:
        """Flush; then write nothing more. The deadline for what is unread stays."""
        self.flush()
        self._transport = None

    def lost(self) -> None:
        """The client is gone; nobody waits for room any more."""
        self._transport = None
        self._disarm()
        self._roomy.set()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
