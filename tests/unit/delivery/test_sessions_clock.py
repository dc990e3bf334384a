"""Which session is spoken when the clock was set back: the one that was begun, or heard on, last."""

from __future__ import annotations

from mepassad.delivery.sessions import Head
from mepassad.testing.nodes import Nodes, RunningNode, eventually

HOUR = 3600


def spoken(node: RunningNode, other: RunningNode) -> Head:
    """The session that a node speaks to another in."""
    head = node.core.sessions.current(node.contact(other), other.core.accounts.me(other.account).device.public)
    assert head is not None
    return head


async def test_a_new_session_is_spoken_though_the_clock_was_set_back(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    before = spoken(ana, bob).row
    ana.core.sessions.renounce(ana.contact(bob), before.device)
    nodes.clock.jump(-HOUR)
    await ana.core.handshakes.introduce(ana.contact(bob))
    begun = spoken(ana, bob).row
    assert begun.id != before.id
    assert begun.used_ms > before.used_ms
    await ana.say(bob, "in the new one")
    await eventually(lambda: bob.texts() == ["in the new one"])
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert [spoken(ana, bob).row.id, spoken(bob, ana).row.id] == [begun.id] * 2
    ana, bob = await nodes.restart("ana"), await nodes.restart("bob")
    assert [spoken(ana, bob).row.id, spoken(bob, ana).row.id] == [begun.id] * 2


async def test_a_session_that_is_begun_after_the_clock_was_set_back_is_not_forgotten_at_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    for number in range(6):
        nodes.clock.jump(-HOUR)
        ana.core.sessions.renounce(ana.contact(bob), spoken(ana, bob).row.device)
        await ana.core.handshakes.introduce(ana.contact(bob))
        await ana.say(bob, str(number))
        await eventually(lambda heard=number: len(bob.texts()) == heard + 1)  # type: ignore[misc]
        await eventually(lambda heard=number: len(ana.facts("message.delivered")) == heard + 1)  # type: ignore[misc]
        assert spoken(bob, ana).row.id == spoken(ana, bob).row.id
