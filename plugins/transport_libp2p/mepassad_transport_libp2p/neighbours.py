"""What multicast DNS tells a local network of this node, and what it heard there of others; no network in here.

The text records are those of the libp2p specification (discovery/mdns.md): strings `dnsaddr=` with a multiaddr that
ends in /p2p/ and a node id.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import ifaddr

from mepassad.api import AddressRefused
from mepassad.api.context import Clock
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.address import Address, parse_dial

MAX_NODES = 256
"""Nodes remembered; whoever was heard longest ago makes room."""

MAX_ADDRESSES = 8
"""Addresses remembered of one node, the newest, and told of this one to one network."""

LIFETIME = 3600.0
"""Seconds that an address is remembered after it was last heard."""

QUIET = 5.0
"""Seconds in which a node's new addresses are a reason to dial it only once."""

_KEY = b"dnsaddr="

Network = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class Interface(NamedTuple):
    """A way into a local network: the IPv4 address that multicast leaves from, and all addresses beside it."""

    address: str
    networks: tuple[Network, ...]

    def has(self, host: str) -> bool:
        """Whether an IP address is this machine's, on this interface."""
        return any(ipaddress.ip_address(host) == network.ip for network in self.networks)

    def reaches(self, host: str) -> bool:
        """Whether an IP address is in this local network."""
        return any(ipaddress.ip_address(host) in network.network for network in self.networks)


def interfaces() -> list[Interface]:
    """The interfaces of this machine that have an IPv4 address; neither loopback nor link-local addresses count."""
    found = []
    try:
        adapters = list(ifaddr.get_adapters())
    except OSError:  # the machine does not tell, now
        return []
    for adapter in adapters:
        given = [(str(ip.ip if ip.is_IPv4 else ip.ip[0]), ip.network_prefix) for ip in adapter.ips]
        all_networks = [ipaddress.ip_interface(f"{address}/{prefix}") for address, prefix in given]
        networks = tuple(one for one in all_networks if not (one.ip.is_loopback or one.ip.is_link_local))
        if addresses := [str(one.ip) for one in networks if one.version == 4]:
            found.append(Interface(addresses[0], networks))
    return found


def text_of(addresses: Sequence[str], interface: Interface) -> bytes:
    """The text record for one local network: those of the node's own addresses that are on its interface."""
    parts = [_KEY + text.encode() for text in addresses if (parsed := _parsed(text)) and interface.has(parsed.host)]
    return b"".join(bytes([len(part)]) + part for part in parts[:MAX_ADDRESSES] if len(part) <= 255)


def addresses_in(text: bytes) -> Iterator[str]:
    """The multiaddrs in a text record; whatever else it holds is passed over."""
    while text:
        part, text = text[1 : 1 + text[0]], text[1 + text[0] :]
        if part.startswith(_KEY) and part.isascii():
            yield part[len(_KEY) :].decode()


class Neighbours:
    """Where nodes can be dialled according to what was heard. Anybody on a local network can say anything there."""

    def __init__(self, own: NodeId, clock: Clock) -> None:
        """`found` is called with a node of which an address was heard that was not known."""
        self._own, self._clock = own, clock
        self._heard: OrderedDict[NodeId, OrderedDict[str, float]] = OrderedDict()
        self._told: dict[NodeId, float] = {}
        self.found: Callable[[NodeId], None] = lambda node: None

    def hear(self, text: bytes, interface: Interface) -> None:
        """Take up a text record that came from a local network: addresses in that network, of any node but this."""
        for address in addresses_in(text):
            parsed = _parsed(address)
            if parsed and parsed.peer and parsed.peer != self._own and interface.reaches(parsed.host):
                self._remember(NodeId(parsed.peer), address)

    def _remember(self, node: NodeId, address: str) -> None:
        known = self._heard.setdefault(node, OrderedDict())
        new = address not in known
        known[address] = self._clock.monotonic()
        known.move_to_end(address)
        self._heard.move_to_end(node)
        while len(known) > MAX_ADDRESSES:
            known.popitem(last=False)
        while len(self._heard) > MAX_NODES:
            self._told.pop(self._heard.popitem(last=False)[0], None)
        if new:
            self._tell(node)

    def _tell(self, node: NodeId) -> None:
        now = self._clock.monotonic()
        if now - self._told.get(node, -QUIET) >= QUIET:
            self._told[node] = now
            self.found(node)

    def of(self, node: NodeId) -> tuple[str, ...]:
        """Addresses of a node, the newest first."""
        oldest = self._clock.monotonic() - LIFETIME
        return tuple(address for address, heard in reversed(self._heard.get(node, {}).items()) if heard > oldest)


def _parsed(text: str) -> Address | None:
    """An address with a number for a host, else None."""
    try:
        address = parse_dial(text)
    except AddressRefused:
        return None
    return address if address.kind in ("ip4", "ip6") else None
