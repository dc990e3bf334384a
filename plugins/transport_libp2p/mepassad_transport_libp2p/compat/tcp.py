"""Cure: a peer that vanished without a word was believed alive for a quarter of an hour; two daemons shared a port.

Stock 0.8.1 sets no keepalive and ignores its own failing pings; it listens with SO_REUSEPORT, so that a second daemon
takes half of the first one's callers unknowingly. Not needed once the TCP transport takes socket options.
"""

from __future__ import annotations

import errno
import socket

import trio
from libp2p.abc import IRawConnection
from libp2p.custom_types import THandler
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.transport.tcp.tcp import TCP, TCPListener
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api import AddressRefused
from mepassad_transport_libp2p.address import Address
from mepassad_transport_libp2p.compat.turns import ReadAhead

PROBES = 3
"""Unanswered keepalive probes that end a connection."""


class WatchfulTCP(TCP):
    """TCP whose sockets notice a dead peer."""

    def __init__(self, dead_peer_timeout: float) -> None:
        super().__init__()
        self._timeout = dead_peer_timeout

    async def dial(self, maddr: Multiaddr) -> IRawConnection:
        """Dial an address; see `TCP.dial`."""
        raw = await super().dial(maddr)
        if isinstance(raw, RawConnection):
            raw.stream = self._watch(raw.stream)
        return raw

    async def dial_with_source(self, maddr: Multiaddr, source: tuple[str, int]) -> IRawConnection:
        """Dial an address from a port; see `TCP.dial_with_source`."""
        raw = await super().dial_with_source(maddr, source)
        if isinstance(raw, RawConnection):
            self._watch(raw.stream)
        return raw

    def create_listener(self, handler_function: THandler) -> TCPListener:
        """A listener for whose connections the same holds."""

        async def handle(stream: ReadWriteCloser) -> None:
            await handler_function(self._watch(stream))

        return super().create_listener(handle)

    def _watch(self, stream: ReadWriteCloser) -> ReadWriteCloser:
        if not isinstance(stream, TrioTCPStream):
            return stream
        notice_death(stream.stream.socket, self._timeout)
        return ReadAhead(stream.stream)


def notice_death(sock: trio.socket.SocketType, timeout: float) -> None:
    """Let the kernel break a connection whose peer has not answered for about `timeout` seconds (RFC 5482). It probes
    in the last seconds only: where the dialler pings more often (`keep_alive`), no probe is ever sent."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", max(1, round(timeout) - PROBES)),
        ("TCP_KEEPINTVL", 1),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", round(timeout * 1000)),
    ):
        if hasattr(socket, option):  # not on every platform
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def check_free(address: Address) -> bool:
    """Whether to listen on an address: False for the IPv6 wildcard of a machine without IPv6.

    Raises `AddressRefused` when it is taken, or not of this machine, or needs other rights.
    """
    family = socket.AF_INET6 if address.kind == "ip6" else socket.AF_INET
    try:
        kind = socket.SOCK_DGRAM if address.carrier == "quic" else socket.SOCK_STREAM
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address.host, address.port))
    except OSError as error:
        if address.host == "::" and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return False
        told = f"Cannot listen on {address}: {_reason(error)}."
        raise AddressRefused(told, address=str(address), errno=error.errno) from None
    return True


def _reason(error: OSError) -> str:
    """What a user can do something about."""
    reasons = {
        errno.EADDRINUSE: "another program already listens there",
        errno.EADDRNOTAVAIL: "this machine has no such address",
        errno.EACCES: "ports below 1024 need more rights",
    }
    return reasons.get(error.errno or 0, error.strerror or "the system refuses it")
