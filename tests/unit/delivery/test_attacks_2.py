"""Hostile nodes, clocks that jump, and answers that are lost: links stay bounded, and nothing waits or vanishes."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api import StreamClosed, Unreachable
from mepassad.api.gauges import Gauge
from mepassad.api.node_id import node_id_from_key
from mepassad.api.store import Commit, Committed
from mepassad.api.transport import Stream
from mepassad.api.types import NodeId, Outgoing
from mepassad.api.writes import AddMessage
from mepassad.builtin.store_sqlite.batches import Batches, Result
from mepassad.builtin.transport_memory.stream import MemoryStream
from mepassad.builtin.transport_memory.transport import MemoryTransport
from mepassad.delivery.limits import Allowance, Limits, Traffic
from mepassad.delivery.link import Link
from mepassad.delivery.links import Links
from mepassad.delivery.receipts import AT_ONCE
from mepassad.delivery.worked import Worked
from mepassad.errors import RequestReused
from mepassad.steadiness import DISTRUST, JUMP, Steadiness
from mepassad.testing.clock import ManualClock
from mepassad.testing.component import Lines
from mepassad.testing.courier import Courier, packet
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.upkeep import EXPIRY, ROUND
from mepassad.wire.content import RECEIPT
from mepassad.wire.framing import pack
from mepassad.wire.ids import unb64
from mepassad.wire.messages_pb2 import Frame
from mepassad.wire.packets import MESSAGE_PROTOCOL, Reason, pack_packet, packet_id

DAY = 86_400


def junk(count: int) -> bytes:
    """A frame of packets for nobody."""
    packets = [pack_packet(bytes(32), bytes(32), bytes(16), b"%d" % n) for n in range(count)]
    return pack(Frame(packets=packets).SerializeToString())


class Refuser:
    """Whose every answer is a refusal. Implements `mepassad.delivery.link.Peer`."""

    def __init__(self, stream: MemoryStream) -> None:
        self._stream, self.most, self.count = stream, 0, 0

    async def arrived(self, link: Link, packets: Sequence[bytes]) -> None:
        self.most = max(self.most, self._stream._queued)
        self.count += len(packets)
        for raw in packets:
            link.refuse(packet_id(raw), Reason.UNKNOWN_DEVICE)

    def acked(self, link: Link, rows: Sequence[Outgoing]) -> None: ...

    def refused(self, link: Link, row: Outgoing, reason: int) -> None: ...


def traffic() -> Traffic:
    """Gauges that nobody looks at."""
    return Traffic(Gauge(1, list), Gauge(1, list), Gauge(1, list))


# -- hostile nodes


async def test_who_never_reads_the_answers_has_the_link_ended_and_few_answers_pile_up() -> None:
    far, near = MemoryStream.pair(NodeId("a stranger"), NodeId("us"), MESSAGE_PROTOCOL)
    clock, limits = (
        ManualClock(),
        Limits(window=8, max_packet=1024, rate=1e9, burst=1 << 30, stall=0.05, window_bytes=1 << 20),
    )
    refuser = Refuser(near)
    link = Link(near, refuser, clock, limits, Allowance(limits, 0), traffic())

    async def flood() -> None:
        with suppress(StreamClosed):
            for _ in range(100):
                far.write(junk(1000))
                await far.drain()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(flood)
            with pytest.raises(StreamClosed, match="does not read"):
                await link.run()
    assert link.closed
    assert refuser.most < 1 << 20  # of nearly four megabytes


async def streams(nodes: Nodes, node: RunningNode, tasks: Any, count: int) -> list[Stream]:
    """Streams of messages to a node, all from one node that nobody knows."""
    node_id = node_id_from_key(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    transport = MemoryTransport(nodes.network_name, node_id, tasks, Lines())
    await transport.listen()
    return [await transport.open(node.node_id, node.node.addresses(), MESSAGE_PROTOCOL) for _ in range(count)]


async def test_empty_frames_count_against_the_nodes_allowance(nodes: Nodes) -> None:
    ana = await nodes.start("ana", delivery__packet_rate=10, delivery__packet_burst=20)
    async with anyio.create_task_group() as tasks:
        (stream,) = await streams(nodes, ana, tasks, 1)
        stream.write(pack(b"") * 21)
        await eventually(lambda: any(abs(wait - 0.1) < 1e-9 for wait in nodes.clock.waits))
        tasks.cancel_scope.cancel()


async def test_all_links_of_a_node_share_one_allowance(nodes: Nodes) -> None:
    ana = await nodes.start("ana", delivery__packet_rate=10, delivery__packet_burst=20)
    async with anyio.create_task_group() as tasks:
        for stream in await streams(nodes, ana, tasks, 2):
            stream.write(junk(20))
            assert await stream.read()
        await eventually(lambda: any(abs(wait - 2) < 1e-9 for wait in nodes.clock.waits))
        tasks.cancel_scope.cancel()


class Dialler:
    """A transport that would dial anything, and keeps what it was given to dial."""

    def __init__(self) -> None:
        self.name, self.dialled = "dialler", list[str]()

    def can_dial(self, address: str) -> bool:
        return True

    def connected(self) -> tuple[NodeId, ...]:
        return ()

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str) -> Stream:
        self.dialled += addresses
        raise Unreachable


def nothing_worked() -> Worked:
    """No address of before; nothing that is learnt is kept."""
    store: Any = None
    return Worked(store, ManualClock(), Lines())


async def test_a_name_that_a_contact_told_is_not_dialled() -> None:
    dialler: Any = Dialler()
    peer: Any = None
    links = Links((dialler,), peer, ManualClock(), Lines(), Limits(8, 1024, 10, 20, 30, 1 << 20), nothing_worked())
    names = [f"/{kind}/metadata.example/tcp/80" for kind in ("dns", "dns4", "dns6", "dnsaddr")]
    with pytest.raises(Unreachable):
        await links.open({"node": [*names, "/ip4/198.51.100.7/tcp/1"]})
    assert dialler.dialled == ["/ip4/198.51.100.7/tcp/1/p2p/node"]


# -- contents


async def test_receipts_beyond_the_limit_in_one_content_are_ignored(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=60_000)
    within, beyond = [await ana.say(bob, word) for word in ("within", "beyond")]
    await eventually(lambda: len(bob.texts()) == 2)
    content = bob.core.outbox.empty(bob.contact(ana), RECEIPT)
    others = [os.urandom(16) for _ in range(AT_ONCE - 1)]
    for kind in (content.receipts.delivered, content.receipts.read):
        kind.extend([*others, unb64(within.id), unb64(beyond.id)])
    assert await Courier().hand(ana, await packet(bob, ana, content)) == [None]
    assert await ana.state(within) == "read"
    assert await ana.state(beyond) in ("queued", "sent")


async def test_typing_takes_no_receipts_along(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=60_000)
    message = await ana.say(bob, "hi")
    await eventually(lambda: bob.texts() == ["hi"])
    owed = await bob.node.store.receipts()
    await bob.node.outbox.typing(bob.account, ana.account, True)
    await eventually(lambda: len(ana.facts("typing")) == 1)
    assert await ana.state(message) in ("queued", "sent")
    assert await bob.node.store.receipts() == owed != []
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 1, 60)


async def test_a_request_with_another_reply_to_is_another_request(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    first = await ana.say(bob, "what this is about")
    submit = ana.node.outbox.submit
    answer = await submit(ana.account, bob.account, "yes", first.id, "r1")
    assert (await submit(ana.account, bob.account, "yes", first.id, "r1")).id == answer.id
    with pytest.raises(RequestReused):
        await submit(ana.account, bob.account, "yes", "", "r1")


# -- sessions


async def test_a_message_on_the_way_while_its_session_is_renewed_does_not_wait_for_an_hour(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    for write in bob.core.sessions.drop_all(bob.account, ana.account):
        await bob.node.store.commit(Commit((write,)))
    refusals, refused = list[tuple[Any, ...]](), ana.core.router.refused
    monkeypatch.setattr(ana.core.router, "refused", lambda *refusal: refusals.append(refusal))
    await ana.say(bob, "one")
    await eventually(lambda: len(refusals) == 1)
    monkeypatch.setattr(ana.core.router, "refused", refused)
    written, handed = slow_disk(ana, monkeypatch)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ana.say, bob, "two")
            await eventually(handed.is_set)
            refused(*refusals[0])  # the renewal reads what is owed while "two" is not durable yet
            await eventually(written.is_set)
    finally:
        written.set()
    began = nodes.clock.monotonic()
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 2)
    assert sorted(map(str, bob.texts())) == ["one", "two"]
    assert nodes.clock.monotonic() - began < 600


def slow_disk(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Let the disk wait from the next message on until a session is being given up; the ends of both waits."""
    written, handed, store = threading.Event(), threading.Event(), node.node.store
    apply, commit = Batches.apply, store.commit

    def slowly(batches: Batches, commits: Sequence[Commit]) -> list[Result]:
        if any(isinstance(write, AddMessage) and not write.row.incoming for one in commits for write in one.writes):
            written.wait(20)
        return apply(batches, commits)

    def instead(change: Commit) -> Awaitable[Committed]:
        kept = commit(change)
        if any(isinstance(write, AddMessage) for write in change.writes):
            handed.set()
        elif not change.writes:
            written.set()  # the renewal waits for what was said before it looks
        return kept

    monkeypatch.setattr(Batches, "apply", slowly)
    monkeypatch.setattr(store, "commit", instead)
    return written, handed


