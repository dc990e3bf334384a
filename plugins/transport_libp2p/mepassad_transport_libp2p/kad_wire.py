"""The messages of the DHT as bytes, the places of nodes and records, and which addresses of others are believed.
docs/protocol/directory.md."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError

from mepassad.api import AddressRefused
from mepassad.api.node_id import key_from_node_id, node_id_from_key
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.address import parse_dial
from mepassad_transport_libp2p.kad_pb2 import KadNode, KadReply, KadRequest

PROTOCOL = "/mepassa/kad/1"

MAX_REQUEST = 8192
"""Bytes of a request."""

MAX_REPLY = 65_536
"""Bytes of an answer."""

NEAREST = 20
"""Nodes that an answer names, and at which a record is kept: the k of Kademlia."""

MAX_ADDRESSES = 8
"""Addresses of one node that are told, and believed."""

PLACE_SIZE = 32

_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")  # leads to whatever IPv4 address is in it, also on loopback


class Peer(NamedTuple):
    """A node of the DHT, with addresses without `/p2p`."""

    id: NodeId
    addresses: tuple[str, ...]


class Reply(NamedTuple):
    """An answer: nodes that are nearer, a record or b"", and whether the record of the request is kept."""

    nodes: tuple[Peer, ...] = ()
    record: bytes = b""
    kept: bool = False


def place_of_record(key: bytes) -> bytes:
    """Where in the DHT the record of a name lies: whoever knows the place alone does not know the name."""
    return hashlib.sha256(key).digest()


@functools.lru_cache(maxsize=4096)
def place_of_node(node: NodeId) -> bytes:
    """Where a node is. Raises ValueError where this is no node id."""
    return hashlib.sha256(key_from_node_id(node)).digest()


def distance(one: bytes, other: bytes) -> int:
    """How far apart two places are."""
    return int.from_bytes(one, "big") ^ int.from_bytes(other, "big")


def parse_request(raw: bytes) -> KadRequest:
    """A request: for a place, or to keep a record. Raises ValueError."""
    try:
        request = KadRequest.FromString(raw)
    except DecodeError as error:
        raise ValueError("this is no request") from error
    asks = len(request.target) == PLACE_SIZE and not request.record
    keeps = bool(request.record and request.key) and not request.target
    if not (asks or keeps) or len(request.addresses) > MAX_ADDRESSES:
        raise ValueError("a request asks for one place, or brings one record")
    return request


def pack_reply(reply: Reply) -> bytes:
    """An answer's bytes."""
    nodes = [KadNode(id=key_from_node_id(peer.id), addresses=peer.addresses) for peer in reply.nodes]
    return KadReply(nodes=nodes, record=reply.record, kept=reply.kept).SerializeToString()


def parse_reply(raw: bytes, teller: str) -> Reply:
    """An answer, with such addresses only as a node reached at the IP address `teller` may tell. Raises ValueError."""
    try:
        reply = KadReply.FromString(raw)
    except DecodeError as error:
        raise ValueError("this is no answer") from error
    if len(reply.nodes) > NEAREST:
        raise ValueError("an answer names too many nodes")
    peers = [Peer(node_id_from_key(node.id), believed(node.addresses, teller)) for node in reply.nodes]
    return Reply(tuple(peer for peer in peers if peer.addresses), reply.record, reply.kept)


def believed(addresses: Iterable[str], teller: str) -> tuple[str, ...]:
    """The addresses that may be dialled because somebody at an IP address told them: public ones, and of others those
    of the teller's own kind, since it is there, too. Never link-local ones, names, or circuits."""
    kind = _kind(teller)
    found = [text for text in list(addresses)[:MAX_ADDRESSES] if (of := _kind_of(text)) and of in ("public", kind)]
    return tuple(found)


def of_host(addresses: Sequence[str], host: str) -> tuple[str, ...]:
    """Those of some addresses that have the IP address of `host`: nobody is to be aimed at a third."""
    return tuple(text for text in addresses[:MAX_ADDRESSES] if _kind_of(text) and _same(text.split("/")[2], host))


def subnet(address: str) -> str | None:
    """The network that a public address belongs to: IPv4 /24, IPv6 /48. None for any other: it counts as no subnet."""
    return network(address.split("/")[2]) if _kind_of(address) else None


def network(host: str) -> str | None:
    """The same of an IP address; None also for ""."""
    if _kind(host) != "public":
        return None
    found = _plain(host)
    return str(ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 48}", strict=False))


def _kind_of(text: str) -> str:
    """`public`, `private` or `loopback`; "" for what is not to be dialled."""
    try:
        address = parse_dial(text)
    except AddressRefused:
        return ""
    return _kind(address.host) if address.kind in ("ip4", "ip6") and address.peer is None else ""


def _kind(host: str) -> str:
    try:
        found = _plain(host)
    except ValueError:
        return ""
    if found.is_loopback:
        return "loopback"
    if found.is_link_local or found.is_multicast or found.is_unspecified or found.is_reserved:
        return ""
    if found.version == 6 and (found.is_site_local or found in _SIX_TO_FOUR):
        return ""
    return "public" if found.is_global else "private"


def _plain(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    found = ipaddress.ip_address(host.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


def _same(one: str, other: str) -> bool:
    try:
        return _plain(one) == _plain(other)
    except ValueError:
        return False
