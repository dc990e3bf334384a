"""Multiaddrs of this transport as text: which it can dial or listen on, and where others reach a wildcard."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

from mepassad.api import AddressRefused

MAX_LENGTH = 512
HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?")
PEER_ID = re.compile(r"[1-9A-HJ-NP-Za-km-z]{40,64}")


class Address(NamedTuple):
    """A parsed `/ip4/…/tcp/…[/p2p/…]`. `kind`: ip4, ip6, dns, dns4 or dns6."""

    kind: str
    host: str
    port: int
    peer: str | None

    def __str__(self) -> str:
        return f"/{self.kind}/{self.host}/tcp/{self.port}" + (f"/p2p/{self.peer}" if self.peer else "")


def parse_dial(text: str) -> Address:
    """An address to dial. Raises `AddressRefused`."""
    address = _parse(text)
    if address is None or address.port == 0:
        raise AddressRefused(f"{text[:MAX_LENGTH]!r} is no address to dial; write for example /ip4/192.0.2.1/tcp/4001.")
    return address


def parse_listen(text: str) -> Address:
    """An address to listen on: an IP address of this machine and a port. Raises `AddressRefused`."""
    address = _parse(text)
    if address is None or address.peer is not None or address.kind not in ("ip4", "ip6"):
        raise AddressRefused(
            f"{text[:MAX_LENGTH]!r} is no address to listen on; write for example /ip4/0.0.0.0/tcp/4001."
        )
    return address


def _parse(text: str) -> Address | None:
    """The parts of an address, or None."""
    parts = text.split("/") if len(text) <= MAX_LENGTH else []
    if len(parts) not in (5, 7) or parts[0] or parts[3] != "tcp":
        return None
    peer = None
    if len(parts) == 7:
        if parts[5] != "p2p" or not PEER_ID.fullmatch(parts[6]):
            return None
        peer = parts[6]
    kind, host, port = parts[1], parts[2], parts[4]
    if not _is_host(kind, host) or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        return None
    return Address(kind, host, int(port), peer)


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
