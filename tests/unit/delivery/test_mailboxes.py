"""Messages to those who are away: through mailboxes, in order, once."""

from __future__ import annotations

import pytest

from mepassad.serving import mailbox
from mepassad.testing.nodes import Nodes, RunningNode
from tests.unit.delivery.mailboxed import (
    accept_while_away,
    acquaint,
    away,
    deposited,
    leave_waiting,
    mailbox_node,
    with_mailboxes,
)

DAY = 86_400.0


async def two_with(nodes: Nodes, *boxes: RunningNode) -> tuple[RunningNode, RunningNode]:
    """Ana and Bob, who are contacts and have these mailboxes."""
    ana, bob = await with_mailboxes(nodes, "ana", *boxes), await with_mailboxes(nodes, "bob", *boxes)
    await acquaint(nodes, ana, bob)
    return ana, bob


async def test_two_who_are_never_online_together_hear_each_other(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await two_with(nodes, box)
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
    assert ana.core.settlement.routes == {"mailbox": 3}
    row = await ana.node.store.message(ana.account, said[0].id)
    assert row is not None
    assert (row.state, row.route, row.tries) == ("delivered", "mailbox", 1)
    assert row.latency_ms > 2000
    assert not await ana.owes(bob)


async def test_what_waits_is_taken_out_also_where_the_mailbox_does_not_tell_of_it(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "WATCHED", 0)
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await leave_waiting(nodes, ana, bob, "bob", "hello", box)
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: bob.texts() == ["hello"])


async def test_an_invite_reaches_somebody_who_is_away_and_was_never_met(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await accept_while_away(nodes, ana, "ana", bob)
    await bob.say(ana, "you do not know me")
    await bob.say(ana, "yet")
    await deposited(nodes, bob, ana, box)
    await nodes.in_time(lambda: len(bob.facts("message.sent")) == 2)
    await away(nodes, "bob")
    ana = await nodes.start("ana")
    await nodes.in_time(lambda: len(ana.texts()) == 2)
    assert ana.texts() == ["you do not know me", "yet"]
    await ana.say(bob, "now I do")
    await deposited(nodes, ana, bob, box)
    await away(nodes, "ana")
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: bob.texts() == ["now I do"])
    assert bob.contact(ana).state == "accepted"
    await nodes.in_time(lambda: len(bob.facts("message.delivered")) == 2)


