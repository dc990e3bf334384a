"""Mailboxes that lie: what another has arrives, once; what none has is still owed."""

from __future__ import annotations

import pytest

from mepassad.api.store import Commit
from mepassad.testing.nodes import Nodes
from tests.unit.delivery.liars import Doubling, Dropping, Forging, Junk, Liar, OfAnother, Replaying, Withholding, lie
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


async def test_a_guest_who_was_given_another_guests_prekeys_begins_anew_after_some_hours(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    lie(box, Doubling)
    ana = await with_mailboxes(nodes, "ana", box)
    guests = [await with_mailboxes(nodes, name, box) for name in ("bob", "eve")]
    uri, _ = await ana.node.invites.create(ana.account, 2)
    await nodes.pass_by(1, times=2)
    await away(nodes, "ana")
    for guest in guests:
        await guest.node.invites.accept(guest.account, uri)
        await guest.node.outbox.submit(guest.account, ana.account, "bom dia")
        await deposited(nodes, guest, ana, box)
    ana = await nodes.start("ana")
    await nodes.in_time(lambda: ana.texts() == ["bom dia"])
    assert ana.core.mailboxes.stats()["junk"], "nobody can open the other's"
    await nodes.pass_by(600, times=40)
    await nodes.in_time(lambda: ana.texts() == ["bom dia", "bom dia"])
    for guest in guests:
        await nodes.in_time(lambda guest=guest: len(guest.facts("message.delivered")) == 1)  # type: ignore[misc]


async def test_forged_prekeys_are_refused_and_true_ones_asked_for_again(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    real = dict(box.node.supervisor.live["mailbox"])
    lie(box, Forging)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    uri, _ = await ana.node.invites.create(ana.account, 2)
    await nodes.pass_by(1, times=2)
    await away(nodes, "ana")
    await bob.node.invites.accept(bob.account, uri)
    await bob.say(ana, "bom dia")
    await nodes.pass_by(1, times=60)
    assert not bob.facts("message.sent")
    assert bob.contact(ana).state == "pending"
    box.node.supervisor.live["mailbox"].update(real)
    await nodes.in_time(lambda: len(bob.facts("message.sent")) == 1, 5)


async def test_who_lost_a_session_says_so_through_the_mailbox_and_gets_it_all_again(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    await bob.node.store.commit(Commit(tuple(bob.core.sessions.drop_all(bob.account, ana.account))))
    await away(nodes, "bob")
    await ana.say(bob, "can you read this?")
    await deposited(nodes, ana, bob, box)
    await away(nodes, "ana")
    bob = await nodes.start("bob")
    await nodes.pass_by(1, times=5)
    assert not bob.texts()
    await deposited(nodes, bob, ana, box)
    await away(nodes, "bob")
    ana = await nodes.start("ana")
    await nodes.pass_by(1, times=5)
    await deposited(nodes, ana, bob, box)
    await away(nodes, "ana")
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: bob.texts() == ["can you read this?"])
