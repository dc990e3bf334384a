"""Deposits: what a mailbox does not take, or not now."""

from __future__ import annotations

from msgspec.structs import replace

from mepassad.testing.nodes import Nodes
from tests.unit.delivery.mailboxed import acquaint, away, deposited, mailbox_node, with_mailboxes


async def test_receipts_that_are_too_large_for_a_mailbox_stay_owed(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    await away(nodes, "bob")
    for number in range(60):
        await ana.say(bob, str(number))
    await deposited(nodes, ana, bob, box)
    await away(nodes, "ana")
    server = box.node.roles.mailbox
    assert server is not None
    server.config = replace(server.config, max_envelope=1000)  # less than any that is told of in a config
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: len(bob.texts()) == 60)
    await nodes.pass_by(1, times=10)
    assert await bob.owes(ana) or box.node.stats()["roles"]["mailbox"]["envelopes"]  # type: ignore[index]
