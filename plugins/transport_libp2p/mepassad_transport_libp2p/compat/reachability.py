"""Cure: AutoNAT's verdict is wrong, so it is not used; this tells from what others saw which kind of NAT there is.

Stock 0.8.1 calls a node public because it is connected already (`AutoNATService._try_dial` uses `host.connect`), and
one private that listens on a wildcard. Not needed once it dials back anew and offers real addresses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum

from mepassad_transport_libp2p.compat.identify import Seen

MIN_OBSERVERS = 2
"""Observers that it takes to tell one kind of NAT from the other."""


class Nat(Enum):
    """What stands between a node and the net."""

    UNKNOWN = "unknown"
    NONE = "none"
    """The node has a public address itself; a firewall may still be there."""
    SAME = "same"
    """One port of the node looks the same to everybody: holes can be punched (RFC 4787: endpoint-independent)."""
    VARIES = "varies"
    """It looks different to each: holes cannot be punched (RFC 4787: address-dependent)."""


def nat(seen: Collection[Seen], own: Iterable[str]) -> Nat:
    """The kind of NAT. `seen`: what different observers saw of one local port; `own`: this machine's addresses."""
    if not seen:
        return Nat.UNKNOWN
    hosts = {one.host for one in seen}
    if hosts <= set(own):
        return Nat.NONE
    if len(seen) < MIN_OBSERVERS:
        return Nat.UNKNOWN
    return Nat.SAME if len(set(seen)) == 1 else Nat.VARIES
