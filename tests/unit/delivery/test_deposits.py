"""Deposits: what a mailbox does not take, or not now."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from mepassad.api.mailbox import Deposit, MailboxReason
from mepassad.testing.nodes import Nodes
from tests.unit.delivery.liars import Liar, lie
from tests.unit.delivery.mailboxed import accept_while_away, acquaint, away, deposited, mailbox_node, with_mailboxes


async def test_receipts_that_are_too_large_for_a_mailbox_stay_owed(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    await away(nodes, "bob")
    for number in range(60):
        await ana.say(bob, str(number))
    await deposited(nodes, ana, bob, box)
    await away(nodes, "ana")
    server = box.node.roles.mailbox
    assert server is not None
    server.config = replace(server.config, max_envelope=1000)  # less than any that is told of in a config
    bob = await nodes.start("bob")
    await nodes.in_time(lambda: len(bob.texts()) == 60)
    await nodes.pass_by(1, times=10)
    assert await bob.owes(ana) or box.node.stats()["roles"]["mailbox"]["envelopes"]  # type: ignore[index]


class Refusing(Liar):
    """Refuses all envelopes for a reason."""

    reason = MailboxReason.CLOSED
    offered: list[int]

    async def put(self, deposits: Sequence[Deposit]) -> Sequence[Sequence[int]]:
        self.offered += [len(deposit.sealed) for deposit in deposits]
        return [[self.reason] * len(deposit.numbers) for deposit in deposits]


@pytest.mark.parametrize("reason", [MailboxReason.CLOSED, MailboxReason.FULL])
async def test_a_box_that_is_closed_or_full_is_tried_ever_more_seldom_and_with_one_packet(
    nodes: Nodes, reason: MailboxReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await acquaint(nodes, ana, bob)
    await away(nodes, "bob")
    real, offered = dict(box.node.supervisor.live["mailbox"]), list[int]()
    monkeypatch.setattr(Refusing, "reason", reason)
    monkeypatch.setattr(Refusing, "offered", offered, raising=False)
    lie(box, Refusing)
    for number in range(20):
        await ana.say(bob, str(number))
    await nodes.pass_by(30, times=120)
    assert 20 <= len(offered) < 35
    box.node.supervisor.live["mailbox"].update(real)
    await nodes.in_time(lambda: box.node.stats()["roles"]["mailbox"]["envelopes"] == 20, 60)  # type: ignore[index]


class ClosedFor(Liar):
    """Says that one box is closed."""

    number = b""

    async def put(self, deposits: Sequence[Deposit]) -> Sequence[Sequence[int]]:
        if any(self.number in deposit.numbers for deposit in deposits):
            return [[MailboxReason.CLOSED] * len(deposit.numbers) for deposit in deposits]
        answers: Sequence[Sequence[int]] = await self.real.put(deposits)
        return answers


async def test_whose_box_is_closed_is_written_to_at_once_under_a_new_number(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await mailbox_node(nodes)
    ana, bob = await with_mailboxes(nodes, "ana", box), await with_mailboxes(nodes, "bob", box)
    await accept_while_away(nodes, ana, "ana", bob)
    await nodes.in_time(lambda: box.node.stats()["roles"]["mailbox"]["envelopes"] == 1)  # type: ignore[index]
    monkeypatch.setattr(ClosedFor, "number", bob.contact(ana).their_number)
    lie(box, ClosedFor)
    await bob.say(ana, "bom dia")
    await nodes.pass_by(30, times=60)
    ana = await nodes.start("ana")
    nodes.cut(ana, bob)
    await nodes.in_time(lambda: bob.contact(ana).their_number != ClosedFor.number)
    await nodes.pass_by(1, times=10)
    assert ana.texts() == ["bom dia"]
