"""Boxes and what lies in them: opened and closed with contacts; prekeys given once; keys kept until drained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mepassad.api.types import NodeId
from mepassad.delivery.places import mailboxes_of, places_of, seal_key_of
from mepassad.delivery.source import Source
from mepassad.errors import BadBundle, MailboxClosed, MalformedContent
from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.blobs import invite_key, open_blob, seal_reply
from mepassad.wire.invites import parse_invite
from mepassad.wire.messages_pb2 import PrekeyReply
from mepassad.wire.packets import Reason, packet_id
from mepassad.wire.seal import MAX_AGE
from tests.unit.delivery.mailboxed import acquaint, away, deposited, mailbox_node, settled, with_mailboxes

DAY = 86_400.0


async def taken(guest: RunningNode, box: RunningNode, number: bytes, key: bytes) -> PrekeyReply:
    """Prekeys that lie in a box."""
    addresses = [address.rpartition("/p2p/")[0] for address in box.node.addresses()]
    stream = await guest.core.deposits.nodes.stream(NodeId(box.node_id), addresses)
    blob = await stream.take(number)
    assert blob is not None
    return open_blob(blob, number, key)


async def a_month(nodes: Nodes, running: RunningNode) -> None:
    """Let more time go by than a seal key or a bundle is good for, and a node do twice a day what it does each hour."""
    for _ in range(2 * MAX_AGE // int(DAY) + 2):
        await nodes.pass_by(DAY / 2)
        await running.core.prekeys.replenish(running.account)
        await running.core.seals.replenish(running.account)
    await nodes.pass_by(60, times=3)


async def test_each_bundle_in_the_box_of_an_invite_is_given_once_and_then_the_last_resort(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, eve = await with_mailboxes(nodes, "ana", box), await nodes.start("eve")
    uri, _ = await ana.node.invites.create(ana.account, 2)
    await nodes.pass_by(1, times=2)
    link = parse_invite(uri)
    assert dict(link.mailboxes) == {box.node_id: (box.node.addresses()[0].rpartition("/p2p/")[0],)}
    key = invite_key(link.secret, link.number)
    replies = [await taken(eve, box, link.number, key) for _ in range(4)]
    bundles = [reply.bundles[0].bundle for reply in replies]
    assert len(set(bundles)) == 3
    assert bundles[2] == bundles[3], "the last resort, again and again"
    direct = await ana.core.prekeys.reply(ana.core.accounts.me(ana.account), one_time=True)
    assert direct.bundles[0].bundle not in bundles


async def test_a_pool_is_filled_again_within_the_hour(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, eve = await with_mailboxes(nodes, "ana", box), await nodes.start("eve")
    uri, _ = await ana.node.invites.create(ana.account, 1)
    await nodes.pass_by(1, times=2)
    link = parse_invite(uri)
    key = invite_key(link.secret, link.number)
    first, resort = [await taken(eve, box, link.number, key) for _ in range(2)]
    await nodes.pass_by(120, times=31)
    again = await taken(eve, box, link.number, key)
    assert again.bundles[0].bundle not in (first.bundles[0].bundle, resort.bundles[0].bundle)


async def test_what_nobody_took_in_three_weeks_is_replaced_before_it_is_of_no_use(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    number, key = ana.contact(bob).number, places_of(bob.contact(ana)).number_key
    await a_month(nodes, ana)
    now = int(nodes.clock.now())
    for reply in [await taken(bob, box, number, key) for _ in range(2)]:
        begun = bob.core.sessions._crypto.initiate(
            bob.core.accounts.me(bob.account).device, reply.bundles[0].device, reply.bundles[0].bundle, now
        )
        assert begun.session
        assert now - reply.bundles[0].seal_key.created_at < 21 * DAY


async def test_the_box_of_a_removed_contact_is_closed_though_the_mailbox_was_down_then(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    number = ana.contact(bob).number
    await away(nodes, "box")
    await ana.node.contacts.remove(ana.account, bob.account)
    await away(nodes, "ana")
    box = await nodes.start("box")
    ana = await nodes.start("ana")
    await settled(nodes, ana)
    with pytest.raises(MailboxClosed):
        await taken(bob, box, number, bytes(32))


async def test_a_blocked_contact_finds_the_box_open_with_prekeys_and_what_they_leave_is_dropped_unread(
    nodes: Nodes,
) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    number, key = ana.contact(bob).number, places_of(bob.contact(ana)).number_key
    await ana.node.contacts.block(ana.account, bob.account, True)
    await nodes.pass_by(1, times=3)
    await away(nodes, "ana")
    await bob.say(ana, "do you see this?")
    await deposited(nodes, bob, ana, box)
    assert await taken(bob, box, number, key)
    ana = await nodes.start("ana")
    await settled(nodes, ana)
    await nodes.in_time(lambda: box.node.stats()["roles"]["mailbox"]["envelopes"] == 0)  # type: ignore[index]
    assert ana.texts() == []
    assert await taken(bob, box, number, key)


async def test_a_seal_key_that_grew_too_old_is_learnt_anew_from_the_mailbox(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    await away(nodes, "ana")
    await a_month(nodes, bob)
    await away(nodes, "bob")
    ana = await nodes.start("ana")
    device, now = next(iter(ana.node.contacts.devices(ana.contact(bob)).names)), int(nodes.clock.now())
    assert seal_key_of(ana.contact(bob), device, now) is None
    await ana.say(bob, "after a month")
    await deposited(nodes, ana, bob, box)
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: bob.texts() == ["after a month"])


async def test_no_key_is_dropped_before_the_mailboxes_were_drained(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    await away(nodes, "ana")
    await nodes.pass_by(60, times=10)
    nodes.clock.suspend(8 * DAY)
    await nodes.pass_by(60, times=61)  # Bob's keys are replaced, but Ana does not hear of that
    await away(nodes, "bob")
    nodes.clock.jump(12 * DAY)
    ana = await nodes.start("ana")
    await ana.say(bob, "sealed to a key of long ago")
    await deposited(nodes, ana, bob, box)
    await away(nodes, "ana")
    nodes.clock.jump(13 * DAY)
    bob = await nodes.start("bob")
    assert not bob.core.mailboxes.drained()
    await nodes.in_time(lambda: bob.texts() == ["sealed to a key of long ago"])
    keys = len(await bob.node.store.keys(bob.account))
    await settled(nodes, bob)
    await bob.core.seals.replenish(bob.account)
    assert len(await bob.node.store.keys(bob.account)) < keys


async def test_a_mailbox_that_is_not_in_the_config_any_more_is_forgotten_by_contacts(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    assert list(mailboxes_of(ana.contact(bob))) == [box.node_id]
    await away(nodes, "bob")
    await nodes.start("bob", mailboxes="[]")
    await nodes.in_time(lambda: not mailboxes_of(ana.contact(bob)))


def test_a_blob_opens_with_its_key_and_number_alone() -> None:
    number, key, reply = b"n" * 32, b"k" * 32, PrekeyReply(refusal=5)
    blob = seal_reply(reply, number, key)
    assert open_blob(blob, number, key) == reply
    assert len(blob) == 4096 + 29
    for junk in (b"", blob[:29], blob[:-1], blob + b"\0" * 65_536, blob[:-1] + b"\0"):
        with pytest.raises(BadBundle):
            open_blob(junk, number, key)
    for other in ((b"m" * 32, key), (number, b"l" * 32), (number, b"")):
        with pytest.raises(BadBundle):
            open_blob(blob, *other)
    with pytest.raises(MalformedContent):
        open_blob(b"\2" + blob[1:], number, key)


async def test_a_mailbox_that_asks_for_a_pass_opens_boxes_for_who_shows_the_right_one(
    nodes: Nodes, tmp_path: Path
) -> None:
    for name, text in {"right": "sixteen characters", "wrong": "sixteen other characters"}.items():
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text)
    serving = {"roles": "[mailbox]", "mailbox__admit": "pass", "mailbox__pass_file": str(tmp_path / "right")}
    box = await nodes.start("box", **serving)
    mailboxes = f"[{box.node.addresses()[0]}]"
    ana = await nodes.start("ana", mailboxes=mailboxes)
    bob = await nodes.start("bob", mailboxes=mailboxes, pass_file=str(tmp_path / "wrong"))
    await nodes.pass_by(1, times=20)
    assert not ana.core.mailboxes.drained()
    assert not bob.core.mailboxes.drained()
    await away(nodes, "bob")
    bob = await nodes.start("bob", mailboxes=mailboxes, pass_file=str(tmp_path / "right"))
    await settled(nodes, bob)


async def test_what_is_refused_as_busy_stays_in_the_box_and_is_fetched_ever_more_seldom(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    tries: list[int] = []

    async def busy(source: Source, packets: Sequence[bytes]) -> None:
        tries.append(len(packets))
        for packet in packets:
            source.refuse(packet_id(packet), Reason.BUSY)

    taking, bob.core.inbox.arrived = bob.core.inbox.arrived, busy  # type: ignore[method-assign]
    nodes.cut(ana, bob)
    await ana.say(bob, "later")
    await nodes.pass_by(60, times=180)
    assert 5 <= len(tries) <= 10
    bob.core.inbox.arrived = taking  # type: ignore[method-assign]
    await nodes.in_time(lambda: bob.texts() == ["later"], 60)
