"""Who is found under what name, and nodes that move, for tests of directories."""

from __future__ import annotations

from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.messages_pb2 import Places
from mepassad.wire.records import Kind, record_key


def name_of(node: RunningNode) -> bytes:
    """The name under which the node's account is found now."""
    return record_key(Kind.ADDRESSES, node.core.lookup.numbers.of(node.account).number())


def known_name(of: RunningNode, who: RunningNode) -> bytes:
    """Under what name a node would look for a contact."""
    return record_key(Kind.ADDRESSES, Places.FromString(of.contact(who).places).addresses_number)


async def move(nodes: Nodes, *names: str) -> list[RunningNode]:
    """Stop these nodes and bring them up on another network, where their addresses are others."""
    for name in names:
        await nodes.up.pop(name).stop()
    return [await nodes.start(name, transport_memory__name=f"{nodes.network_name}-moved") for name in names]
