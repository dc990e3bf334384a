"""The section `transport_libp2p` of config.yaml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from mepassad.api import AddressRefused
from mepassad_transport_libp2p.address import Address, parse_announce, parse_bootstrap, parse_listen

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Prefix4 = Annotated[int, Meta(ge=8, le=32)]
Prefix6 = Annotated[int, Meta(ge=16, le=128)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Bytes = Annotated[int, Meta(ge=1024, le=64 * 1024 * 1024)]
Budget = Annotated[int, Meta(ge=1024 * 1024, le=1 << 40)]

WINDOW = 1024 * 1024
"""Bytes a peer may send on one stream before they are read from the muxer; also the largest data frame taken."""

MAX_READ = 256 * 1024
"""Bytes of a stream taken from the muxer at once."""

METERED = 10
"""Times as long the waits between signs of life are where traffic costs."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to listen, whom to stay connected to, and the limits that keep strangers from exhausting the node."""

    listen: Annotated[
        tuple[str, ...],
        Meta(max_length=32, description="Addresses to listen on; the port 0 takes any free one; an empty list, none."),
    ] = ("/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001", "/ip4/0.0.0.0/udp/4001/quic-v1", "/ip6/::/udp/4001/quic-v1")
    announce: Annotated[
        tuple[str, ...],
        Meta(max_length=8, description="Addresses told to others before this machine's own, as of a forwarded port."),
    ] = ()
    tls_certificate: Annotated[
        Path | None, Meta(description="Certificate, with those up to its authority (PEM), that TLS WebSocket shows.")
    ] = None
    tls_key: Annotated[Path | None, Meta(description="The private key of that certificate (PEM), a file 0600.")] = None
    tls_authorities: Annotated[
        Path | None,
        Meta(description="Authorities (PEM) trusted beside the system's when a TLS WebSocket is dialled."),
    ] = None
    bootstrap: Annotated[
        tuple[str, ...],
        Meta(max_length=64, description="Nodes to stay connected to: addresses that end in /p2p/ and a node id."),
    ] = ()
    mdns: Annotated[
        bool, Meta(description="Find nodes on the local networks by multicast DNS, and be found there.")
    ] = True
    max_connections: Annotated[
        Count,
        Meta(
            description="Connections at once. Above it, one that idles makes room, for a contact also a stranger's; "
            "else the newcomer is refused."
        ),
    ] = 512
    max_connections_per_peer: Annotated[
        Count, Meta(description="Connections to one node; above it, that node's oldest is closed.")
    ] = 4
    max_connections_per_subnet: Annotated[
        Count, Meta(description="Incoming connections of one subnet; more are refused. Not for loopback.")
    ] = 64
    max_connects_per_second: Annotated[
        Count, Meta(description="Incoming connections a second, on average; more are closed unread.")
    ] = 100
    connects_burst: Annotated[Count, Meta(description="Incoming connections at once, after a quiet time.")] = 200
    max_connects_per_second_per_subnet: Annotated[
        Count, Meta(description="The same of one subnet, a second. Not for loopback.")
    ] = 10
    connects_burst_per_subnet: Annotated[Count, Meta(description="The same of one subnet, at once.")] = 40
    subnet_prefix4: Annotated[Prefix4, Meta(description="Bits of an IPv4 address that make a subnet.")] = 24
    subnet_prefix6: Annotated[Prefix6, Meta(description="Bits of an IPv6 address that make a subnet.")] = 56
    max_streams_per_peer: Annotated[
        Count, Meta(description="Streams that one node may have open here; more are refused.")
    ] = 64
    max_handshakes: Annotated[
        Count, Meta(description="Incoming connections in their handshake; above it, the oldest of them is dropped.")
    ] = 64
    dial_timeout: Annotated[Seconds, Meta(description="Seconds to reach a node over all its addresses.")] = 10.0
    relay_after_ms: Annotated[
        int,
        Meta(ge=0, le=60_000, description="Milliseconds in which a node may answer directly before relays are tried."),
    ] = 300
    relays: Annotated[
        int,
        Meta(ge=0, le=8, description="Relays at which a node keeps a place that cannot be reached from outside."),
    ] = 2
    handshake_timeout: Annotated[
        Seconds, Meta(description="Seconds a newcomer has to prove its key, and a stream to name its protocol.")
    ] = 5.0
    idle_timeout: Annotated[
        Seconds, Meta(description="Seconds without a stream after which a connection may have to make room.")
    ] = 60.0
    idle_close: Annotated[
        Seconds, Meta(description="Seconds without a stream after which a stranger's connection is closed.")
    ] = 300.0
    keep_alive: Annotated[
        Seconds,
        Meta(description="Seconds between pings to contacts and bootstrap nodes, so that no router forgets."),
    ] = 25.0
    metered: Annotated[
        bool,
        Meta(description="Traffic costs: no keep-alive pings, no mDNS, ten times as long between other signs of life."),
    ] = False
    dead_peer_timeout: Annotated[
        Seconds, Meta(description="Seconds without an answer after which a connection counts as broken.")
    ] = 30.0
    close_timeout: Annotated[
        Seconds, Meta(description="Seconds a closing stream has to send what is queued before it is dropped.")
    ] = 30.0
    write_high_water: Annotated[Bytes, Meta(description="Bytes queued on a stream above which its sender waits.")] = (
        256 * 1024
    )
    read_high_water: Annotated[
        Bytes, Meta(description="Unread bytes of a stream above which no more is taken from the network.")
    ] = 256 * 1024
    max_unread_per_peer: Annotated[
        Budget, Meta(description="Unread bytes of one node, of all its streams; above it, its connections are closed.")
    ] = 4 * 1024 * 1024
    max_unread: Annotated[
        Budget,
        Meta(description="Unread bytes of all nodes; above it, the connections of the one with most are closed."),
    ] = 64 * 1024 * 1024

    @property
    def slowness(self) -> int:
        """By how much waits between signs of life are longer."""
        return METERED if self.metered else 1

    def __post_init__(self) -> None:
        """Check the addresses, and that one stream fits a node's share. Raises ValueError with a sentence."""
        stream = self.read_high_water + WINDOW + MAX_READ
        if self.max_unread_per_peer < stream:
            raise ValueError(
                f"max_unread_per_peer: {self.max_unread_per_peer} is less than {stream}, which one stream may hold: "
                f"read_high_water and {WINDOW + MAX_READ} more"
            )
        if self.max_unread < self.max_unread_per_peer:
            raise ValueError(
                f"max_unread: {self.max_unread} is less than max_unread_per_peer, {self.max_unread_per_peer}"
            )
        carriers = {_checked("listen", parse_listen, address).carrier for address in self.listen}
        if self.announce and not self.listen:
            raise ValueError("announce: a node that listens nowhere cannot be dialled; name addresses in `listen` too")
        for address in self.announce:
            _checked("announce", parse_announce, address)
        for address in self.bootstrap:
            _checked("bootstrap", parse_bootstrap, address)
        if (self.tls_certificate is None) != (self.tls_key is None):
            there = "tls_key" if self.tls_certificate is None else "tls_certificate"
            raise ValueError(f"{there}: tls_certificate and tls_key go together: name both files, or none.")
        if "wss" in carriers and self.tls_certificate is None:
            raise ValueError("listen: to listen on /tls/ws, name the files tls_certificate and tls_key.")


def _checked(key: str, parse: Callable[[str], Address], address: str) -> Address:
    try:
        return parse(address)
    except AddressRefused as refused:
        raise ValueError(f"{key}: {refused.sentence}") from None
