"""What owners do when a box is flooded, holds what they cannot deal with, or never comes to an end."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

import mepassad.delivery.inbox
from mepassad.api.mailbox import Envelope
from mepassad.testing.nodes import Nodes, RunningNode
from tests.unit.delivery.liars import Liar, lie
from tests.unit.delivery.mailboxed import acquaint, away, deposited, mailbox_node, with_mailboxes
from tests.unit.serving.asking import asking


class Flooded(Liar):
    """One box is full of junk, without end."""

    number = b""
    junk = 0

    async def fetch(self, number: bytes, after: int, limit: int, room: int) -> Sequence[Envelope]:
        if number != Flooded.number:
            found: Sequence[Envelope] = await self.real.fetch(number, after, limit, room)
            return found
        Flooded.junk += limit
        return [Envelope(b"", b"\1" + os.urandom(100), 1 << 31, after + place) for place in range(1, limit + 1)]

    async def ack(self, number: bytes, ids: Sequence[bytes]) -> None:
        if number != Flooded.number:
            await self.real.ack(number, ids)


async def test_who_floods_one_box_does_not_keep_the_others_waiting(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await mailbox_node(nodes)
    ana, bob, eve = [await with_mailboxes(nodes, name, box) for name in ("ana", "bob", "eve")]
    await acquaint(nodes, ana, bob)
    await ana.node.invites.create(ana.account, 1)
    number = ana.node.invites.all()[-1].number
    await nodes.pass_by(1, times=3)
    nodes.cut(ana, bob)
    monkeypatch.setattr(Flooded, "number", number)
    monkeypatch.setattr(Flooded, "junk", 0)
    lie(box, Flooded)
    async with asking(nodes, eve, box) as stream:
        await stream.put([number], b"junk", 1)
    await nodes.pass_by(1, times=5)
    await bob.say(ana, "urgent")
    await nodes.pass_by(1, times=10)
    assert ana.texts() == ["urgent"]
    assert 128 <= Flooded.junk <= 16 * 128, "junk is fetched slowly"


class Counting(Liar):
    """Counts the envelopes that are fetched."""

    fetched = 0

    async def fetch(self, number: bytes, after: int, limit: int, room: int) -> Sequence[Envelope]:
        found: Sequence[Envelope] = await self.real.fetch(number, after, limit, room)
        Counting.fetched += len(found)
        return found


async def test_what_waits_for_another_try_is_not_fetched_again_at_each_piece_of_news(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, carl = await mailbox_node(nodes), await nodes.start("carl", roles="[]")
    ana, eve = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "eve", box)
    uri, _ = await ana.node.invites.create(ana.account, 1)
    number = ana.node.invites.all()[-1].number
    await nodes.pass_by(1, times=2)
    await away(nodes, "ana")
    await eve.node.invites.accept(eve.account, uri)
    for text in range(10):
        await eve.say(ana, str(text))
    await deposited(nodes, eve, ana, box)
    await away(nodes, "eve")
    (plugin,) = box.node.supervisor.live["mailbox"].values()
    hello, *_ = await plugin.fetch(number, 0, 1, 1 << 20)
    await plugin.ack(number, [hello.id])  # what follows is busy without it
    monkeypatch.setattr(Counting, "fetched", 0)
    lie(box, Counting)
    await nodes.start("ana")
    await nodes.pass_by(1, times=4)
    assert Counting.fetched == 10
    async with asking(nodes, carl, box) as stream:
        for junk in range(5):
            await stream.put([number], b"%d" % junk, 1)
            await nodes.pass_by(1, times=2)
    assert Counting.fetched == 15


async def poisoned(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> tuple[RunningNode, list[str]]:
    """A node at which the inbox makes a mistake with one of the packets in its mailbox; what it logs as errors."""
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    await away(nodes, "ana")
    await bob.say(ana, "poison")
    await bob.say(ana, "urgent")
    await deposited(nodes, bob, ana, box)
    await away(nodes, "bob")
    real, failures = mepassad.delivery.inbox.open_content, list[str]()

    def fails(plaintext: bytes, sender: bytes, key: bytes) -> object:
        if b"poison" in plaintext:
            failures.append("poison")
            raise ValueError("a mistake of ours")
        return real(plaintext, sender, key)

    monkeypatch.setattr(mepassad.delivery.inbox, "open_content", fails)
    return await nodes.start("ana"), failures


async def test_a_packet_at_which_the_inbox_fails_costs_no_other(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, failures = await poisoned(nodes, monkeypatch)
    await nodes.pass_by(30, times=10)
    assert ana.texts() == ["urgent"]
    assert len(failures) <= 12, "it is tried ever more seldom"
    monkeypatch.undo()
    await nodes.in_time(lambda: ana.texts() == ["urgent", "poison"], 60)
