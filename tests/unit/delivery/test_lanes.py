"""Lanes and links: in order, once, again after a cut, at once when somebody appears, and never hurrying."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial

import pytest

from mepassad.api.store import Commit
from mepassad.delivery.lane import Backoff
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.testing.wiretap import Passed
from mepassad.wire.messages_pb2 import Frame, Refusal
from mepassad.wire.packets import Reason, packet_id, parse_frame

MANY = 300  # more than two pages of a lane, and more than a window


class Gate:
    """Holds back acks, or whole frames, of one node while it is shut; counts what passes."""

    def __init__(self, nodes: Nodes, shut: RunningNode) -> None:
        self._node, self.shut = shut.node_id, True
        nodes.tap.meddle = self

    def __call__(self, passed: Passed) -> Sequence[bytes]:
        return () if self.shut and passed.sender == self._node else (passed.frame,)


async def test_many_messages_arrive_in_the_order_of_sending(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__window=16)
    words = [str(n) for n in range(MANY)]
    for word in words:
        await ana.say(bob, word)
    await eventually(lambda: len(ana.facts("message.delivered")) == MANY)
    assert bob.texts() == words
    assert [fact["message_id"] for fact in ana.facts("message.sent")] == [
        fact["message_id"] for fact in ana.facts("message.delivered")
    ]


async def test_what_was_said_while_apart_arrives_in_order_after(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__window=16)
    nodes.cut(ana, bob)
    words = [str(n) for n in range(MANY)]
    for word in words:
        await ana.say(bob, word)
    assert ana.facts("message.sent") == []
    nodes.heal(ana, bob)
    nodes.clock.advance(1)
    await eventually(lambda: len(ana.facts("message.delivered")) == MANY)
    assert bob.texts() == words


async def test_packets_whose_acks_were_lost_are_offered_again_and_read_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    gate = Gate(nodes, shut=bob)
    words = ["one", "two", "three"]
    for word in words:
        await ana.say(bob, word)
    await eventually(lambda: bob.texts() == words)
    assert ana.facts("message.sent") == []
    nodes.cut(ana, bob)
    gate.shut = False
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 3, 1)
    assert bob.texts() == words
    assert len(nodes.tap.packets(ana.node_id)) > len(set(nodes.tap.packets(ana.node_id)))


async def test_no_more_than_a_window_goes_out_without_an_ack(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__window=8)
    gate = Gate(nodes, shut=bob)
    before = len(nodes.tap.packets(ana.node_id))
    for n in range(20):
        await ana.say(bob, str(n))
    await eventually(lambda: len(bob.texts()) == 8)
    assert len(nodes.tap.packets(ana.node_id)) - before == 8
    gate.shut = False
    nodes.clock.advance(31)  # a window that stays full for half a minute ends the link; the next one begins anew
    nodes.clock.advance(5)
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 20, 1)
    assert bob.texts() == [str(n) for n in range(20)]


async def test_a_retry_sends_the_same_bytes(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.tap.passed.clear()
    gate = Gate(nodes, shut=ana)
    await ana.say(bob, "again and again")
    await eventually(lambda: len(nodes.tap.packets(ana.node_id)) == 1)
    ana = await nodes.restart("ana")
    await nodes.in_time(lambda: len(nodes.tap.packets(ana.node_id)) >= 2, 1)
    gate.shut = False
    nodes.cut(ana, bob)
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: bob.texts() == ["again and again"], 1)
    first = nodes.tap.packets(ana.node_id)[0]
    assert nodes.tap.packets(ana.node_id).count(first) >= 2


async def test_who_appears_gets_at_once_what_waited(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__retry_max=900)
    await nodes.up["bob"].stop()
    await ana.say(bob, "welcome back")
    # After many tries ana waits for minutes between them.
    await nodes.in_time(lambda: any(wait > 300 for wait in nodes.clock.waits), 100)
    bob = await nodes.start("bob")  # bob dials ana, because he tells her where he is
    await eventually(lambda: bob.texts() == ["welcome back"])


async def test_a_pending_contact_gets_the_hello_first(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri, _ = await ana.node.invites.create(ana.account, 1, 3600)
    nodes.cut(ana, bob)
    contact = await bob.node.invites.accept(bob.account, uri)
    words = [str(n) for n in range(5)]
    for word in words:
        await bob.node.outbox.submit(bob.account, contact.id, word)
    nodes.heal(ana, bob)
    nodes.clock.advance(1)
    await eventually(lambda: len(bob.facts("message.delivered")) == 5)
    assert ana.texts() == words
    assert not any(frame.refusals for frame in frames(nodes, ana))


def frames(nodes: Nodes, sender: RunningNode) -> list[Frame]:
    passed = [passed for passed in nodes.tap.passed if passed.sender == sender.node_id]
    return [parse_frame(one.frame) for one in passed if one.protocol == "/mepassa/message/1"]


# -- refusals


class Refuser:
    """Refuses the next packets to a node in its name, each with one of these reasons; the node never sees them."""

    def __init__(self, nodes: Nodes, sender: RunningNode, reasons: list[int]) -> None:
        self._sender, self.reasons = sender, reasons
        nodes.tap.meddle = self

    def __call__(self, passed: Passed) -> Sequence[bytes]:
        if passed.protocol != "/mepassa/message/1" or passed.sender != self._sender.node_id:
            return (passed.frame,)
        frame = parse_frame(passed.frame)
        for packet in list(frame.packets)[: len(self.reasons)]:
            frame.packets.remove(packet)
            refusal = Refusal(packet=packet_id(packet), reason=self.reasons.pop(0))
            link = self._sender.core.router.links.all()[0]
            link._loop.call_soon(link._settle, Frame(refusals=[refusal]))
        return (frame.SerializeToString(),)


async def test_a_packet_refused_for_now_is_offered_again_after_a_while(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    Refuser(nodes, ana, [Reason.BUSY])
    await ana.say(bob, "later")
    await eventually(lambda: any(10 < wait <= 15 for wait in nodes.clock.waits))
    assert bob.texts() == []
    nodes.clock.advance(15)
    await eventually(lambda: bob.texts() == ["later"])


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_DEVICE, Reason.INVITE_USED, 77])
async def test_a_refusal_that_fits_no_pending_contact_is_tried_again(nodes: Nodes, reason: int) -> None:
    ana, bob = await nodes.pair()
    Refuser(nodes, ana, [reason])
    message = await ana.say(bob, "later")
    await eventually(lambda: any(10 < wait <= 15 for wait in nodes.clock.waits))
    assert (await ana.state(message), ana.contact(bob).state) == ("queued", "accepted")
    nodes.clock.advance(15)
    await eventually(lambda: bob.texts() == ["later"])


async def test_a_packet_that_is_too_large_fails_its_message_with_a_sentence(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    bob = await nodes.start("bob", delivery__max_packet=8192)
    await nodes.introduce(ana, bob)
    large, small = await ana.say(bob, "x" * 10_000), await ana.say(bob, "small")
    await eventually(lambda: len(ana.facts("message.failed")) == 1)
    failed = ana.facts("message.failed")[0]
    assert (failed["message_id"], failed["state"]) == (large.id, "failed")
    assert "size" in str(failed["reason"])
    await eventually(lambda: bob.texts() == ["small"])
    assert await ana.state(small) != "failed"


# -- when a session is lost


async def lose_sessions(node: RunningNode) -> None:
    """As after restoring a backup: the node knows its contacts and none of its sessions."""
    for contact in node.node.contacts.all(node.account):
        writes = node.core.sessions.drop_all(node.account, contact.id)
        await node.node.store.commit(Commit(tuple(writes)))


async def test_a_lost_session_is_replaced_and_nothing_is_lost(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.say(bob, "before")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    await lose_sessions(bob)
    words = [str(n) for n in range(5)]
    for word in words:
        await ana.say(bob, word)
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 6, 5)
    assert sorted(map(str, bob.texts())) == sorted(["before", *words])
    await bob.say(ana, "and back")
    await eventually(lambda: ana.texts() == ["and back"])


async def test_sessions_lost_on_both_sides_are_replaced(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await lose_sessions(bob)
    await lose_sessions(ana)
    await ana.say(bob, "a")
    await bob.say(ana, "b")
    await nodes.in_time(lambda: (ana.texts(), bob.texts()) == (["b"], ["a"]), 5)


async def test_several_sessions_lost_at_once_are_replaced_within_a_minute(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    await accept_each_other(nodes, ana, bob)
    await eventually(lambda: _has_sessions(ana, 2))
    await eventually(lambda: _has_sessions(bob, 2))
    await lose_sessions(bob)
    await ana.say(bob, "are you there?")
    began = nodes.clock.monotonic()
    await nodes.in_time(lambda: bob.texts() == ["are you there?"], 1)
    assert nodes.clock.monotonic() - began < 60


async def test_a_node_that_always_asks_for_new_sessions_gets_one_an_hour(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    Refuser(nodes, ana, [Reason.NO_SESSION] * 1000)
    asked = [passed for passed in nodes.tap.passed if passed.protocol == "/mepassa/prekeys/1"]
    await ana.say(bob, "hm")
    for _ in range(50):
        nodes.clock.advance(15)
        await eventually(lambda: any(10 < wait <= 15 for wait in nodes.clock.waits))
    again = [passed for passed in nodes.tap.passed if passed.protocol == "/mepassa/prekeys/1"]
    assert len(again) - len(asked) == 2  # one question, one reply


# -- both at once


async def accept_each_other(nodes: Nodes, ana: RunningNode, bob: RunningNode) -> None:
    """Both begin a session before either has heard of the other's."""
    nodes.tap.meddle = lambda passed: () if passed.protocol == "/mepassa/message/1" else (passed.frame,)
    for one, other in ((ana, bob), (bob, ana)):
        uri, _ = await one.node.invites.create(one.account, 1, 3600)
        await other.node.invites.accept(other.account, uri)
    for node in (ana, bob):
        await nodes.in_time(partial(_has_sessions, node, 1), 0.1)
    nodes.cut(ana, bob)
    nodes.tap.meddle = lambda passed: (passed.frame,)
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: ana.contact(bob).state == bob.contact(ana).state == "accepted", 0.1)


