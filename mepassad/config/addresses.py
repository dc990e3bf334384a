"""Whether what config.yaml names is the address of a node, or a node's id, and if not, what is wrong with it."""

from __future__ import annotations

import ipaddress

from mepassad.api.node_id import TEXT_LENGTH, key_from_node_id
from mepassad.i18n import _
from mepassad.wire.hints import CIRCUIT

HOSTS = {"ip4": ipaddress.IPv4Address, "ip6": ipaddress.IPv6Address}
MAX_PORT = 65_535


def check_node_id(text: str) -> None:
    """Raise ValueError with a sentence where this is no node id."""
    try:
        key_from_node_id(text)
    except ValueError as error:
        if len(text) != TEXT_LENGTH:
            told = _("{one} is no node id: it has {count} characters, not {right}")
        else:
            told = _("{one} is no node id: a character in it is wrong")
        raise ValueError(told.format(one=repr(text), count=len(text), right=TEXT_LENGTH)) from error


def check_node_address(address: str) -> None:
    """Raise ValueError with a sentence where this is no address of a node, without a relay between."""
    place, found, node = address.rpartition("/p2p/")
    if not found or CIRCUIT in place or not _has_host(place):
        told = _("{address} is no address of a node, such as /ip4/203.0.113.5/tcp/4001/p2p/12D3KooW…")
        raise ValueError(told.format(address=address))
    _none, _kind, _host, carrier, port, *_rest = f"{place}///".split("/")
    if carrier in ("tcp", "udp") and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= MAX_PORT):
        told = _("the port in {address} must be a number from 1 to {most}")
        raise ValueError(told.format(address=address, most=MAX_PORT))
    check_node_id(node)


def _has_host(place: str) -> bool:
    """Whether this begins as a multiaddr does, and with a number where it says so."""
    none, kind, host, *_rest = f"{place}//".split("/")
    try:
        return not none and bool(kind) and (kind not in HOSTS or bool(HOSTS[kind](host)))
    except ValueError:
        return False
