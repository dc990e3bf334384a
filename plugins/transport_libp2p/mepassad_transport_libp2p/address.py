"""Multiaddrs of this transport as text: which it can dial or listen on, and where others reach a wildcard."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterable
from typing import NamedTuple

from mepassad.api import AddressRefused
from mepassad.api.node_id import key_from_node_id

MAX_LENGTH = 512
CIRCUIT = "/p2p-circuit"
HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?")
PEER_ID = re.compile(r"[1-9A-HJ-NP-Za-km-z]{40,64}")
OURS = "12D3KooW"  # how ids of Ed25519 keys begin; those of other nodes of libp2p are only known by their letters


CARRIERS = {
    "tcp": "/tcp/{port}",
    "quic": "/udp/{port}/quic-v1",
    "ws": "/tcp/{port}/ws",
    "wss": "/tcp/{port}/tls{sni}/ws",
}
"""What carries a connection, by its name here; the order is that of preference (ADR 0018)."""

_CARRIED = re.compile(
    r"/(?:tcp/(?P<tcp>[0-9]{1,5})(?P<over>/ws|/wss|/tls(?:/sni/(?P<sni>[^/]+))?/ws)?|udp/(?P<udp>[0-9]{1,5})/quic-v1)"
    r"(?:/p2p/(?P<peer>[^/]+))?"
)


class Address(NamedTuple):
    """A parsed `/ip4/…/tcp/…[/p2p/…]` or its like. `kind`: ip4, ip6, dns, dns4 or dns6; `carrier`: of `CARRIERS`.

    `sni`: the name in the certificate of a TLS WebSocket, where that is not its host.
    """

    kind: str
    host: str
    port: int
    peer: str | None
    carrier: str = "tcp"
    sni: str | None = None

    def __str__(self) -> str:
        sni = f"/sni/{self.sni}" if self.sni else ""
        carried = CARRIERS[self.carrier].format(port=self.port, sni=sni)
        return f"/{self.kind}/{self.host}{carried}" + (f"/p2p/{self.peer}" if self.peer else "")


class Circuit(NamedTuple):
    """Where a node is reached through a relay: the relay's address, which names it, and the node's id."""

    relay: Address
    peer: str | None

    def __str__(self) -> str:
        return f"{self.relay}{CIRCUIT}" + (f"/p2p/{self.peer}" if self.peer else "")


def parse_circuit(text: str) -> Circuit | None:
    """A `/…/p2p/<relay>/p2p-circuit[/p2p/<node>]`, or None where it is none."""
    before, found, after = text.partition(CIRCUIT)
    named = re.fullmatch(r"(?:/p2p/([^/]+))?", after)
    relay = _parse(before) if found and named and len(text) <= MAX_LENGTH else None
    if named is None or relay is None or relay.port == 0 or relay.peer is None:
        return None
    peer = named[1]
    if peer is not None and (not PEER_ID.fullmatch(peer) or peer == relay.peer):
        return None
    return Circuit(relay, peer)


def parse_dial(text: str) -> Address:
    """An address to dial. Raises `AddressRefused`."""
    address = _parse(text)
    if address is None or address.port == 0:
        raise AddressRefused(f"{text[:MAX_LENGTH]!r} is no address to dial; write for example /ip4/192.0.2.1/tcp/4001.")
    return address


def parse_announce(text: str) -> Address:
    """An address of this node that others can dial. Raises `AddressRefused`."""
    address = _parse(text)
    if address is None or address.port == 0 or address.peer is not None or address.kind not in ("ip4", "ip6"):
        raise AddressRefused(
            f"{text[:MAX_LENGTH]!r} is no address to be told to others; write for example /ip4/192.0.2.1/tcp/4001, "
            "without /p2p and port 0, and no name: contacts dial none."
        )
    return address


def parse_bootstrap(text: str) -> Address:
    """An address to dial that names its node. Raises `AddressRefused`."""
    address = _parse(text)
    if address is None or address.port == 0 or address.peer is None:
        raise AddressRefused(
            f"{text[:MAX_LENGTH]!r} is no address of a node; write for example "
            "/ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…, which ends in the node's id."
        )
    if address.peer.startswith(OURS):
        try:
            key_from_node_id(address.peer)
        except ValueError as error:
            raise AddressRefused(f"{address.peer!r} is no node id: {error}") from None
    return address


def parse_listen(text: str) -> Address:
    """An address to listen on: an IP address of this machine and a port. Raises `AddressRefused`."""
    address = _parse(text)
    if address is None or address.peer is not None or address.sni or address.kind not in ("ip4", "ip6"):
        raise AddressRefused(
            f"{text[:MAX_LENGTH]!r} is no address to listen on; write for example /ip4/0.0.0.0/tcp/4001, "
            "or /ip4/0.0.0.0/udp/4001/quic-v1."
        )
    return address


def _parse(text: str) -> Address | None:
    """The parts of an address, or None. `/wss` is the old way to write `/tls/ws`."""
    parts = text.split("/", 3) if len(text) <= MAX_LENGTH else []
    if len(parts) != 4 or parts[0] or not _is_host(parts[1], parts[2]):
        return None
    carried = _CARRIED.fullmatch("/" + parts[3])
    if carried is None:
        return None
    port, peer, sni = int(carried["tcp"] or carried["udp"]), carried["peer"], carried["sni"]
    if port > 65535 or (peer and not PEER_ID.fullmatch(peer)) or (sni and not HOST_NAME.fullmatch(sni)):
        return None
    over = carried["over"]
    carrier = "quic" if carried["udp"] else "tcp" if over is None else "ws" if over == "/ws" else "wss"
    return Address(parts[1], parts[2], port, peer, carrier, None if sni == parts[2] else sni)


def interleaved(addresses: Iterable[Address]) -> list[Address]:
    """Addresses in the order to dial them: of each carrier one in turn, the preferred carrier first."""
    ranked: dict[str, list[Address]] = {carrier: [] for carrier in CARRIERS}
    for address in addresses:
        ranked[address.carrier].append(address)
    rows = itertools.zip_longest(*ranked.values())
    return [address for row in rows for address in row if address is not None]


def _is_host(kind: str, host: str) -> bool:
    """Whether a host fits its kind."""
    try:
        if kind == "ip4":
            return bool(ipaddress.IPv4Address(host))
        if kind == "ip6":
            return "%" not in host and bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False
    return kind in ("dns", "dns4", "dns6") and HOST_NAME.fullmatch(host) is not None


def reachable(bound: Iterable[Address], local4: Iterable[str], local6: Iterable[str]) -> tuple[Address, ...]:
    """Where bound addresses can be dialled: wildcards become this machine's addresses; loopback comes last.

    `local4`, `local6`: the machine's own addresses without loopback.
    """
    found: dict[Address, None] = {}
    for address in bound:
        if not ipaddress.ip_address(address.host).is_unspecified:
            found[address] = None
            continue
        hosts = [*local4, "127.0.0.1"] if address.kind == "ip4" else [*local6, "::1"]
        found.update((address._replace(host=host), None) for host in hosts)
    return tuple(sorted(found, key=lambda address: ipaddress.ip_address(address.host).is_loopback))
