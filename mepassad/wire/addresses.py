"""Which addresses of others may be dialled, and which of one's own are worth telling."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Host = ipaddress.IPv4Address | ipaddress.IPv6Address


def _host(address: str) -> Host | None:
    """The IP address that a multiaddr begins with, if it does. Raises ValueError where it is not one."""
    parts = address.split("/")
    if len(parts) < 3 or parts[0]:
        raise ValueError("a multiaddr begins with a slash and has a protocol and a value")
    if parts[1] == "ip4":
        return ipaddress.IPv4Address(parts[2])
    return ipaddress.IPv6Address(parts[2]) if parts[1] == "ip6" else None


def may_dial(address: str) -> bool:
    """Whether an address that somebody told us may be dialled: never link-local ones, where routers and the metadata
    services of clouds live, nor such as are no one host's."""
    try:
        host = _host(address)
    except ValueError:
        return False
    if host is None:
        # A name may resolve to anything, a metadata service included; addresses that others tell are numbers.
        return not address.startswith("/dns")
    mapped = getattr(host, "ipv4_mapped", None) or host
    return not (mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or mapped.is_reserved)


def worth_telling(addresses: Sequence[str]) -> list[str]:
    """One's own addresses without those on loopback, unless there are no others."""
    wide = [address for address in addresses if not _on_loopback(address)]
    return wide or list(addresses)


def _on_loopback(address: str) -> bool:
    host = _host(address)
    return host is not None and host.is_loopback
