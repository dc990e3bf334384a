"""Cure: identify told every peer that it was seen on TCP, and asked strangers for all they claim.

Stock 0.8.1 reports an address seen on UDP as /tcp/, reports the relay's circuit for a direct connection if there is
any other, and asks every newcomer for its addresses, which cost to parse and fill the peer store. Here only those are
asked whom this node dialled itself, and only for what is of use: as whom they saw us, and what they serve. Not needed
once `identify_handler_for` looks at the connection it runs over, and identify can be had without being asked.

https://github.com/libp2p/specs/blob/master/identify/README.md
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

import trio
from libp2p.abc import IHost, IMuxedConn, INetConn, INetStream
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.identity.identify.identify import _mk_identify_protobuf
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad_transport_libp2p.compat.circuit import TIMEOUT, give_up, open_stream
from mepassad_transport_libp2p.compat.quic.connection import Connection as QUIC

MAX_MESSAGE = 8 * 1024
"""Bytes of an answer that is read (go-libp2p's limit of one message)."""

MAX_PROTOCOLS = 64
"""Protocols of a peer that are believed."""

MAX_PROTOCOL = 128
"""Characters of the name of a protocol."""

MAX_OBSERVERS = 64
"""Peers of which it is kept as whom they saw us last."""


class Seen(NamedTuple):
    """Where a peer saw a connection come from. `transport`: tcp or udp."""

    host: str
    transport: str
    port: int

    def address(self) -> Multiaddr:
        """As a multiaddr; UDP means QUIC."""
        kind = "ip6" if ":" in self.host else "ip4"
        tail = "/quic-v1" if self.transport == "udp" else ""
        return Multiaddr(f"/{kind}/{self.host}/{self.transport}/{self.port}{tail}")


class Identity(NamedTuple):
    """What a peer says: as whom it saw us, and the protocols it serves."""

    seen: Seen | None
    protocols: frozenset[str]


class Observations:
    """As whom others see this node: the last word of each of `MAX_OBSERVERS` peers, the oldest of which give way."""

    def __init__(self) -> None:
        self._seen: dict[object, Seen] = {}

    def note(self, observer: object, seen: Seen) -> None:
        """Keep what a peer said."""
        self._seen.pop(observer, None)
        self._seen[observer] = seen
        if len(self._seen) > MAX_OBSERVERS:
            del self._seen[next(iter(self._seen))]

    def all(self) -> tuple[Seen, ...]:
        """What each observer said last, in the order of time."""
        return tuple(self._seen.values())


def observed(muxed: IMuxedConn) -> Multiaddr | None:
    """The address that a connection comes from; that of its circuit if it is relayed."""
    remote = muxed.get_remote_address()  # type: ignore[attr-defined]
    if remote is None:
        return next((one for one in muxed.get_transport_addresses() if "/p2p-circuit" in str(one)), None)
    address = ipaddress.ip_address(remote[0].partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return Seen(str(address), "udp" if isinstance(muxed, QUIC) else "tcp", remote[1]).address()


def serve(host: IHost) -> None:
    """Tell peers who we are, and as whom we see them."""

    async def handle(stream: INetStream) -> None:
        message = _mk_identify_protobuf(host, observed(stream.muxed_conn))
        with trio.fail_after(TIMEOUT):
            await stream.write(encode_varint_prefixed(message.SerializeToString()))
            await stream.close()

    host.set_stream_handler(IDENTIFY, handle)


async def ask(connection: INetConn) -> Identity:
    """What the peer of a connection says. Raises what junk, silence (TooSlowError) and a lost connection raise."""
    stream = await open_stream(connection, IDENTIFY)
    try:
        with trio.fail_after(TIMEOUT):
            data = await read_varint_prefixed_bytes_limited(stream, MAX_MESSAGE)
    finally:
        await give_up(stream)
    message = Identify()
    message.ParseFromString(data)
    protocols = [name for name in message.protocols[:MAX_PROTOCOLS] if len(name) <= MAX_PROTOCOL]
    return Identity(parse_seen(message.observed_addr), frozenset(protocols))


def parse_seen(encoded: bytes) -> Seen | None:
    """What a peer's observation says, or None if it is no plain address of ours."""
    try:
        parts = str(Multiaddr(encoded)).split("/")
        kind, host, transport, port = parts[1:5]
        address = ipaddress.ip_address(host)
    except Exception:  # the library raises whatever its many parsers raise
        return None
    plain = parts[5:] in ([], ["ws"], ["wss"], ["quic-v1"], ["tls", "ws"])
    if not plain or kind not in ("ip4", "ip6") or transport not in ("tcp", "udp") or int(port) == 0:
        return None
    if address.is_unspecified or address.is_multicast:
        return None
    return Seen(str(address), transport, int(port))
