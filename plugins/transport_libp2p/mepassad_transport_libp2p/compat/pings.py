"""Cure: Yamux pings every peer every 30 seconds for as long as it lives, strangers too, and heeds no missing answer.

Stock 0.8.1 does so to know the round-trip time, by which it sizes windows. It is measured once here; `liveness.py`
pings those whose connections are to be kept, unless the link is metered. Not needed once the interval is a setting.
"""

from __future__ import annotations

import struct

import trio
from libp2p.stream_muxer import muxer_multistream
from libp2p.stream_muxer.yamux import yamux

from mepassad_transport_libp2p.compat.turns import QuickYamux

SETTLE = 0.5
"""Seconds after the start until the round-trip time is measured."""


class SparingYamux(QuickYamux):
    """Yamux that measures once."""

    async def _measure_rtt_loop(self) -> None:
        """Send one ping; the answer is taken where all frames are."""
        await trio.sleep(SETTLE)
        ping = struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_PING, yamux.FLAG_SYN, 0, 1)
        self._ping_sent_time = trio.current_time()
        try:
            await self._write_frame(ping)
        except Exception:
            return  # the connection is over, as its reader finds out


def apply() -> None:
    """Make such connections: stock makes its own kind whatever class it was given."""
    setattr(muxer_multistream, "Yamux", SparingYamux)  # noqa: B010 mypy forbids assigning to a class
