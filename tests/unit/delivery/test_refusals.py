"""What a node's refusals lead to: another try, an end with a sentence, or a new session."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from msgspec.structs import replace

from mepassad.api.store import Commit
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.testing.wiretap import Passed
from mepassad.wire.messages_pb2 import Frame, PrekeyRequest, Refusal
from mepassad.wire.packets import Reason, packet_id, parse_frame


class Refuser:
    """Refuses the next packets to a node in its name, each with one of these reasons; the node never sees them."""

    def __init__(self, nodes: Nodes, sender: RunningNode, reasons: list[int]) -> None:
        self._sender, self.reasons = sender, reasons
        nodes.tap.meddle = self

    def __call__(self, passed: Passed) -> Sequence[bytes]:
        if passed.protocol != "/mepassa/message/1" or passed.sender != self._sender.node_id:
            return (passed.frame,)
        frame = parse_frame(passed.frame)
        for raw in list(frame.packets)[: len(self.reasons)]:
            frame.packets.remove(raw)
            refusal = Refusal(packet=packet_id(raw), reason=self.reasons.pop(0))
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
    await nodes.pass_by(15, 50)
    again = [passed for passed in nodes.tap.passed if passed.protocol == "/mepassa/prekeys/1"]
    assert len(again) - len(asked) == 2  # one question, one reply


async def test_a_first_message_whose_one_time_keys_are_gone_is_sent_again_with_the_last_resort_at_once(
    nodes: Nodes,
) -> None:
    ana, bob = await nodes.pair()
    await lose_sessions(ana)
    await lose_sessions(bob)
    bundles = list[bytes]()

    def meddle(passed: Passed) -> Sequence[bytes]:
        """Bob forgets the one-time keys that he gave, as if his folder had gone back to before they were made."""
        if passed.protocol == "/mepassa/prekeys/1" and passed.sender == bob.node_id:
            bundles.append(passed.frame)
            held = bob.core.prekeys._keys[bob.account]
            for key in [key for key in held.values() if key.given_at]:
                del held[key.id]
        return (passed.frame,)

    nodes.tap.meddle = meddle
    message, began = await ana.say(bob, "hi"), nodes.clock.monotonic()
    await nodes.in_time(lambda: bob.texts() == ["hi"], 0.1)
    assert nodes.clock.monotonic() - began < 10
    asked = [passed for passed in nodes.tap.passed if passed.protocol == "/mepassa/prekeys/1"]
    requests = [PrekeyRequest.FromString(passed.frame) for passed in asked if passed.sender == ana.node_id]
    assert [request.last_resort for request in requests[-2:]] == [False, True]
    assert len(bundles[0]) > len(bundles[1])  # no one-time key in it
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 1)
    assert await ana.state(message) == "delivered"


async def test_a_used_message_key_under_a_new_packet_id_is_refused_and_never_acked(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    rolled_back = await ana.node.store.sessions(ana.account)
    first = await packet(ana, bob, text(ana, bob, "said"))
    assert await Courier().hand(bob, first) == [None]
    head = ana.core.sessions._by_id[ana.account, rolled_back[0].id]
    head.row = replace(rolled_back[0], version=head.row.version)  # the state of before, as in a snapshot
    again = await packet(ana, bob, text(ana, bob, "said anew"))
    assert again != first
    assert await Courier().hand(bob, again) == [Reason.NO_SESSION]
    assert await Courier().hand(bob, first) == [None]  # a double is acked again
    assert bob.texts() == ["said"]


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
