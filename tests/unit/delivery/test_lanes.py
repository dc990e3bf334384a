"""Lanes and links: in order, once, again after a cut, at once when somebody appears, and never hurrying."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial

import anyio

from mepassad.api.backoff import Backoff
from mepassad.api.types import NodeId
from mepassad.node import heed_network
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.testing.wiretap import Passed
from mepassad.wire.messages_pb2 import Frame
from mepassad.wire.packets import parse_frame

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


async def test_a_contact_whose_node_is_found_is_tried_at_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.cut(ana, bob)
    await ana.say(bob, "there you are")
    nodes.heal(ana, bob)
    ana.core.router.found(NodeId("a node of no contact"))
    ana.core.router.found(bob.node_id)
    await eventually(lambda: bob.texts() == ["there you are"])


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


# -- giving up


async def test_what_was_not_delivered_in_14_days_expires_with_a_reason(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await nodes.up["bob"].stop()
    message = await ana.say(bob, "too late")
    await nodes.pass_by(14 * 86_400 - 120)
    assert await ana.state(message) == "queued"
    await nodes.pass_by(60, 3)
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
    await nodes.pass_by(15 * 86_400)
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


# -- the network changes


async def test_a_change_of_the_network_has_waiting_lanes_try_at_once_and_wait_briefly_again(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__retry_min=8, delivery__retry_max=1000, delivery__retry_jitter=0)
    nodes.cut(ana, bob)
    await ana.say(bob, "are you there?")
    for wait in (8.0, 16.0, 32.0):
        await eventually(lambda wait=wait: wait in nodes.clock.waits)  # type: ignore[misc]
        nodes.clock.advance(wait)
    await eventually(lambda: nodes.clock.waits.count(64.0) == 2)  # the other side waits for its turn as well
    ana.core.router.network_changed(moved=False)
    await eventually(lambda: 8.0 in nodes.clock.waits)
    assert nodes.clock.waits.count(64.0) == 1
    nodes.heal(ana, bob)
    ana.core.router.network_changed(moved=False)
    await eventually(lambda: bob.texts() == ["are you there?"])


class Change:
    """A network that changes when a test says so."""

    def __init__(self) -> None:
        self.happened = anyio.Event()

    async def change(self) -> None:
        await self.happened.wait()
        self.happened = anyio.Event()


async def test_transports_and_contacts_are_told_of_a_change_and_of_a_move_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    (transport,) = ana.node.transports
    network, told = Change(), len(nodes.tap.packets(ana.node_id))

    async def change(times: int, packets: int) -> None:
        network.happened.set()
        await eventually(lambda: transport._inner.changes == times)  # type: ignore[attr-defined]
        await eventually(lambda: len(nodes.tap.packets(ana.node_id)) == told + packets)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heed_network, ana.node, network)
        await change(1, packets=0)
        for place in (1, 2):
            moved = {ana.node_id: [f"/memory/elsewhere/{place}"]}
            ana.node.hints = ana.core.invites.hints = lambda moved=moved: moved  # type: ignore[method-assign, misc]
            await change(2 * place, packets=place)
            await eventually(lambda moved=moved: bob.contact(ana).nodes == moved)  # type: ignore[misc]
            await change(2 * place + 1, packets=place)
        tasks.cancel_scope.cancel()


async def test_the_nodes_of_contacts_are_preferred_and_those_of_the_blocked_are_not(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    (transport,) = ana.node.transports
    await nodes.in_time(lambda: transport._inner.preferred == {bob.node_id})  # type: ignore[attr-defined]
    await ana.node.contacts.block(ana.account, bob.account, True)
    await nodes.in_time(lambda: not transport._inner.preferred)  # type: ignore[attr-defined]
