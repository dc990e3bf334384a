"""Cure: Yamux gave a slow reader up after 5 seconds, polled for window, and let a peer overrun its own.

Stock 0.8.1 fails a write when the reader takes nothing for 5 seconds, wakes 100 times a second meanwhile, only warns
when a peer sends more than it may (so a stranger fills the memory), grows a stream's window to 16 MiB, and answers
every read with an update of the window, which costs both nodes as much as a message and grants more than the window:
js-libp2p then sends frames so large that they end the connection. Not needed once `YamuxStream.write` waits for an
event without end, an overrun window ends the connection, and updates gather and keep to the window.
"""

from __future__ import annotations

import struct

import trio
from libp2p.stream_muxer.exceptions import MuxedStreamError
from libp2p.stream_muxer.yamux import yamux

from mepassad_transport_libp2p.compat.turns import QuickLock
from mepassad_transport_libp2p.config import WINDOW

MAX_FRAME = 65_535 - 16 - yamux.HEADER_SIZE
"""Bytes of data in a frame that fits one Noise message (65,535 bytes with a tag of 16)."""


class WindowOverrun(trio.TooSlowError):
    """A peer sent more than its window allows. Of the kind on which the muxer closes the connection."""


class PatientStream(yamux.YamuxStream):
    """A Yamux stream whose writes wait for the reader as long as it takes, and whose window binds the peer."""

    def __init__(self, stream_id: int, conn: yamux.Yamux, is_initiator: bool) -> None:
        self._may_send = trio.Event()
        super().__init__(stream_id, conn, is_initiator)
        setattr(self, "window_lock", QuickLock())  # noqa: B010 mypy knows trio's only

    @property
    def send_window(self) -> int:
        """Bytes that may be sent now."""
        return self._send_window

    @send_window.setter
    def send_window(self, size: int) -> None:
        self._send_window = size
        if size > 0:
            self._may_send.set()

    @property
    def recv_window(self) -> int:
        """Bytes that the peer may still send. Setting it below zero raises `WindowOverrun`."""
        return self._recv_window

    @recv_window.setter
    def recv_window(self, size: int) -> None:
        self._recv_window = size
        if size < 0:
            raise WindowOverrun

    @property
    def closed(self) -> bool:
        """Whether the stream is over in both directions."""
        return self._is_closed

    @closed.setter
    def closed(self, closed: bool) -> None:
        self._is_closed = closed
        if closed:
            self._may_send.set()

    async def write(self, data: bytes) -> None:
        """Send all of `data`, waiting for window where need be. Raises MuxedStreamError once the stream is over."""
        sent = 0
        while sent < len(data):
            if self.send_closed or self.closed:
                raise MuxedStreamError("The stream is closed.")
            size = min(self._send_window, MAX_FRAME, len(data) - sent)
            if size <= 0:
                self._may_send = trio.Event()
                await self._may_send.wait()
                continue
            self._send_window -= size
            header = struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, 0, self.stream_id, size)
            await self.conn._write_frame(header + data[sent : sent + size])
            sent += size

    async def _auto_tune_and_send_window_update(self, *, bytes_read: int = 0) -> None:
        """Let the peer send on once half of the window was read, so that few updates go out.

        What is buffered and what the peer may still send are never more than `target_recv_window` together.
        """
        buffered = len(self.conn.stream_buffers.get(self.stream_id, b""))
        read = self.target_recv_window - self.recv_window - buffered
        if read >= self.target_recv_window // 2:
            self.recv_window += read
            await self.send_window_update(read + self._apply_autotune_epoch(buffered))


def apply() -> None:
    """Make Yamux use patient streams and modest windows."""
    setattr(yamux, "YamuxStream", PatientStream)  # noqa: B010 mypy forbids assigning to a class
    setattr(yamux, "MAX_WINDOW_SIZE", WINDOW)  # noqa: B010 a constant upstream