# -- clocks that jump


async def test_a_clock_that_jumps_forward_for_a_while_erases_and_expires_nothing(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await bob.say(ana, "kept")
    await eventually(lambda: ana.texts() == ["kept"])
    await bob.stop()
    nodes.up.pop("bob")
    message = await ana.say(bob, "queued")
    before = await ana.node.store.events(0, 100, None)
    nodes.clock.jump(40 * DAY)
    await nodes.pass_by(EXPIRY, int(DISTRUST / EXPIRY) - 1)
    nodes.clock.jump(-40 * DAY)
    await nodes.pass_by(EXPIRY, 2 * ROUND)
    assert await ana.node.store.events(0, 100, None) == before
    assert await ana.state(message) == "queued"


def test_a_jump_costs_the_clock_its_trust_for_a_while_and_drift_does_not() -> None:
    clock = ManualClock()
    steadiness = Steadiness(clock)
    clock.jump(JUMP)
    assert steadiness.look()
    clock.jump(-JUMP - 1)
    assert not steadiness.look()
    clock.advance(DISTRUST - 1)
    assert not steadiness.look()
    clock.advance(1)
    assert steadiness.look()


def test_a_suspended_machine_is_no_jump_and_counts_as_time_that_went_by() -> None:
    clock = ManualClock()
    steadiness = Steadiness(clock)
    clock.suspend(8 * 3600)
    assert steadiness.look()
    clock.jump(JUMP + 1)
    assert not steadiness.look()
    clock.suspend(DISTRUST)
    assert steadiness.look()
