"""Cure: Yamux pings every peer every 30 seconds for as long as it lives, strangers too, and heeds no missing answer.

Stock 0.8.1 does so to know the round-trip time, by which it sizes windows. It is measured at the start here, and by
the pings of `liveness.py`, to those whose connections are to be kept, unless the link is metered. Not needed once the
interval is a setting, and somebody can wait for an answer.
"""

from __future__ import annotations

import math
import struct

import trio
from libp2p.stream_muxer import muxer_multistream
from libp2p.stream_muxer.yamux import yamux

from mepassad_transport_libp2p.compat.turns import QuickYamux

SETTLE = 0.5
"""Seconds after the start until the round-trip time is measured."""


class SparingYamux(QuickYamux):
    """Yamux that measures once, and pings when it is asked to."""

    _asking = 0
    asked = -math.inf
    """When the peer last pinged, in trio's seconds."""

    async def _measure_rtt_loop(self) -> None:
        """Send one ping; the answer is taken where all frames are."""
        await trio.sleep(SETTLE)
        try:
            await self._ping()
        except Exception:
            return  # the connection is over, as its reader finds out

    async def answered(self) -> None:
        """Ping the peer, and wait until it answers. Raises what the connection does when it is over, or never ends."""
        if not self._asking:
            self._ping_event = trio.Event()  # set by whatever answer comes
        self._asking += 1
        try:
            await self._ping()
            await self._ping_event.wait()
        finally:
            self._asking -= 1

    async def _write_frame(self, data: bytes) -> None:
        """Write one frame; an answer says that the peer has pinged."""
        if data[1] == yamux.TYPE_PING and data[3] == yamux.FLAG_ACK:
            self.asked = trio.current_time()
        await super()._write_frame(data)

    async def _ping(self) -> None:
        self._ping_sent_time = trio.current_time()
        await self._write_frame(struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_PING, yamux.FLAG_SYN, 0, 1))


def apply() -> None:
    """Make such connections: stock makes its own kind whatever class it was given."""
    setattr(muxer_multistream, "Yamux", SparingYamux)  # noqa: B010 mypy forbids assigning to a class
