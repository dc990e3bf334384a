"""A link over a relay gives way to a direct one: lanes move, nothing is lost or doubled, and the relay is left."""

from __future__ import annotations

from mepassad.delivery.link import Link
from mepassad.delivery.links import LINGER
from mepassad.testing.nodes import Nodes, RunningNode, eventually


def links(node: RunningNode) -> list[Link]:
    return [link for link in node.node.core.router.links.all() if not link.closed]


def over_a_relay(*nodes: RunningNode) -> None:
    """Let the links of nodes be such as run over a relay."""
    for node in nodes:
        for link in links(node):
            link.route = "relayed"


async def test_messages_move_to_the_direct_link_and_the_relayed_one_ends(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    over_a_relay(ana, bob)
    await ana.say(bob, "over a relay")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    await ana.node.core.router.links.climb(bob.node_id)
    await eventually(lambda: {link.route for link in links(bob)} == {"relayed", "direct"})
    for number in range(5):
        await ana.say(bob, f"{number}")
    await eventually(lambda: len(ana.facts("message.delivered")) == 6)
    assert len(bob.facts("message.received")) == 6
    assert dict(ana.node.core.settlement.routes) == {"relayed": 1, "direct": 5}
    nodes.clock.advance(LINGER)
    await eventually(lambda: [link.route for link in links(ana)] == [link.route for link in links(bob)] == ["direct"])
    await bob.say(ana, "and back")
    await eventually(lambda: len(ana.facts("message.received")) == 1)


async def test_who_has_a_direct_link_opens_no_other(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    before = links(ana)
    await ana.node.core.router.links.climb(bob.node_id)
    assert links(ana) == before


async def test_what_the_relayed_link_left_unanswered_comes_once_over_the_direct_one(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    over_a_relay(ana, bob)
    (link,) = links(ana)
    link._stream.write = lambda data: None  # type: ignore[method-assign] # the relay carries nothing any more
    await ana.say(bob, "lost on the relay")
    await ana.node.core.router.links.climb(bob.node_id)
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert len(bob.facts("message.received")) == 1