async def _has_sessions(node: RunningNode, count: int) -> bool:
    return len(await node.node.store.sessions(node.account)) == count


async def test_two_who_accept_each_others_invite_at_once_are_contacts_once(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    await accept_each_other(nodes, ana, bob)
    for n in range(3):
        await ana.say(bob, f"a{n}")
        await bob.say(ana, f"b{n}")
    await eventually(lambda: len(ana.facts("message.delivered")) == len(bob.facts("message.delivered")) == 3)
    assert (ana.texts(), bob.texts()) == (["b0", "b1", "b2"], ["a0", "a1", "a2"])
    for node in (ana, bob):
        assert len(node.facts("contact.added")) == 1
        assert len(node.node.contacts.all(node.account)) == 1


# -- giving up


async def test_what_was_not_delivered_in_14_days_expires_with_a_reason(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await nodes.up["bob"].stop()
    message = await ana.say(bob, "too late")
    nodes.clock.advance(14 * 86_400 - 120)
    await eventually(lambda: 60.0 in nodes.clock.waits)  # upkeep has looked
    assert await ana.state(message) == "queued"
    for _ in range(3):
        nodes.clock.advance(60)
        await eventually(lambda: 60.0 in nodes.clock.waits)
    await eventually(lambda: len(ana.facts("message.failed")) == 1)
    failed = ana.facts("message.failed")[0]
    assert (failed["message_id"], failed["state"]) == (message.id, "expired")
    assert "not reached" in str(failed["reason"])
    assert await ana.owes(bob) == 0
    assert await ana.state(message) == "expired"


async def test_messages_to_a_contact_who_was_removed_are_gone_without_a_word(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.cut(ana, bob)
    await ana.say(bob, "never mind")
    other = bob.account
    await ana.node.contacts.remove(ana.account, other)
    assert await ana.owes(bob) == 0
    nodes.heal(ana, bob)
    nodes.clock.advance(15 * 86_400)
    await eventually(lambda: 60.0 in nodes.clock.waits)
    assert ana.facts("message.failed") == []
    assert bob.texts() == []


# -- back-off


def test_waits_double_up_to_a_maximum_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(1.0, 10.0, 0.0)
    assert [backoff.wait() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.wait() == 1


def test_a_share_of_each_wait_is_random() -> None:
    waits = [Backoff(8.0, 8.0, 0.25).wait() for _ in range(500)]
    assert min(waits) >= 6.0
    assert max(waits) <= 8.0
    assert statistics.stdev(waits) > 0.3


async def test_an_unreachable_contact_is_tried_ever_less_often(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__retry_min=0.7, delivery__retry_max=50, delivery__retry_jitter=0)
    await nodes.up["bob"].stop()
    await ana.say(bob, "hello?")
    for wait in (0.7, 1.4, 2.8, 5.6, 11.2, 22.4, 44.8, 50, 50):
        await eventually(partial(_sleeps, nodes, wait))
        nodes.clock.advance(wait)


def _sleeps(nodes: Nodes, wait: float) -> bool:
    return any(abs(wait - found) < 1e-6 for found in nodes.clock.waits)