async def test_what_is_said_while_another_text_is_about_to_be_deposited_follows_in_its_turn(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await two_with(nodes, box)
    await away(nodes, "bob")
    await ana.say(bob, "one")
    await nodes.pass_by(1)
    await ana.say(bob, "two")
    await nodes.pass_by(1, times=6)
    assert [data["route"] for data in ana.facts("message.sent")] == ["mailbox", "mailbox"]


async def test_what_came_directly_stays_out_of_the_mailbox_until_it_should_have_been_confirmed(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await two_with(nodes, box)
    before = box.node.roles.stats()["mailbox"]["envelopes"]
    await nodes.in_time(lambda: ana.core.router.online(ana.contact(bob)))
    await ana.say(bob, "bom dia")
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 1)
    assert ana.facts("message.delivered")[0]["route"] == "direct"
    await nodes.pass_by(1, times=5)
    assert box.node.roles.stats()["mailbox"]["envelopes"] == before
    assert not await ana.owes(bob)


async def test_what_nobody_fetched_in_fifteen_days_expires_and_its_sender_is_told(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await two_with(nodes, box)
    await away(nodes, "bob")
    message = await ana.say(bob, "too late")
    await deposited(nodes, ana, bob, box)
    await nodes.pass_by(DAY / 4, times=60)
    await nodes.in_time(lambda: len(ana.facts("message.failed")) == 1)
    assert ana.facts("message.failed")[0]["state"] == "expired"
    assert await ana.state(message) == "expired"
    bob = await nodes.start("bob")
    await nodes.pass_by(1, times=20)
    assert not bob.texts()


async def test_a_sender_that_is_killed_after_the_first_of_two_acks_goes_on_with_the_other(nodes: Nodes) -> None:
    one, two = await mailbox_node(nodes, "one"), await mailbox_node(nodes, "two")
    ana, bob = await two_with(nodes, one, two)
    await away(nodes, "bob")
    nodes.cut(ana, two)
    await ana.say(bob, "to both")
    await deposited(nodes, ana, bob, one)
    await away(nodes, "ana")
    nodes.heal(ana, two)
    ana = await nodes.start("ana")
    await deposited(nodes, ana, bob, one, two)
    assert not ana.facts("message.sent"), "it was sent before"
    await away(nodes, "one")
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: bob.texts() == ["to both"])
    await nodes.start("one")
    await nodes.pass_by(10, times=20)
    assert bob.texts() == ["to both"]


async def test_a_mailbox_that_dies_between_storing_and_acking_doubles_nothing(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await two_with(nodes, box)
    await away(nodes, "bob")
    real = next(iter(box.node.supervisor.live["mailbox"].values()))
    put = real.put

    async def put_and_die(*args: object) -> object:
        await put(*args)
        nodes.cut(ana, box)
        raise AssertionError("nobody hears this")

    real.put = put_and_die
    await ana.say(bob, "once")
    await nodes.in_time(lambda: box.node.roles.stats()["mailbox"]["envelopes"] == 1)
    real.put = put
    nodes.heal(ana, box)
    await deposited(nodes, ana, bob, box)
    assert box.node.roles.stats()["mailbox"]["envelopes"] == 2, "sealed anew, so it lies there twice"
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: bob.texts() == ["once"])
    await nodes.in_time(lambda: box.node.roles.stats()["mailbox"]["envelopes"] == 0)
    assert bob.texts() == ["once"]


async def test_what_waits_and_what_comes_directly_meanwhile_is_read_in_order(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await two_with(nodes, box)
    await away(nodes, "bob")
    for number in range(1_500):
        await ana.say(bob, str(number))
    await deposited(nodes, ana, bob, box)
    nodes.cut(ana, box)
    bob = await nodes.start("bob")
    nodes.heal(ana, bob)
    await ana.say(bob, "1500")
    await nodes.in_time(lambda: len(bob.texts()) == 1_501)
    conversation = bob.contact(ana).conversation
    read: list[str] = []
    before: str | None = None
    while len(read) < 1_501:
        page = await bob.node.store.messages(bob.account, conversation, 500, before)
        read += [row.text for row in page.items]
        before = page.next
    assert read == [str(number) for number in reversed(range(1_501))]


async def test_an_account_that_was_restored_is_found_in_the_mailbox_by_those_who_wait_for_it(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await two_with(nodes, box)
    await away(nodes, "bob")
    ana = await nodes.restore("ana", node_key=False)
    await nodes.in_time(ana.core.mailboxes.drained)
    await away(nodes, "ana")
    bob = await nodes.start("bob")
    await bob.say(ana, "are you still there?")
    await nodes.pass_by(600, times=40)
    await deposited(nodes, bob, ana, box)
    await away(nodes, "bob")
    ana = await nodes.start("ana")
    await nodes.in_time(lambda: ana.texts() == ["are you still there?"])
    await deposited(nodes, ana, bob, box)
    await away(nodes, "ana")
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: len(bob.facts("message.delivered")) == 1)
    assert len(bob.facts("contact.keys_changed")) == 0, "that was told in the run before"


async def test_a_receipt_is_done_with_once_all_mailboxes_took_it(nodes: Nodes) -> None:
    one, two = await mailbox_node(nodes, "one"), await mailbox_node(nodes, "two")
    ana, bob = await two_with(nodes, one, two)
    await away(nodes, "bob")
    await ana.say(bob, "bom dia")
    await deposited(nodes, ana, bob, one, two)
    await away(nodes, "ana")
    bob = await nodes.start("bob")
    nodes.cut(bob, two)
    await nodes.in_time(lambda: bob.texts() == ["bom dia"])
    await deposited(nodes, bob, ana, one)
    await nodes.pass_by(1, times=5)
    assert await bob.owes(ana) == 1
    nodes.heal(bob, two)
    await nodes.in_time(lambda: not_owed(bob, ana), 5)


async def not_owed(sender: RunningNode, to: RunningNode) -> bool:
    return not await sender.owes(to)


async def test_a_hello_is_owed_until_something_came_back_in_its_session(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await accept_while_away(nodes, ana, "ana", bob)
    await nodes.in_time(lambda: box.node.roles.stats()["mailbox"]["envelopes"] == 1)
    await nodes.pass_by(1, times=5)
    assert await bob.owes(ana) == 1
    ana = await nodes.start("ana")
    await nodes.in_time(lambda: bob.contact(ana).state == "accepted")
    await nodes.in_time(lambda: not_owed(bob, ana), 600)


async def test_what_is_not_confirmed_for_days_is_put_into_a_mailbox_once_more_and_no_oftener(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await two_with(nodes, box)
    await away(nodes, "bob")
    await ana.say(bob, "bom dia")
    await deposited(nodes, ana, bob, box)
    assert box.node.roles.stats()["mailbox"]["envelopes"] == 1
    await nodes.pass_by(600, times=40)
    assert box.node.roles.stats()["mailbox"]["envelopes"] == 2
    await nodes.pass_by(600, times=80)
    assert box.node.roles.stats()["mailbox"]["envelopes"] == 2
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: bob.texts() == ["bom dia"])
    await nodes.in_time(lambda: box.node.roles.stats()["mailbox"]["envelopes"] == 0)
    assert bob.texts() == ["bom dia"]
