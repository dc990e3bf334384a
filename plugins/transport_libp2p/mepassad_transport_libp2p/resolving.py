"""The places of the network that an address stands for."""

from __future__ import annotations

import socket
from typing import Any

import trio

from mepassad_transport_libp2p.address import Address

FAMILIES = {
    "ip4": socket.AF_INET,
    "dns4": socket.AF_INET,
    "ip6": socket.AF_INET6,
    "dns6": socket.AF_INET6,
    "dns": socket.AF_UNSPEC,
}


async def resolve(address: Address, kind: socket.SocketKind) -> list[tuple[int, Any]]:
    """Families and socket addresses, in the order to try. Raises OSError where a name is not known."""
    found = await trio.socket.getaddrinfo(address.host, address.port, FAMILIES[address.kind], kind)
    return [(family, place) for family, _, _, _, place in found]
