"""A restored account: its old contacts' outboxes reach it, and nobody else comes in by its directory number."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mepassad.errors import BadBundle, OtherNode
from mepassad.people.accounts import RESTORE_AHEAD
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.content import HELLO
from mepassad.wire.directory import reunion_proof
from mepassad.wire.identity import FUTURE
from mepassad.wire.ids import account_key
from mepassad.wire.messages_pb2 import PrekeyReply, PrekeyRequest
from mepassad.wire.packets import Reason

DAY = 86_400


async def learnt(node: RunningNode, other: RunningNode) -> None:
    """Wait until a node was told the other's directory number."""
    await eventually(lambda: len(node.contact(other).directory) == 64)


async def test_what_waits_for_an_account_that_was_restored_arrives_without_alarm(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await learnt(bob, ana)
    await bob.say(ana, "before")
    await eventually(lambda: len(bob.facts("message.delivered")) == 1)
    await bob.node.contacts._update(replace(bob.contact(ana), verified=True))
    number = ana.account
    await ana.stop()
    waiting = [await bob.say(ana, "while you were away"), await bob.say(ana, "and again")]
    nodes.up["ana"] = ana
    ana = await nodes.restore("ana")
    assert (ana.account, ana.node.contacts.all(ana.account)) == (number, [])
    await nodes.in_time(lambda: len(ana.texts()) == 2)
    assert ana.texts() == ["while you were away", "and again"]
    await nodes.in_time(lambda: len(bob.facts("message.delivered")) == 3)
    assert [await bob.state(message) for message in waiting] == ["delivered"] * 2
    assert len(bob.facts("contact.keys_changed")) == 1
    assert bob.contact(ana).verified is True
    assert [fact["contact"] for fact in ana.facts("contact.added")] == [bob.account]
    assert ana.contact(bob).verified is False
    await ana.say(bob, "I am back")
    await eventually(lambda: bob.texts() == ["I am back"])


async def test_a_message_that_was_under_way_to_the_lost_device_reaches_the_new_one(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await learnt(bob, ana)
    await ana.say(bob, "one word")
    nodes.tap.meddle = lambda passed: () if passed.sender == ana.node_id else (passed.frame,)  # no ack, no receipt
    message = await bob.say(ana, "did you read it?")
    await eventually(lambda: "did you read it?" in ana.texts())
    await ana.stop()  # before anything of hers passes again: her ack may not be on its way yet
    nodes.tap.meddle = lambda passed: (passed.frame,)
    nodes.up["ana"] = ana
    ana = await nodes.restore("ana")
    await nodes.in_time(lambda: ana.texts() == ["did you read it?"])
    await nodes.in_time(lambda: len(bob.facts("message.delivered")) == 1)
    assert await bob.state(message) == "delivered"


async def test_a_restored_account_takes_old_contacts_back_for_so_many_days_and_no_longer(nodes: Nodes) -> None:
    ana = await nodes.start("ana", invites__reunion_days=3)
    directory = ana.core.accounts.me(ana.account).directory
    assert directory is not None
    request = PrekeyRequest(number=directory.number())
    assert await ana.core.prekeys.answer(request) == PrekeyReply(refusal=Reason.INVITE_UNKNOWN)  # never restored
    ana = await nodes.restore("ana")
    assert ana.core.accounts.me(ana.account).directory == directory
    ana = await nodes.restart("ana")
    nodes.clock.jump(3 * DAY - 1)
    assert (await ana.core.prekeys.answer(request)).refusal == 0
    nodes.clock.jump(1)
    assert await ana.core.prekeys.answer(request) == PrekeyReply(refusal=Reason.INVITE_UNKNOWN)


@pytest.mark.parametrize("shown", ["nothing", "another key", "an altered proof"])
async def test_nobody_comes_back_who_does_not_know_the_reunion_key(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    ana, bob = await nodes.pair()
    await learnt(bob, ana)
    ours = bob.core.introductions.ours

    def lying(*args, **given):  # type: ignore[no-untyped-def]
        introduction = ours(*args, **given)
        if introduction.proof:
            proofs = {"nothing": b"", "another key": b"p" * 32, "an altered proof": introduction.proof[:-1] + b"x"}
            introduction.proof = proofs[shown]
        return introduction

    monkeypatch.setattr(bob.core.introductions, "ours", lying)
    ana = await nodes.restore("ana")
    await bob.say(ana, "let me in")
    await nodes.pass_by(5, 200)
    assert ana.node.contacts.all(ana.account) == []
    assert ana.texts() == []


async def test_who_was_removed_after_the_restore_does_not_come_back_by_itself(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await learnt(bob, ana)
    ana = await nodes.restore("ana")
    await bob.say(ana, "hello again")
    await nodes.in_time(lambda: ana.texts() == ["hello again"])
    await ana.node.contacts.remove(ana.account, bob.account)
    ana = await nodes.restart("ana")
    await bob.say(ana, "and again")
    await nodes.pass_by(5, 200)
    assert ana.node.contacts.all(ana.account) == []
    assert ana.texts() == []


async def test_an_introduction_with_half_a_directory_number_is_refused(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    me, before = bob.core.accounts.me(bob.account), ana.contact(bob)
    for number, key in ((b"n" * 32, b""), (b"n" * 31, b"k" * 32), (b"", b"k" * 32)):
        content = bob.core.outbox.empty(bob.contact(ana), HELLO)
        content.introduction.CopyFrom(bob.core.introductions.ours(me, bob.contact(ana)))
        content.introduction.directory_number, content.introduction.reunion_key = number, key
        await bob.core.outbox.say(bob.account, ana.account, content)
    await bob.say(ana, "after")
    await eventually(lambda: ana.texts() == ["after"])
    assert ana.contact(bob).directory == before.directory != b""


async def test_who_repeats_the_list_and_prekeys_of_before_does_not_become_the_contacts_node(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await learnt(bob, ana)
    before = bob.contact(ana)
    recorded = await ana.core.prekeys.answer(PrekeyRequest(number=before.their_number))
    with pytest.raises(BadBundle, match="not the contact"):
        await bob.core.handshakes._begin(before, recorded, {"12D3KooWsomebodyelse": []})
    assert bob.contact(ana) == before


async def test_another_node_at_the_address_of_a_contact_without_directory_number_is_not_asked(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    stranger = replace(bob.contact(ana), directory=b"")
    moved = OtherNode("another", node="12D3KooWsomebodyelse")
    with pytest.raises(OtherNode):
        await bob.core.handshakes.follow(stranger, moved)
    assert not any(passed.receiver == "12D3KooWsomebodyelse" for passed in nodes.tap.passed)


async def test_who_passed_on_the_reply_of_a_restored_contact_once_does_not_keep_it_away(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await learnt(bob, ana)
    mallory = await nodes.start("mallory")
    nodes.cut(ana, bob)
    message = await bob.say(ana, "are you there?")
    ana = await nodes.restore("ana", node_key=False)
    nodes.cut(ana, bob)
    asked = bob.contact(ana)
    reply = await ana.core.prekeys.answer(PrekeyRequest(number=asked.directory[:32]))
    await bob.core.handshakes._begin(asked, reply, {mallory.node_id: asked.nodes[next(iter(asked.nodes))]})
    assert list(bob.contact(ana).nodes) == [mallory.node_id]
    nodes.heal(ana, bob)
    await bob.core.handshakes.follow(bob.contact(ana), OtherNode("another", node=ana.node_id))
    await nodes.in_time(lambda: ana.texts() == ["are you there?"])
    await nodes.in_time(lambda: len(bob.facts("message.delivered")) == 1)
    assert await bob.state(message) == "delivered"
    with pytest.raises(BadBundle, match="not the contact"):
        await bob.core.handshakes._begin(bob.contact(ana), reply, {mallory.node_id: []})


async def test_a_reunion_key_proves_the_contact_who_was_told_it_and_nobody_else(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await learnt(bob, ana)
    told, bobs = bob.contact(ana).directory[32:], account_key(bob.account)
    ana = await nodes.restore("ana")
    me, shown = ana.core.accounts.me(ana.account), reunion_proof(told, b"t" * 32)
    is_proven = ana.core.reunions.is_proven
    assert is_proven(me, bobs, shown, b"t" * 32)
    for contact, transcript in ((b"e" * 32, b"t" * 32), (bobs, b"u" * 32)):
        assert not is_proven(me, contact, shown, transcript)


async def test_an_account_restored_while_the_clock_is_hours_behind_is_found_all_the_same(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await learnt(bob, ana)
    nodes.clock.jump(2 - RESTORE_AHEAD)
    ana = await nodes.restore("ana")
    await bob.say(ana, "late, are you?")
    await nodes.in_time(lambda: ana.texts() == ["late, are you?"])
    assert RESTORE_AHEAD == FUTURE / 2
