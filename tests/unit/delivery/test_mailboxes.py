"""Messages to those who are away: through mailboxes, in order, once."""

from __future__ import annotations

from mepassad.testing.nodes import Nodes
from tests.unit.delivery.mailboxed import acquaint, away, deposited, mailbox_node, with_mailboxes


async def test_who_is_away_finds_in_the_mailbox_what_was_said(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    await away(nodes, "bob")
    said = [await ana.say(bob, f"text {number}") for number in range(3)]
    await nodes.in_time(lambda: len(ana.facts("message.sent")) == 3)
    assert {data["route"] for data in ana.facts("message.sent")} == {"mailbox"}
    await away(nodes, "ana")
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: len(bob.texts()) == 3)
    assert bob.texts() == ["text 0", "text 1", "text 2"]
    await deposited(nodes, bob, ana, box)
    await away(nodes, "bob")
    ana = await nodes.start("ana")
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 3)
    assert [await ana.state(message) for message in said] == ["delivered"] * 3
