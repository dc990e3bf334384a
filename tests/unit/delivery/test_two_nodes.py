"""Two nodes and a message: what everything else builds on."""

from __future__ import annotations

from pathlib import Path

from mepassad.testing.nodes import eventually, living


async def test_a_text_arrives_and_both_sides_know(tmp_path: Path) -> None:
    async with living(tmp_path) as nodes:
        ana, bob = await nodes.start("ana"), await nodes.start("bob")
        await nodes.introduce(ana, bob)
        message = await ana.say(bob, "olá")
        await eventually(lambda: len(ana.facts("message.delivered")) == 1)
        assert bob.texts() == ["olá"]
        assert await ana.state(message) == "delivered"


async def test_a_node_that_was_stopped_comes_back_with_all_it_had(tmp_path: Path) -> None:
    async with living(tmp_path) as nodes:
        ana, bob = await nodes.start("ana"), await nodes.start("bob")
        await nodes.introduce(ana, bob)
        account, node_id = bob.account, bob.node_id
        bob = await nodes.restart("bob")
        assert (bob.account, bob.node_id) == (account, node_id)
        nodes.clock.advance(60)
        await bob.say(ana, "back again")
        await eventually(lambda: ana.texts() == ["back again"])
