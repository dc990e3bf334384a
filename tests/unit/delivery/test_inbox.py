"""The way in: what is doubled, reordered, forged, uninvited or refused, and what the sender is told."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from mepassad.api import Component, PluginContext, Rejected, hookimpl
from mepassad.api.filters import Draft, MessageFilter
from mepassad.api.types import Message
from mepassad.errors import MalformedFrame
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.content import HELLO, RECEIPT
from mepassad.wire.ids import unb64
from mepassad.wire.packets import Reason, pack_packet


async def test_a_packet_that_comes_again_is_acked_again_and_read_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    raw, courier = await packet(ana, bob, text(ana, bob, "once")), Courier()
    assert await courier.hand(bob, raw) == [None]
    assert await courier.hand(bob, raw) == [None]
    assert await Courier().hand(bob, raw, raw) == [None, None]
    bob = await nodes.restart("bob")
    assert await courier.hand(bob, raw) == [None]
    assert bob.texts() == []
    stored = await bob.node.store.messages(bob.account, bob.contact(ana).conversation, 10, None)
    assert [row.text for row in stored.items] == ["once"]


async def test_the_same_content_in_another_packet_is_read_once_and_confirmed_again(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    content, courier = text(ana, bob, "once"), Courier()
    first, second = await packet(ana, bob, content), await packet(ana, bob, content)
    assert await courier.hand(bob, first) == [None]
    await eventually(lambda: _nothing_owed(bob, ana))
    nodes.tap.passed.clear()
    assert await courier.hand(bob, second) == [None]
    assert bob.texts() == ["once"]
    await eventually(lambda: len(nodes.tap.packets(bob.node_id)) == 1)  # the receipt, which may have been lost before


async def test_packets_that_come_in_another_order_are_all_read(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    words = [f"{n}" for n in range(6)]
    raws = [await packet(ana, bob, text(ana, bob, word)) for word in words]
    order = [3, 0, 5, 4, 1, 2]
    assert await Courier().hand(bob, *(raws[n] for n in order)) == [None] * 6
    assert bob.texts() == [words[n] for n in order]


async def test_passed_over_packets_are_read_after_a_restart_too(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    first, second = [await packet(ana, bob, text(ana, bob, word)) for word in ("first", "second")]
    assert await Courier().hand(bob, second) == [None]
    bob = await nodes.restart("bob")
    assert await Courier().hand(bob, first) == [None]
    assert bob.texts() == ["first"]


async def test_junk_from_a_contacts_device_asks_for_a_new_session_and_harms_no_other(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    sender, recipient = (node.core.accounts.me(node.account).device.public for node in (ana, bob))
    head = ana.core.sessions.current(ana.contact(bob), recipient)
    assert head is not None
    known = pack_packet(sender, recipient, head.row.id, os.urandom(200))
    unknown = pack_packet(sender, recipient, os.urandom(16), os.urandom(200))
    assert await Courier().hand(bob, known, unknown) == [Reason.NO_SESSION, Reason.NO_SESSION]
    assert await Courier().hand(bob, await packet(ana, bob, text(ana, bob, "still fine"))) == [None]
    assert bob.texts() == ["still fine"]


async def test_a_packet_in_somebody_elses_session_is_not_opened(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    eve = await nodes.start("eve")
    await nodes.introduce(bob, eve)
    raw = await packet(ana, bob, text(ana, bob, "stolen"))
    recipient = bob.core.accounts.me(bob.account).device.public
    session = ana.core.sessions.current(ana.contact(bob), recipient)
    assert session is not None
    message = raw[raw.index(session.row.id) + 18 :]  # behind the session come tag and length of the message
    forged = pack_packet(eve.core.accounts.me(eve.account).device.public, recipient, session.row.id, message)
    assert await Courier().hand(bob, forged) == [Reason.NO_SESSION]
    assert bob.texts() == []


async def test_a_packet_for_a_device_that_does_not_live_here_says_so(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    raw = pack_packet(os.urandom(32), os.urandom(32), os.urandom(16), b"x")
    assert await Courier().hand(ana, raw) == [Reason.UNKNOWN_DEVICE]


async def test_a_packet_at_the_limit_is_opened_and_one_byte_more_is_too_large(nodes: Nodes) -> None:
    _, bob = await nodes.pair(delivery__max_packet=4096)
    recipient = bob.core.accounts.me(bob.account).device.public
    empty = len(pack_packet(os.urandom(32), recipient, os.urandom(16), os.urandom(3900)))
    at_limit = pack_packet(os.urandom(32), recipient, os.urandom(16), os.urandom(3900 + 4096 - empty))
    above = pack_packet(os.urandom(32), recipient, os.urandom(16), os.urandom(3901 + 4096 - empty))
    assert (len(at_limit), len(above)) == (4096, 4097)
    assert await Courier().hand(bob, at_limit, above) == [Reason.NO_SESSION, Reason.TOO_LARGE]


async def test_what_is_no_packet_ends_the_link(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    with pytest.raises(MalformedFrame):
        await Courier().hand(ana, b"junk")


async def test_a_blocked_contacts_packets_are_taken_and_not_read(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await bob.node.contacts.block(bob.account, ana.account, True)
    message = await ana.say(bob, "hello?")
    await eventually(lambda: len(ana.facts("message.sent")) == 1)
    assert (bob.texts(), await ana.state(message)) == ([], "sent")
    await bob.node.contacts.block(bob.account, ana.account, False)
    bob = await nodes.restart("bob")
    nodes.clock.advance(3600)
    await eventually(lambda: bob.texts() == ["hello?"])  # it was offered again, and nothing had been lost


async def test_a_stranger_without_an_invite_is_told_to_come_later(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await bob.node.contacts.remove(bob.account, ana.account)
    raw = await packet(ana, bob, text(ana, bob, "remember me?"))
    assert await Courier().hand(bob, raw) == [Reason.NO_SESSION]
    assert bob.node.contacts.all(bob.account) == []


async def test_a_text_before_its_hello_is_welcome_after_it(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    nodes.tap.meddle = lambda passed: (
        () if passed.sender == bob.node_id and len(passed.frame) > 1000 else (passed.frame,)
    )
    uri, _ = await ana.node.invites.create(ana.account, 1, 3600)
    await bob.node.invites.accept(bob.account, uri)
    await eventually(lambda: len(nodes.tap.packets(bob.node_id)) == 1)  # and went no further
    (hello,) = nodes.tap.packets(bob.node_id)
    early = await packet(bob, ana, text(bob, ana, "early"))
    courier = Courier()
    assert await courier.hand(ana, early) == [Reason.BUSY]
    assert await courier.hand(ana, hello) == [None]
    assert await courier.hand(ana, early) == [None]
    assert ana.texts() == ["early"]


async def test_a_content_for_another_conversation_is_dropped(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    content = text(ana, bob, "misplaced")
    content.conversation = os.urandom(16)
    assert await Courier().hand(bob, await packet(ana, bob, content)) == [None]
    assert await Courier().hand(bob, await packet(ana, bob, text(ana, bob, "placed"))) == [None]
    assert bob.texts() == ["placed"]


async def test_an_introduction_of_somebody_else_changes_nothing(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    eve = await nodes.start("eve")
    content = ana.core.outbox.empty(ana.contact(bob), HELLO)
    stranger = eve.core.introductions.ours(eve.core.accounts.me(eve.account), ana.contact(bob))
    content.introduction.CopyFrom(stranger)
    before = bob.contact(ana)
    assert await Courier().hand(bob, await packet(ana, bob, content)) == [None]
    assert bob.contact(ana) == before


async def test_a_content_of_an_unknown_kind_is_kept_with_what_text_it_has(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    content = text(ana, bob, "from the future")
    content.kind = 40
    assert await Courier().hand(bob, await packet(ana, bob, content)) == [None]
    assert bob.texts() == ["from the future"]
    invisible = text(ana, bob, "not seen")
    invisible.kind = 99
    assert await Courier().hand(bob, await packet(ana, bob, invisible)) == [None]
    assert bob.texts() == ["from the future"]


async def test_a_time_beyond_all_calendars_is_kept_within_them(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    content = text(ana, bob, "late")
    content.time_ms = (1 << 64) - 1
    assert await Courier().hand(bob, await packet(ana, bob, content)) == [None]
    assert bob.facts("message.received")[0]["time"] == "9999-12-31T23:59:59.000Z"


@pytest.mark.parametrize("words", ["", "a\x00b", "\x00", "\U0010ffff", "'; DROP TABLE messages; --", '"*" OR NEAR('])
async def test_any_text_of_a_contact_is_kept_and_found_as_it_is(nodes: Nodes, words: str) -> None:
    ana, bob = await nodes.pair()
    assert await Courier().hand(bob, await packet(ana, bob, text(ana, bob, words))) == [None]
    assert bob.texts() == [words]
    await bob.node.store.search(bob.account, words, 10, None)


# -- filters


class Curfew:
    """A filter plugin: refuses what says no, and shouts the rest."""

    name = "curfew"

    @hookimpl
    def provide_filter(self, config: object) -> Component[MessageFilter]:
        @asynccontextmanager
        async def component(context: PluginContext) -> AsyncIterator[MessageFilter]:
            yield self

        return component

    async def message_send(self, draft: Draft) -> Draft:
        return draft

    async def message_received(self, message: Message) -> Message:
        if "no" in message.text:
            raise Rejected("Not in this house.")
        return replace(message, text=message.text.upper())


async def with_curfew(nodes: Nodes) -> tuple[RunningNode, RunningNode]:
    ana = await nodes.start("ana")
    nodes.plugins["curfew"] = Curfew()
    bob = await nodes.start("bob")
    await nodes.introduce(ana, bob)
    return ana, bob


async def test_a_filter_changes_what_is_kept_and_drops_what_it_refuses(nodes: Nodes) -> None:
    ana, bob = await with_curfew(nodes)
    refused, kept = await ana.say(bob, "say no"), await ana.say(bob, "say yes")
    await eventually(lambda: len(ana.facts("message.delivered")) == 2)
    assert bob.texts() == ["SAY YES"]
    assert [await ana.state(message) for message in (refused, kept)] == ["delivered", "delivered"]


async def _nothing_owed(one: RunningNode, other: RunningNode) -> bool:
    return not await one.owes(other) and not await one.node.store.receipts()


# -- receipts, as they come in


async def test_receipts_for_messages_of_others_or_of_nobody_are_ignored(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    eve = await nodes.start("eve")
    await nodes.introduce(ana, eve)
    nodes.cut(ana, bob)
    message = await ana.say(bob, "for bob only")
    content = eve.core.outbox.empty(eve.contact(ana), RECEIPT)
    content.receipts.read.extend([unb64(message.id), os.urandom(16), b"short", b""])
    content.receipts.delivered.extend([unb64(message.id)])
    assert await Courier().hand(ana, await packet(eve, ana, content)) == [None]
    assert await ana.state(message) == "queued"
    assert ana.facts("message.read") == ana.facts("message.delivered") == []
    assert await ana.owes(bob) == 1


async def test_receipts_for_a_message_that_was_received_are_ignored(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await bob.say(ana, "hi")
    await eventually(lambda: ana.texts() == ["hi"])
    received = str(ana.facts("message.received")[0]["message_id"])
    content = bob.core.outbox.empty(bob.contact(ana), RECEIPT)
    content.receipts.read.append(unb64(received))
    assert await Courier().hand(ana, await packet(bob, ana, content)) == [None]
    assert ana.facts("message.read") == []


async def test_a_text_that_no_client_could_be_shown_is_refused_and_the_next_one_is_read(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    longest = bob.core.inbox.max_text
    long = await packet(ana, bob, text(ana, bob, "\x01" * (longest + 1)))
    fits = await packet(ana, bob, text(ana, bob, "\x01" * longest))
    assert await Courier().hand(bob, long, fits) == [Reason.TOO_LARGE, None]
    assert [len(str(found)) for found in bob.texts()] == [longest]
    assert await Courier().hand(bob, long) == [None]  # a double of it is only acked
