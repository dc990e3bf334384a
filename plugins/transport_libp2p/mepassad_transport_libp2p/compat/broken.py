"""Cure: a connection that its peer had broken lived on, 10 ms for each frame that had come before the end.

Stock 0.8.1 takes a write on a broken connection for a passing error, so a peer that sends a megabyte of pings and hangs
up keeps a connection, its streams and a link for a quarter of an hour. Not needed once `Yamux.handle_incoming` counts
`ConnectionClosedError` among the errors that end a connection.
"""

from __future__ import annotations

from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.exceptions import RawConnError
from libp2p.stream_muxer.yamux import yamux


def apply() -> None:
    """Make Yamux end a connection at the first write that finds it broken."""
    setattr(yamux, "RawConnError", (RawConnError, ConnectionClosedError))  # noqa: B010 it only asks `isinstance`
