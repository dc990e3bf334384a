"""Upkeep: what is done by the clock, and that a full disk does not end it."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from mepassad.api import StoreFull
from mepassad.api.store import Commit, Committed
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.upkeep import EXPIRY, ROUND, SEEN_DAYS
from mepassad.wire.messages_pb2 import PrekeyRequest

HOUR = EXPIRY * ROUND
DAY = 86_400


async def looks(nodes: Nodes, count: int) -> None:
    """Let the upkeep of every node that is up look so many times."""
    await nodes.pass_by(EXPIRY, count)


async def test_prekeys_are_topped_up_within_the_hour(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    number = bob.contact(ana).their_number
    for _ in range(10):
        await ana.core.prekeys.answer(PrekeyRequest(number=number))
    before = len(await ana.node.store.keys(ana.account))
    await looks(nodes, ROUND)

    async def more() -> bool:
        return len(await ana.node.store.keys(ana.account)) > before

    await eventually(more)


async def test_signed_prekeys_are_replaced_after_a_week_and_the_old_ones_still_open(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri, _ = await ana.node.invites.create(ana.account, 1, 30 * DAY)
    nodes.tap.meddle = lambda passed: (
        () if passed.sender == bob.node_id and len(passed.frame) > 500 else (passed.frame,)
    )
    await bob.node.invites.accept(bob.account, uri)
    await eventually(lambda: len(nodes.tap.packets(bob.node_id)) == 1)
    (hello,) = nodes.tap.packets(bob.node_id)

    async def retired() -> bool:
        return any(key.retired_at for key in await ana.node.store.keys(ana.account))

    await nodes.pass_by(8 * DAY)
    await looks(nodes, ROUND)
    await eventually(retired)
    assert await Courier().hand(ana, hello) == [None]


async def test_packet_ids_are_remembered_for_longer_than_a_packet_may_be_offered(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    raw = await packet(ana, bob, text(ana, bob, "once"))
    assert await Courier().hand(bob, raw) == [None]
    await nodes.pass_by((SEEN_DAYS - 1) * DAY)
    await looks(nodes, ROUND)
    assert await Courier().hand(bob, raw) == [None]
    assert bob.node.config.delivery.expire_days + 30 < SEEN_DAYS


async def test_events_are_forgotten_after_their_days(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.say(bob, "long ago")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert await ana.node.bus.oldest() == 1
    await nodes.pass_by(31 * DAY)
    await ana.say(bob, "now")
    await nodes.pass_by(0)

    async def forgotten() -> bool:
        return await ana.node.bus.oldest() > 1

    for _ in range(3):  # a look that another wait of a minute hides from `looks` puts the round off
        await looks(nodes, ROUND)
        if await forgotten():
            break
    await eventually(forgotten)


async def test_a_full_disk_does_not_end_upkeep(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bob = await nodes.pair()
    await nodes.up["bob"].stop()
    message = await ana.say(bob, "too late")
    full = refuse(ana, monkeypatch)
    await nodes.pass_by(14 * DAY)
    await looks(nodes, 3)
    assert await ana.state(message) == "queued"
    full.clear()
    await looks(nodes, 2)
    await eventually(lambda: len(ana.facts("message.failed")) == 1)


def refuse(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let every commit fail while the list holds something."""
    store, full = node.node.store, [True]
    commit = store.commit

    def instead(change: Commit) -> Awaitable[Committed]:
        return _full() if full else commit(change)

    monkeypatch.setattr(store, "commit", instead)
    return full


async def _full() -> Committed:
    raise StoreFull
