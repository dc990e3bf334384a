"""Whom a node of the DHT knows: servers that answered, few of each subnet, more the nearer they are (Kademlia)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mepassad.api.types import NodeId
from mepassad_transport_libp2p.kad_wire import NEAREST, Peer, distance, place_of_node, subnet

SUBNET_OF_BUCKET = 2
"""Nodes of one subnet in a bucket."""

SUBNET_OF_TABLE = 8
"""Nodes of one subnet in a table."""

Subnet = Callable[[str], str | None]
"""The subnet of an address; None where there is none to be counted."""


def subnets(peer: Peer, of: Subnet) -> set[str]:
    """The subnets that a node's addresses are in."""
    return {found for address in peer.addresses if (found := of(address)) is not None}


class Table:
    """A bucket for each length of the prefix that a place shares with our own. Whoever answers stays: a newcomer never
    displaces them, so that many cheap nodes cannot push out those that are known."""

    def __init__(self, own: NodeId, subnet: Subnet = subnet) -> None:
        self._own, self._subnet = place_of_node(own), subnet
        self._buckets: dict[int, dict[NodeId, Peer]] = {}
        self._crowds: Counter[str] = Counter()  # nodes by their subnet, in the whole table

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def __contains__(self, node: object) -> bool:
        return any(node in bucket for bucket in self._buckets.values())

    def known(self, node: NodeId) -> tuple[str, ...]:
        """The addresses at which a node was reached; none where it is not known."""
        return next((bucket[node].addresses for bucket in self._buckets.values() if node in bucket), ())

    def add(self, peer: Peer) -> bool:
        """A server answered at these addresses; whether it is in the table now."""
        place = place_of_node(peer.id)
        if place == self._own or not peer.addresses:
            return False
        bucket = self._buckets.setdefault(distance(self._own, place).bit_length(), {})
        if peer.id in bucket:
            self.remove(peer.id)
        elif not self._has_room(bucket, peer):
            return False
        bucket[peer.id] = peer
        self._crowds.update(subnets(peer, self._subnet))
        return True

    def _has_room(self, bucket: dict[NodeId, Peer], peer: Peer) -> bool:
        if len(bucket) >= NEAREST:
            return False
        near = Counter(found for known in bucket.values() for found in subnets(known, self._subnet))
        found = subnets(peer, self._subnet)
        return all(near[one] < SUBNET_OF_BUCKET and self._crowds[one] < SUBNET_OF_TABLE for one in found)

    def remove(self, node: NodeId) -> None:
        """A node does not answer."""
        for bucket in self._buckets.values():
            gone = bucket.pop(node, None)
            if gone is not None:
                self._crowds.subtract(subnets(gone, self._subnet))

    def nearest(self, place: bytes, count: int = NEAREST) -> list[Peer]:
        """The known nodes nearest to a place, the nearest first."""
        return sorted(self._all(), key=lambda peer: distance(place, place_of_node(peer.id)))[:count]

    def _all(self) -> list[Peer]:
        return [peer for bucket in self._buckets.values() for peer in bucket.values()]
