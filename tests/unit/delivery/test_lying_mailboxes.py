"""Mailboxes that lie: what another has arrives, once; what none has is still owed."""

from __future__ import annotations

import pytest

from mepassad.testing.nodes import Nodes
from tests.unit.delivery.liars import Dropping, Junk, Liar, OfAnother, Replaying, Withholding, lie
from tests.unit.delivery.mailboxed import acquaint, away, deposited, mailbox_node, with_mailboxes


@pytest.mark.parametrize("kind", [Dropping, Withholding, Replaying, Junk, OfAnother, Liar])
async def test_what_another_mailbox_has_arrives_once(nodes: Nodes, kind: type[Liar]) -> None:
    boxes = await mailbox_node(nodes, "one"), await mailbox_node(nodes, "two")
    ana, bob = await with_mailboxes(nodes, "ana", *boxes), await with_mailboxes(nodes, "bob", *boxes)
    await acquaint(nodes, ana, bob)
    lie(boxes[0], kind)
    await away(nodes, "bob")
    for number in range(5):
        await ana.say(bob, f"text {number}")
    await deposited(nodes, ana, bob, *boxes)
    await away(nodes, "ana")
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: len(bob.texts()) >= 5)
    await nodes.pass_by(10, times=12)
    assert sorted(map(str, bob.texts())) == [f"text {number}" for number in range(5)]


async def test_what_a_mailbox_lost_comes_directly_or_after_some_hours_again(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    real = dict(box.node.supervisor.live["mailbox"])
    lie(box, Dropping)
    nodes.cut(ana, bob)
    await ana.say(bob, "dropped")
    await deposited(nodes, ana, bob, box)
    box.node.supervisor.live["mailbox"].update(real)
    await nodes.pass_by(600, times=5)
    assert not bob.texts()
    await nodes.pass_by(600, times=33)
    await nodes.in_time(lambda: bob.texts() == ["dropped"])
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 1, 5)
