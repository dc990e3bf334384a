"""Prekeys are made sparingly, whatever a mailbox does with them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mepassad.delivery.mailbox_blobs import A_DAY
from mepassad.errors import MailboxFull, MailboxTooLarge, MepassaError
from mepassad.testing.nodes import Nodes, RunningNode
from tests.unit.delivery.liars import Liar, lie
from tests.unit.delivery.mailboxed import mailbox_node, with_mailboxes


async def given(running: RunningNode) -> int:
    """How many one-time prekeys were given away."""
    return sum(bool(row.given_at) for row in await running.node.store.keys(running.account))


class Refusing(Liar):
    """Takes no blobs; `offered` are the one-time ones that it refused."""

    error: type[MepassaError]
    offered: list[bytes]

    async def publish(self, number: bytes, one_time: Sequence[bytes], last_resort: bytes, replace: bool) -> int:
        self.offered += one_time
        raise self.error


@pytest.mark.parametrize("error", [MailboxFull, MailboxTooLarge])
async def test_what_a_mailbox_refused_is_offered_again_and_not_made_anew(
    nodes: Nodes, error: type[MepassaError], monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await mailbox_node(nodes)
    ana = await with_mailboxes(nodes, "ana", box)
    before, offered = await given(ana), list[bytes]()
    monkeypatch.setattr(Refusing, "error", error, raising=False)
    monkeypatch.setattr(Refusing, "offered", offered, raising=False)
    lie(box, Refusing)
    await ana.node.invites.create(ana.account, 5)
    await nodes.pass_by(20, times=30)
    assert len(offered) >= 50, "it was tried each minute"
    assert len(set(offered)) == 5
    assert await given(ana) - before <= 10  # of two kinds


class Forgetful(Liar):
    """Says that nothing is left, whenever it is asked."""

    async def open(self, opener: bytes, numbers: Sequence[bytes], now: int, fresh: int) -> tuple[Sequence[int], int]:
        left, new = await self.real.open(opener, numbers, now, fresh)
        return [0] * len(left), new

    async def publish(self, number: bytes, one_time: Sequence[bytes], last_resort: bytes, replace: bool) -> int:
        return len(one_time)


async def test_a_mailbox_that_always_says_that_none_is_left_gets_only_so_many_a_day(nodes: Nodes) -> None:
    box = await mailbox_node(nodes)
    ana = await with_mailboxes(nodes, "ana", box)
    before = await given(ana)
    lie(box, Forgetful)
    await ana.node.invites.create(ana.account, 5)
    server = box.node.roles.mailbox
    assert server is not None
    for _ in range(10):
        for sessions in list(server._sessions.values()):
            for session in list(sessions):
                session.abort()
        await nodes.pass_by(1, times=4)
    assert 10 <= await given(ana) - before <= 2 * A_DAY  # of two kinds
    await nodes.pass_by(600, times=6 * 30)
    assert await given(ana) - before <= 2 * 2 * A_DAY
