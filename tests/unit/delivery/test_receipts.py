"""Receipts: once, gathered, of every message; and the states they make only climb."""

from __future__ import annotations

import pytest

from mepassad.api.store import Commit
from mepassad.api.types import MessageId, Outgoing, Receipt
from mepassad.api.writes import OweReceipt
from mepassad.testing.courier import Courier, packet
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.content import RECEIPT
from mepassad.wire.ids import b64, unb64
from mepassad.wire.packets import packet_id


def last_message(node: RunningNode) -> MessageId:
    return MessageId(str(node.facts("message.received")[-1]["message_id"]))


def number(n: int) -> MessageId:
    return MessageId(b64(n.to_bytes(16, "big")))


async def test_a_message_is_delivered_once_and_read_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    message = await ana.say(bob, "hi")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    for _ in range(3):
        await bob.node.conversations.mark_read(bob.account, message.id)
    await eventually(lambda: len(ana.facts("message.read")) == 1)
    await bob.say(ana, "and that was all")
    await eventually(lambda: len(bob.facts("message.delivered")) == 1)
    states = [event.data["state"] for event in ana.events if "state" in event.data and event.topic != "contact.added"]
    assert states == ["sent", "delivered", "read"]
    assert await ana.state(message) == "read"


async def test_a_read_receipt_that_overtakes_the_others_is_not_taken_back(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=60_000)
    message = await ana.say(bob, "hi")
    await eventually(lambda: bob.texts() == ["hi"])
    for kind in ("read", "delivered"):
        content = bob.core.outbox.empty(bob.contact(ana), RECEIPT)
        getattr(content.receipts, kind).append(unb64(message.id))
        assert await Courier().hand(ana, await packet(bob, ana, content)) == [None]
    assert await ana.state(message) == "read"
    assert len(ana.facts("message.read")) == 1
    assert ana.facts("message.delivered") == []
    assert await ana.owes(bob) == 0


async def test_receipts_wait_for_each_other_and_go_together(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=200)
    nodes.tap.passed.clear()
    for n in range(5):
        await ana.say(bob, str(n))
    await eventually(lambda: len(bob.texts()) == 5)
    assert nodes.tap.packets(bob.node_id) == []
    nodes.clock.advance(0.2)
    await eventually(lambda: len(ana.facts("message.delivered")) == 5)
    assert len(nodes.tap.packets(bob.node_id)) == 1


async def test_a_message_takes_the_receipts_along_that_are_owed(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=60_000)
    nodes.tap.passed.clear()
    await ana.say(bob, "how are you?")
    await eventually(lambda: len(bob.texts()) == 1)
    await bob.say(ana, "well")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert len(nodes.tap.packets(bob.node_id)) == 1


async def test_receipts_that_were_owed_when_a_node_stopped_are_sent_when_it_is_back(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=60_000)
    await ana.say(bob, "hi")
    await eventually(lambda: len(bob.texts()) == 1)
    await nodes.restart("bob")
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 1, 10)


async def test_more_receipts_than_fit_into_one_content_are_all_sent(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.cut(ana, bob)
    many = [Receipt(account=bob.account, contact=ana.account, message=number(n), kind="read") for n in range(1200)]
    await bob.node.store.commit(Commit(tuple(OweReceipt(receipt) for receipt in many)))
    bob.core.receipts.owe(many)

    async def none_owed() -> bool:
        return not await bob.node.store.receipts()

    await nodes.in_time(none_owed)


async def test_marking_a_long_conversation_as_read_tells_of_every_message(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    for n in range(600):
        await ana.say(bob, str(n))
    await eventually(lambda: len(ana.facts("message.delivered")) == 600)
    await bob.node.conversations.mark_read(bob.account, last_message(bob))
    await eventually(lambda: len(ana.facts("message.read")) == 600)


async def test_the_route_of_a_message_is_kept_and_first_deliveries_are_counted_by_it(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    message = await ana.say(bob, "hi")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    await bob.node.conversations.mark_read(bob.account, message.id)
    await eventually(lambda: len(ana.facts("message.read")) == 1)
    row = await ana.node.store.message(ana.account, message.id)
    assert row is not None
    assert row.route == "direct"
    assert ana.node.stats()["routes"] == {"direct": 1}
    assert [fact["route"] for fact in ana.facts("message.read")] == ["direct"]


async def test_an_ack_after_the_receipt_changes_nothing(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    message = await ana.say(bob, "hi")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    raw = nodes.tap.packets(ana.node_id)[-1]
    late = Outgoing(
        account=ana.account, id=packet_id(raw), contact=bob.account, device=b"", message=message.id, packet=raw,
        state="ready",
    )  # fmt: skip
    ana.core.settlement.taken([late], "relayed")
    await ana.say(bob, "next")
    await eventually(lambda: len(ana.facts("message.delivered")) == 2)
    assert await ana.state(message) == "delivered"


@pytest.mark.parametrize("kind", ["delivered", "read"])
async def test_nobody_confirms_a_message_of_ours_to_somebody_else(nodes: Nodes, kind: str) -> None:
    ana, bob = await nodes.pair()
    eve = await nodes.start("eve")
    await nodes.introduce(ana, eve)
    nodes.cut(ana, bob)
    message = await ana.say(bob, "for bob")
    content = eve.core.outbox.empty(eve.contact(ana), RECEIPT)
    getattr(content.receipts, kind).append(unb64(message.id))
    assert await Courier().hand(ana, await packet(eve, ana, content)) == [None]
    assert await ana.state(message) == "queued"
    assert await ana.owes(bob) == 1
