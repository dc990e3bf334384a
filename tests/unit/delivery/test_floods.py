"""Floods from both sides at once, and of links: nobody waits for somebody who waits for them, and nothing piles up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from unittest.mock import Mock

import anyio
import pytest

from mepassad.api import StreamClosed, Unreachable
from mepassad.api.transport import Transport
from mepassad.api.types import NodeId
from mepassad.builtin.transport_memory.stream import QUEUE_LIMIT, UNREAD_LIMIT, MemoryStream
from mepassad.builtin.transport_memory.transport import MemoryTransport
from mepassad.delivery import window
from mepassad.delivery.limits import ALLOWANCES, ANSWERS, Allowance, Allowances, Limits
from mepassad.delivery.link import GATHERED, Link
from mepassad.delivery.links import LINKS_OF_A_NODE, Links
from mepassad.delivery.router import BUSY_RETRY
from mepassad.testing.clock import ManualClock
from mepassad.testing.component import Lines
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.framing import pack
from mepassad.wire.messages_pb2 import Frame, Refusal
from mepassad.wire.packets import MESSAGE_PROTOCOL, Reason, packet_id
from tests.unit.delivery.test_attacks_2 import Dialler, Refuser, nothing_worked, traffic
from tests.unit.delivery.test_links import frames, junk_packet
from tests.unit.delivery.test_windows import row


def question(packets: int) -> bytes:
    """A frame of packets that nobody can open."""
    return pack(Frame(packets=[junk_packet(8)] * packets).SerializeToString())


async def test_two_who_write_large_texts_to_each_other_without_pause_both_get_them_all(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    ends = list[str]()
    for one in (ana, bob):
        one.core.router.links.down = lambda link: ends.append(link.node)

    async def write(sender: RunningNode, reader: RunningNode) -> None:
        for number in range(100):
            await sender.say(reader, f"{number} " + "x" * 60_000)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write, ana, bob)
        tasks.start_soon(write, bob, ana)
    await eventually(lambda: len(ana.texts()) == len(bob.texts()) == 100)
    assert [str(text).split()[0] for text in ana.texts()] == [str(number) for number in range(100)]
    assert ends == []


def link(limits: Limits, clock: ManualClock | None = None) -> tuple[MemoryStream, MemoryStream, Refuser, Link]:
    """A link to a stranger, with both ends of its stream."""
    far, near = MemoryStream.pair(NodeId("a stranger"), NodeId("us"), MESSAGE_PROTOCOL)
    refuser = Refuser(near)
    return far, near, refuser, Link(near, refuser, clock or ManualClock(), limits, Allowance(limits, 0), traffic())


def limits(**others: Any) -> Limits:
    settings = {"window": 8192, "max_packet": 1 << 20, "rate": 1e9, "burst": 1 << 30, "stall": 0.05}
    return Limits(**{**settings, "window_bytes": 1 << 30, **others})


async def test_a_node_is_read_on_until_it_leaves_too_many_answers_unread() -> None:
    far, near, refuser, ours = link(limits())
    far.write(question(1))
    near.write(bytes(UNREAD_LIMIT))
    near.write(bytes(QUEUE_LIMIT + 1))
    assert not near.room  # what waits is none of our answers, and they may have to wait for theirs
    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            with pytest.raises(StreamClosed, match="does not read"):
                await ours.run()

        tasks.start_soon(run)
        for _ in range(ANSWERS // 1024):
            await eventually(lambda: refuser.count % 1024 == 1)
            far.write(question(1024))
        await eventually(lambda: refuser.count == ANSWERS + 1)
    assert ours.closed


async def test_packets_wait_in_the_store_and_not_on_a_stream_that_is_not_read() -> None:
    far, near, _, ours = link(limits())
    ours.offer([row(number, 100_000) for number in range(GATHERED // 100_000)])
    assert not ours.full
    ours.offer([row(99, 100_000)])
    assert ours.full
    await anyio.sleep(0)
    await eventually(lambda: not near.room or not ours.full)
    ours.offer([row(number, 100_000) for number in range(100, 104)])
    await eventually(lambda: not near.room)
    assert ours.full
    with anyio.move_on_after(0.01) as waited:
        await ours.room()
    assert waited.cancelled_caught
    while not near.room:
        await far.read()
    with anyio.fail_after(5):
        await ours.room()


async def test_a_node_that_refuses_all_is_not_taken_for_one_that_says_nothing() -> None:
    clock = ManualClock()
    far, _, _, ours = link(limits(stall=30), clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ours.run)
        ours.offer([row(1), row(2)])
        clock.advance(29)
        far.write(pack(Frame(refusals=[Refusal(packet=row(1).id, reason=Reason.BUSY)]).SerializeToString()))
        await eventually(lambda: len(ours.window) == 1)
        clock.advance(29)
        assert not ours.stalled()
        far.write(pack(Frame(acks=[row(3).id]).SerializeToString()))  # of what was never offered
        clock.advance(2)
        await eventually(ours.stalled)
        tasks.cancel_scope.cancel()


async def test_who_refuses_more_than_is_remembered_is_offered_each_packet_once_in_fifteen_seconds(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "REMEMBERED", 8)
    ana, bob = await nodes.pair(delivery__window=4)

    async def busy(link: Link, packets: Sequence[bytes]) -> None:
        for raw in packets:
            link.refuse(packet_id(raw), Reason.BUSY)

    monkeypatch.setattr(bob.core.inbox, "arrived", busy)
    for number in range(60):
        await ana.say(bob, f"{number}")
        await nodes.pass_by(0.5)
    waits = nodes.clock.waits.count
    nodes.tap.passed.clear()
    await nodes.pass_by(1, int(BUSY_RETRY))
    offered = nodes.tap.packets(ana.node_id)
    assert len(set(offered)) == len(offered) <= 2 * (8 + 4)
    assert sum(waits(wait) for wait in set(nodes.clock.waits) if wait <= BUSY_RETRY) <= 6
    monkeypatch.undo()
    await nodes.in_time(lambda: len(bob.texts()) == 60)


async def test_links_opened_one_after_the_other_are_served_at_the_rate_and_do_not_pile_up(nodes: Nodes) -> None:
    ana = await nodes.start("ana", delivery__packet_rate=10, delivery__packet_burst=20)
    live = ana.core.router.links.all
    async with anyio.create_task_group() as tasks:
        transport = MemoryTransport(nodes.network_name, NodeId("a stranger"), tasks, Lines())
        await transport.listen()
        opened = []
        for number in range(3 * LINKS_OF_A_NODE):
            opened.append(await transport.open(ana.node_id, ana.node.addresses(), MESSAGE_PROTOCOL))
            opened[-1].write(question(30))
            waiting = min(number + 1, LINKS_OF_A_NODE)
            await eventually(lambda waiting=waiting: nodes.clock.waits.count(1) == waiting == len(live()))
        answered = [len((await frames(stream, 1))[0].refusals) for stream in opened[:1]]
        assert answered == [30]
        assert [await stream.read() for stream in opened[1:-LINKS_OF_A_NODE]] == [b""] * (2 * LINKS_OF_A_NODE - 1)
        nodes.clock.advance(1)
        await eventually(lambda: nodes.clock.waits.count(3) == LINKS_OF_A_NODE)  # 30 packets more were dealt with
        transport.leave()
        tasks.cancel_scope.cancel()


async def test_nodes_that_a_contact_told_of_and_that_cannot_be_reached_leave_nothing_behind() -> None:
    dialler, peer = Dialler(), Mock()
    links = Links((cast(Transport, dialler),), peer, ManualClock(), Lines(), limits(), nothing_worked())
    for number in range(3):
        with pytest.raises(Unreachable):
            await links.open({f"node {number}": ["/ip4/198.51.100.7/tcp/1"]})
    assert len(dialler.dialled) == 3
    assert len(links._dialling) == 0


def test_who_comes_again_has_the_allowance_of_before() -> None:
    small = limits(rate=10, burst=20)
    allowances = Allowances(small)  # to come again is no way to a whole one
    allowances.of(NodeId("a"), 0).take(30)
    assert allowances.of(NodeId("a"), 0.5).debt(0.5) == 0.5
    for number in range(ALLOWANCES - 1):
        allowances.of(NodeId(str(number)), 0.5)
    assert allowances.of(NodeId("a"), 0.5).debt(0.5) == 0.5
    for number in range(ALLOWANCES):
        allowances.of(NodeId(str(number)), 0.5)
    assert allowances.of(NodeId("a"), 0.5).debt(0.5) == 0
