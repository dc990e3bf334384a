"""Cure: the library does not know where an IPv6 or WebSocket peer comes from, nor from which address we speak to it.

Stock 0.8.1 says None for both kinds of peers. Not needed once `get_remote_address` is right for every transport and
there is a `get_local_address`.
"""

from __future__ import annotations

import socket
from typing import Any

INNER = (
    "muxed_conn", "secured_conn", "conn", "read_writer", "read_write_closer", "raw_connection", "_ws_connection",
    "_stream", "transport_stream", "stream", "_socket", "socket",
)  # fmt: skip
"""What holds the next layer below, in the layers that a connection has; at the bottom is a socket."""

MAX_LAYERS = 16


def socket_of(connection: Any) -> Any:
    """The socket below a connection, or None where it has none of its own (QUIC shares one)."""
    for _ in range(MAX_LAYERS):
        if hasattr(connection, "getpeername"):
            return connection
        connection = next((found for name in INNER if (found := getattr(connection, name, None)) is not None), None)
    return None


def remote_host(connection: Any) -> str | None:
    """The IP address that a connection comes from or goes to, or None if it cannot be told."""
    sock = socket_of(connection)
    try:
        if sock is not None:
            return str(sock.getpeername()[0])
        remote = connection.get_remote_address()
    except (OSError, AttributeError):
        return None
    return None if remote is None else str(remote[0])


def has_way(connection: Any, outgoing: bool) -> bool:
    """Whether the machine still has a connection's address and a route from it to the peer; for an `outgoing` one,
    whether it would leave from the same address today. True where the connection has no socket of its own."""
    sock = socket_of(connection)
    if sock is None:
        return True
    try:
        near, far = sock.getsockname(), sock.getpeername()
        with socket.socket(sock.family, socket.SOCK_DGRAM) as probe:  # connecting it sends nothing
            probe.bind((near[0], 0, *near[2:]))
            probe.connect(far)
        with socket.socket(sock.family, socket.SOCK_DGRAM) as probe:
            probe.connect(far)
            return not outgoing or bool(probe.getsockname()[0] == near[0])
    except OSError:
        return False
