"""Who comes back after an invite or a message expired first takes out what was answered in time."""

from __future__ import annotations

import pytest

from mepassad.api.mailbox import MailboxReason
from mepassad.testing.nodes import Nodes, RunningNode
from tests.unit.delivery.mailboxed import acquaint, away, deposited, mailbox_node, with_mailboxes
from tests.unit.serving.asking import asking

DAY = 86_400


async def guest_of(nodes: Nodes, inviter: RunningNode, name: str, box: RunningNode) -> RunningNode:
    """A node whose first message lies in a mailbox by an invite of one hour, while its inviter is away."""
    guest = await with_mailboxes(nodes, name, box)
    uri, _ = await inviter.node.invites.create(inviter.account, 1, 3600)
    await nodes.pass_by(1, times=2)
    await away(nodes, inviter.node.config.node.name)
    await guest.node.invites.accept(guest.account, uri)
    await guest.say(inviter, "bom dia")
    await deposited(nodes, guest, inviter, box)
    return guest


@pytest.mark.parametrize("down", [False, True])
async def test_a_guest_who_was_answered_in_time_and_comes_back_late_has_a_contact(nodes: Nodes, down: bool) -> None:
    box = await mailbox_node(nodes)
    bob = await guest_of(nodes, ana := await with_mailboxes(nodes, "ana", box), "bob", box)
    await away(nodes, "bob")
    ana = await nodes.start("ana")
    await nodes.in_time(lambda: ana.texts() == ["bom dia"])
    await ana.say(bob, "oi")
    await deposited(nodes, ana, bob, box)
    await away(nodes, "ana")
    if down:
        await away(nodes, "box")
    await nodes.pass_by(7200)
    bob = await nodes.start("bob")
    await nodes.pass_by(30, times=8)
    if down:
        await nodes.start("box")
    await nodes.in_time(lambda: bob.texts() == ["oi"], 30)
    assert bob.contact(ana).state == "accepted"
    assert not bob.facts("message.failed")


async def test_a_guest_who_was_never_answered_gives_up_two_weeks_after_the_invite_expired(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    bob = await guest_of(nodes, ana := await with_mailboxes(nodes, "ana", box), "bob", box)
    await nodes.pass_by(3600, times=14 * 24)
    assert bob.contact(ana).state == "pending"
    await nodes.pass_by(3600, times=3)
    await nodes.pass_by(60, times=3)
    assert bob.contact(ana).state == "refused"


async def test_what_lay_in_the_box_of_an_invite_when_it_expired_came_in_time(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    bob = await guest_of(nodes, ana := await with_mailboxes(nodes, "ana", box), "bob", box)
    nodes.network.cut(ana.node_id, bob.node_id)
    await nodes.pass_by(3700)
    ana = await nodes.start("ana")
    await nodes.in_time(lambda: ana.texts() == ["bom dia"])
    await ana.say(bob, "oi")
    await nodes.in_time(lambda: bob.texts() == ["oi"])


async def test_the_box_of_an_invite_that_expired_is_emptied_once_more_and_closed_for_good(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, eve = await with_mailboxes(nodes, "ana", box), await nodes.start("eve", roles="[]")
    await ana.node.invites.create(ana.account, 1, 3600)
    number = ana.node.invites.all()[-1].number
    await nodes.pass_by(1, times=2)
    async with asking(nodes, eve, box) as stream:
        assert await stream.put([number], b"in time", 1) == [0]
        await nodes.pass_by(3600)
        await nodes.pass_by(60, times=3)
        assert await stream.put([number], b"too late", 1) == [MailboxReason.CLOSED]
        await nodes.restart("ana")
        await nodes.pass_by(60, times=3)
        assert await stream.put([number], b"too late", 1) == [MailboxReason.CLOSED]


@pytest.mark.parametrize("down", [False, True])
async def test_a_message_whose_receipt_lies_in_the_mailbox_does_not_expire(nodes: Nodes, down: bool) -> None:
    one, two = await mailbox_node(nodes, "one"), await mailbox_node(nodes, "two")
    ana, bob = await with_mailboxes(nodes, "ana", one), await with_mailboxes(nodes, "bob", two)
    await acquaint(nodes, ana, bob)
    await away(nodes, "bob")
    message = await ana.say(bob, "bom dia")
    await deposited(nodes, ana, bob, two)
    await away(nodes, "ana")
    await nodes.pass_by(12 * DAY)
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: bob.texts() == ["bom dia"])
    await deposited(nodes, bob, ana, one)
    await away(nodes, "bob")
    await nodes.pass_by(4 * DAY)
    if down:
        await away(nodes, "one")
    ana = await nodes.start("ana")
    await nodes.pass_by(30, times=10)
    if down:
        await nodes.start("one")
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 1, 30)
    assert await ana.state(message) == "delivered"
