"""What an invite says of nodes: hints with roles, the most useful first, because a link has room for few."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mepassad.api.node_id import key_from_node_id

MAILBOX = 1  # a mailbox node
RELAY = 2  # a relay behind which the inviter's nodes, those without roles, are found
CIRCUIT = "/p2p-circuit"  # ends the address of a node behind a relay

Nodes = Mapping[str, Sequence[str]]


class Hint(NamedTuple):
    """One address of a node; an empty one says that the node is found behind the relays."""

    node: str
    roles: int
    address: str


def to_hints(nodes: Nodes, mailboxes: Nodes) -> list[Hint]:
    """Hints of nodes and of mailboxes. A mailbox is there when the inviter's node is not; an address that all can reach
    is worth more than a relay, and a relay more than an address of somebody's own network. Nodes that no address leads
    to now will be behind their mailboxes, if those are relays too: a guest who has no mailbox is answered in no other
    way."""
    boxes = list(_flat(mailboxes, MAILBOX))
    own = list(_flat(nodes, 0)) or [Hint(node, 0, _behind(box)) for node in nodes for box in boxes]
    relays = [found for hint in own if (found := _relay(hint.address)) is not None]
    if not relays:
        return boxes[:1] + own + boxes[1:]
    own = [hint for hint in own if _relay(hint.address) is None]
    wide = [hint for hint in own if _is_global(hint.address)]
    near = [hint for hint in own if hint not in wide]
    behind = [Hint(node, 0, "") for node in nodes]
    return behind + boxes[:1] + wide[:1] + relays[:1] + wide[1:] + near + relays[1:] + boxes[1:]


def grouped(hints: Sequence[Hint]) -> Iterator[tuple[str, int, list[str]]]:
    """Node, roles and addresses, as a link carries them: once for a node that is both mailbox and relay."""
    serving: dict[str, int] = {}
    for hint in hints:
        serving[hint.node] = serving.get(hint.node, 0) | hint.roles
    found: dict[tuple[str, int], list[str]] = {}
    for hint in hints:
        addresses = found.setdefault((hint.node, serving[hint.node] if hint.roles else 0), [])
        if hint.address and not (hint.roles and hint.address in addresses):
            addresses.append(hint.address)
    for (node, roles), told in found.items():
        yield node, roles, told


def from_hints(hints: Iterable[tuple[str, int, Sequence[str]]]) -> tuple[Nodes, Nodes]:
    """The inviter's nodes, with their addresses behind relays, and its mailboxes."""
    known = list(hints)
    relays = [f"{address}/p2p/{node}{CIRCUIT}" for node, roles, told in known if roles & RELAY for address in told]
    nodes = {node: (*told, *relays) for node, roles, told in known if not roles}
    return nodes, {node: tuple(told) for node, roles, told in known if roles & MAILBOX}


def relays_of(addresses: Iterable[str]) -> list[str]:
    """The relays that addresses lead through, each with its own address and `/p2p/<node id>`."""
    found = (address.removesuffix(CIRCUIT) for address in addresses if _relay(address) is not None)
    return list(dict.fromkeys(found))


def _flat(nodes: Nodes, roles: int) -> Iterator[Hint]:
    for node, told in nodes.items():
        for address in told:
            yield Hint(node, roles, address)


def _behind(server: Hint) -> str:
    return f"{server.address}/p2p/{server.node}{CIRCUIT}"


def _relay(address: str) -> Hint | None:
    """The relay that an address leads through."""
    there, found, node = address.removesuffix(CIRCUIT).rpartition("/p2p/")
    if not address.endswith(CIRCUIT) or not found:
        return None
    with contextlib.suppress(ValueError):
        key_from_node_id(node)  # a hint carries keys of this kind only
        return Hint(node, RELAY, there)
    return None


def _is_global(address: str) -> bool:
    with contextlib.suppress(ValueError, IndexError):
        return ipaddress.ip_address(address.split("/")[2]).is_global
    return False
