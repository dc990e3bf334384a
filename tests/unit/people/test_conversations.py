"""Conversations: messages have their place whatever clocks say, and what was read stays read."""

from __future__ import annotations

import pytest

from mepassad.api.types import ConversationId, MessageId
from mepassad.errors import UnknownConversation, UnknownMessage
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually

DAY_MS = 86_400_000


async def shown(node: RunningNode, other: RunningNode) -> list[str]:
    """The texts of a conversation as a client lists them, oldest first."""
    page = await node.node.store.messages(node.account, node.contact(other).conversation, 100, None)
    return [message.text for message in reversed(page.items)]


async def unread(node: RunningNode, other: RunningNode) -> int:
    return (await node.node.conversations.get(node.account, node.contact(other).conversation)).unread


async def test_ones_own_messages_stay_in_order_when_the_clock_is_set_back(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.say(bob, "first")
    nodes.clock.jump(-3600)
    await ana.say(bob, "second")
    ana = await nodes.restart("ana")
    await ana.say(bob, "third")
    assert await shown(ana, bob) == ["first", "second", "third"]


async def test_what_comes_late_goes_where_its_senders_clock_says(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    early = text(bob, ana, "early")
    nodes.clock.advance(60)
    await ana.say(bob, "later")
    assert await Courier().hand(ana, await packet(bob, ana, early)) == [None]
    assert await shown(ana, bob) == ["early", "later"]


async def test_a_sender_from_the_future_does_not_push_others_away(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    future = text(bob, ana, "from tomorrow")
    future.time_ms += 400 * DAY_MS
    assert await Courier().hand(ana, await packet(bob, ana, future)) == [None]
    await ana.say(bob, "now")
    assert await shown(ana, bob) == ["from tomorrow", "now"]
    page = await ana.node.store.messages(ana.account, ana.contact(bob).conversation, 10, None)
    assert all(message.sort_ms <= nodes.clock.now() * 1000 for message in page.items)


async def test_a_sender_from_the_past_goes_no_further_back_than_two_weeks(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.clock.advance(30 * 86_400)
    await ana.say(bob, "now")
    old = text(bob, ana, "ages ago")
    old.time_ms = 0
    assert await Courier().hand(ana, await packet(bob, ana, old)) == [None]
    page = await ana.node.store.messages(ana.account, ana.contact(bob).conversation, 10, None)
    assert page.items[-1].sort_ms == int(nodes.clock.now() * 1000) - 15 * DAY_MS
    assert page.items[-1].time_ms == 0


async def test_reading_up_to_a_message_counts_down_what_is_unread(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    sent = [await ana.say(bob, str(n)) for n in range(5)]
    await eventually(lambda: len(bob.texts()) == 5)
    assert await unread(bob, ana) == 5
    await bob.node.conversations.mark_read(bob.account, sent[2].id)
    assert await unread(bob, ana) == 2
    await eventually(lambda: len(ana.facts("message.read")) == 3)
    await bob.node.conversations.mark_read(bob.account, sent[0].id)
    assert await unread(bob, ana) == 2
    await bob.node.conversations.mark_read(bob.account, sent[4].id)
    assert await unread(bob, ana) == 0
    await eventually(lambda: [fact["message_id"] for fact in ana.facts("message.read")] == [m.id for m in sent])
    assert await unread(ana, bob) == 0


async def test_reading_an_own_message_reads_what_was_received_before_it(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.say(bob, "question")
    await eventually(lambda: len(bob.texts()) == 1)
    nodes.clock.advance(1)
    answer = await bob.say(ana, "answer")
    await bob.node.conversations.mark_read(bob.account, answer.id)
    assert await unread(bob, ana) == 0
    await eventually(lambda: len(ana.facts("message.read")) == 1)


async def test_a_message_that_is_not_there_cannot_be_read(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    message = await bob.say(ana, "for ana")
    second, _ = await ana.core.accounts.create("Second", "person")
    await eventually(lambda: len(ana.texts()) == 1)
    for account, wrong in ((ana.account, MessageId("nothing")), (second.id, message.id)):
        with pytest.raises(UnknownMessage):
            await ana.node.conversations.mark_read(account, wrong)


async def test_the_conversation_where_something_happened_last_comes_first(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    eve = await nodes.start("eve")
    await nodes.introduce(ana, eve)

    async def order() -> list[str]:
        return [row.contact for row in await ana.node.conversations.all(ana.account)]

    nodes.clock.advance(1)
    await ana.say(bob, "1")
    assert await order() == [bob.account, eve.account]
    nodes.clock.advance(1)
    await eve.say(ana, "2")
    await eventually(lambda: len(ana.texts()) == 1)
    assert await order() == [eve.account, bob.account]


async def test_an_unknown_conversation_is_told_by_name(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    conversation = ana.contact(bob).conversation
    assert ana.node.conversations.contact_of(ana.account, conversation) == bob.account
    assert conversation == bob.contact(ana).conversation
    with pytest.raises(UnknownConversation):
        await ana.node.conversations.get(ana.account, ConversationId("nothing"))
    with pytest.raises(UnknownConversation):
        ana.node.conversations.contact_of(ana.account, ConversationId("nothing"))
