"""What a contact may try with contents: invisible probes, relabelled ones, alarms without end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mepassad.delivery.stamps import ASK, TELL, WARN
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.content import HELLO, INVISIBLE, RECEIPT, TYPING, open_content, seal_content
from mepassad.wire.ids import account_key
from mepassad.wire.messages_pb2 import Content, ListStamp, Receipts
from mepassad.wire.packets import packet_id


def empty(sender: RunningNode, receiver: RunningNode, kind: int) -> Content:
    return sender.core.outbox.empty(sender.contact(receiver), kind)


def probes(sender: RunningNode, receiver: RunningNode) -> list[Content]:
    """Contents of every kind that nobody sees, with what could provoke an answer."""
    contents = [empty(sender, receiver, kind) for kind in (*range(INVISIBLE, INVISIBLE + 16), 1000, (1 << 32) - 1)]
    contents[0].receipts.CopyFrom(Receipts(delivered=[b"d" * 16], read=[b"r" * 16]))
    contents[1].theirs.CopyFrom(ListStamp(version=1, hash=b"h" * 16))
    contents[4].ours.CopyFrom(ListStamp(version=1 << 40, hash=b"h" * 16))
    contents[2].reply_to = b"m" * 16
    contents[3].lost.append(b"s" * 16)
    return contents


async def test_a_contact_who_probes_with_invisible_kinds_gets_no_content_back_and_leaves_no_trace(
    nodes: Nodes,
) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=0)
    await eventually(lambda: len(bob.contact(ana).directory) == len(ana.contact(bob).directory) == 64)
    raws = [await packet(ana, bob, content) for content in probes(ana, bob)]
    sent, events = len(nodes.tap.passed), len(bob.events)
    courier = Courier()
    courier.node = ana.node_id
    assert await courier.hand(bob, *raws) == [None] * len(raws)
    nodes.clock.advance(120)
    await ana.say(bob, "a message, at last")  # what was to come has come before its receipt
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    back = [passed for passed in nodes.tap.passed[sent:] if passed.sender == bob.node_id and len(passed.frame) > 256]
    assert len(back) == 1  # the receipt of the message; acks are shorter
    topics = [event.topic for event in bob.events[events:] if event.topic != "typing"]
    assert topics == ["message.received"]
    assert await bob.node.store.receipts() == []
    kept = await bob.node.store.messages(bob.account, bob.contact(ana).conversation, 10, None)
    assert [row.text for row in kept.items] == ["a message, at last"]


async def test_a_contact_who_names_ever_other_lists_makes_one_question_one_hello_and_one_warning(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    calls = {"fetch": 0, "tell": 0}

    def counting(what: str) -> Callable[[object], None]:
        def call(contact: object) -> None:
            calls[what] += 1

        return call

    monkeypatch.setattr(bob.core.stamps, "fetch", counting("fetch"))
    monkeypatch.setattr(bob.core.stamps, "tell", counting("tell"))

    async def name(count: int) -> None:
        for number in range(count):
            older, newer = text(ana, bob, f"older {number}"), text(ana, bob, f"newer {number}")
            older.theirs.CopyFrom(ListStamp(version=1 + number, hash=b"h" * 16))
            newer.ours.CopyFrom(ListStamp(version=(1 << 40) + number, hash=b"h" * 16))
            newer.theirs.CopyFrom(ListStamp(version=(1 << 40) + number, hash=b"h" * 16))
            for content in (older, newer):
                assert await Courier().hand(bob, await packet(ana, bob, content)) == [None]

    await name(5)
    assert (calls, len(bob.facts("account.superseded"))) == ({"fetch": 1, "tell": 1}, 1)
    assert ASK == TELL == 60
    nodes.clock.advance(60)
    await name(2)
    assert (calls, len(bob.facts("account.superseded"))) == ({"fetch": 2, "tell": 2}, 1)
    nodes.clock.advance(WARN)
    await name(1)
    assert len(bob.facts("account.superseded")) == 2


@pytest.mark.parametrize("relabel", ["kind", "recipient", "conversation"])
async def test_a_content_relabelled_in_kind_recipient_or_conversation_is_not_taken(nodes: Nodes, relabel: str) -> None:
    """Bob shows Eva what Ana wrote to him, or alters what he signs for himself in Ana's name."""
    ana, bob = await nodes.pair()
    eva = await nodes.start("eva")
    await nodes.introduce(bob, eva)
    me = ana.core.accounts.me(ana.account)
    signed = seal_content(text(ana, bob, "I owe you 10"), me.device, account_key(bob.account))
    if relabel == "recipient":  # Ana's own bytes, in Bob's session with Eva
        raw = await packet(bob, eva, signed)
        receiver: RunningNode = eva
    else:
        content = open_content(signed, me.device.public, account_key(bob.account))
        if relabel == "kind":
            content.kind = 2
        else:
            content.conversation = b"c" * 16
        altered = signed[:64] + content.SerializeToString() + b"\x80"
        raw, receiver = await packet(ana, bob, altered.ljust(256, b"\x00")), bob
    assert await Courier().hand(receiver, raw) == [None]
    assert receiver.texts() == []
    assert await receiver.node.store.seen(receiver.account, packet_id(raw)) == ""
    await (bob if receiver is eva else ana).say(receiver, "after")
    await eventually(lambda: receiver.texts() == ["after"])


async def test_what_ana_signed_for_another_conversation_of_hers_does_not_appear_in_this_one(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    for conversation in (b"c" * 16, bytes(16)):
        content = text(ana, bob, "elsewhere")
        content.conversation = conversation
        assert await Courier().hand(bob, await packet(ana, bob, content)) == [None]
    assert bob.texts() == []
    assert {HELLO, RECEIPT, TYPING} <= set(range(INVISIBLE, INVISIBLE + 16))
