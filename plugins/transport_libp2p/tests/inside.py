"""Looks into a node from its tests: its swarm, its connections, its libp2p side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from libp2p.abc import INetConn

from mepassad.testing.transport_node import Node


def swarm_of(node: Node) -> Any:
    return node.transport._host._swarm  # type: ignore[attr-defined]


def connections(node: Node, peer: Node) -> list[INetConn]:
    """A node's connections to a peer, oldest first."""
    found: list[INetConn] = swarm_of(node).get_connections(node.transport._host.reaching.target(peer.id))  # type: ignore[attr-defined]
    return found


async def within(node: Node, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Call what runs on a node's libp2p side."""
    return await node.transport._guest.call(function, *args)  # type: ignore[attr-defined]


async def drop(node: Node, peer: Node) -> None:
    """Close a node's connections to a peer, with all that waits on them."""
    for connection in connections(node, peer):
        await within(node, swarm_of(node).drop, connection)
