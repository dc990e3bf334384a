"""Links between nodes: what a strange node may do to one, and accounts that live on the same node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api import OtherNode, StreamClosed, Unreachable
from mepassad.api.node_id import node_id_from_key
from mepassad.api.transport import Stream
from mepassad.api.types import NodeId
from mepassad.builtin.transport_memory.transport import MemoryTransport
from mepassad.delivery.limits import Limits
from mepassad.delivery.links import Links
from mepassad.delivery.loopback import HIGH_WATER, Loopback
from mepassad.delivery.router import STRANGER_PATIENCE, WATCH
from mepassad.delivery.worked import Worked
from mepassad.testing.clock import ManualClock
from mepassad.testing.component import Lines
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import Frame, Refusal
from mepassad.wire.packets import MESSAGE_PROTOCOL, Reason, pack_packet, parse_frame


@asynccontextmanager
async def stranger(nodes: Nodes, node: RunningNode) -> AsyncIterator[Stream]:
    """A stream of messages to a node, from a node that nobody knows."""
    node_id = node_id_from_key(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    async with anyio.create_task_group() as tasks:
        transport = MemoryTransport(nodes.network_name, node_id, tasks, Lines())
        await transport.listen()
        yield await transport.open(node.node_id, node.node.addresses(), MESSAGE_PROTOCOL)
        transport.leave()
        tasks.cancel_scope.cancel()


async def frames(stream: Stream, count: int) -> list[Frame]:
    splitter, found = Splitter(1 << 21), list[Frame]()
    with anyio.fail_after(30):
        while len(found) < count and (data := await stream.read()):
            found += [parse_frame(raw) for raw in splitter.feed(data)]
    return found


def junk_packet(size: int = 8) -> bytes:
    return pack_packet(bytes(32), bytes(32), bytes(16), bytes(size))


@pytest.mark.parametrize(
    "junk",
    [
        b"\xff" * 10,
        pack(b"\x0a\xff"),
        pack(Frame(acks=[b"short"]).SerializeToString()),
        pack(Frame(packets=[b"no packet"]).SerializeToString()),
        b"\xff\xff\xff\x7f",
    ],
    ids=["length", "frame", "ack", "packet", "too large"],
)
async def test_junk_ends_its_own_link_and_the_node_goes_on(nodes: Nodes, junk: bytes) -> None:
    ana, bob = await nodes.pair()
    async with stranger(nodes, ana) as stream:
        stream.write(junk)
        with anyio.fail_after(30):
            while await stream.read():
                pass
    await bob.say(ana, "still here")
    await eventually(lambda: ana.texts() == ["still here"])
    assert len(ana.core.router.links.all()) >= 1


async def test_a_node_that_is_not_reached_is_one_line_in_the_log_until_it_is_reached_again(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    links, log = ana.core.router.links, Lines()
    links._log = log
    ((node, addresses),) = ana.contact(bob).nodes.items()
    for times in (1, 2):
        nodes.cut(ana, bob)
        for _ in range(3):
            with pytest.raises(Unreachable):
                await links.stream(NodeId(node), addresses, MESSAGE_PROTOCOL)
        nodes.heal(ana, bob)
        assert [line for _, line, _ in log.lines].count("a node was not reached") == times
        (await links.stream(NodeId(node), addresses, MESSAGE_PROTOCOL)).abort()


async def test_an_empty_frame_and_acks_of_nothing_are_harmless(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    async with stranger(nodes, ana) as stream:
        stream.write(pack(b""))
        stream.write(pack(Frame(acks=[bytes(32)], refusals=[Refusal(packet=bytes(32), reason=99)]).SerializeToString()))
        stream.write(pack(Frame(packets=[junk_packet()]).SerializeToString()))
        (answer,) = await frames(stream, 1)
    assert [refusal.reason for refusal in answer.refusals] == [Reason.UNKNOWN_DEVICE]


async def test_who_sends_faster_than_the_rate_is_not_read_until_time_went_by(nodes: Nodes) -> None:
    ana = await nodes.start("ana", delivery__packet_rate=10, delivery__packet_burst=20)
    async with stranger(nodes, ana) as stream:
        for _ in range(2):
            stream.write(pack(Frame(packets=[junk_packet(n) for n in range(1, 31)]).SerializeToString()))
        (answer,) = await frames(stream, 1)
        assert len(answer.refusals) == 30  # the burst of 20 and 10 more: a second's worth to wait
        await eventually(lambda: any(0 < wait <= 1 for wait in nodes.clock.waits))
        nodes.clock.advance(1)
        (answer,) = await frames(stream, 1)
        assert len(answer.refusals) == 30


async def test_who_reads_no_answers_is_hung_up_on_in_time(nodes: Nodes) -> None:
    ana = await nodes.start("ana", delivery__stall_timeout=0.2)
    question = pack(Frame(packets=[junk_packet() for _ in range(1000)]).SerializeToString())

    async def ask_on(stream: Stream) -> None:
        stream.write(question * 20)  # whose answers are more than wait on a stream
        while True:
            stream.write(pack(b""))
            await anyio.sleep(0.01)

    async with stranger(nodes, ana) as stream:
        with anyio.fail_after(30), pytest.raises(StreamClosed):
            await ask_on(stream)
    async with stranger(nodes, ana) as stream:
        stream.write(pack(Frame(packets=[junk_packet()]).SerializeToString()))
        assert len((await frames(stream, 1))[0].refusals) == 1


async def test_a_link_that_takes_nothing_for_half_a_minute_is_ended(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.tap.meddle = lambda passed: () if passed.sender == bob.node_id else (passed.frame,)
    await ana.say(bob, "hello?")
    await eventually(lambda: bob.texts() == ["hello?"])
    (link,) = [link for link in ana.core.router.links.all() if link.stalled() or link.window]
    nodes.clock.advance(30)
    assert not link.stalled()
    nodes.clock.advance(1)
    assert link.stalled()
    await nodes.in_time(lambda: link.closed)


async def test_contacts_are_online_while_there_is_a_link_and_it_is_told_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.cut(ana, bob)
    await eventually(lambda: len(ana.facts("contact.offline")) == len(bob.facts("contact.offline")) == 1)
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: len(ana.facts("contact.online")) == 2)
    assert ana.facts("contact.online")[0] == {"account": ana.account, "contact": bob.account}
    nodes.cut(ana, bob)
    await eventually(lambda: len(ana.facts("contact.offline")) == 2)


async def test_typing_is_told_to_who_is_online_and_never_kept(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.node.outbox.typing(ana.account, bob.account, True)
    await eventually(lambda: len(bob.facts("typing")) == 1)
    assert bob.facts("typing")[0]["active"] is True
    assert await ana.owes(bob) == 0
    nodes.cut(ana, bob)
    await eventually(lambda: len(ana.facts("contact.offline")) == 1)
    await ana.node.outbox.typing(ana.account, bob.account, False)
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: len(bob.facts("contact.online")) == 2)
    await ana.say(bob, "done")
    await nodes.in_time(lambda: bob.texts() == ["done"])
    assert len(bob.facts("typing")) == 1


# -- within one node


async def test_two_accounts_of_one_node_talk_without_a_network(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    core, ana = node.core, node.account
    bot, _ = await core.accounts.create("Bot", "bot")
    uri, _ = await core.invites.create(ana, 1, 3600)
    await core.invites.accept(bot.id, uri)
    await nodes.in_time(lambda: core.contacts.get(bot.id, ana).state == "accepted")
    assert core.contacts.get(ana, bot.id).kind == "bot"
    for n in range(3):
        await core.outbox.submit(ana, bot.id, f"to {n}")
        await core.outbox.submit(bot.id, ana, f"from {n}")
    await eventually(lambda: len(node.facts("message.delivered")) == 6)
    received = [(fact["account"], fact["text"]) for fact in node.facts("message.received")]
    assert [text for account, text in received if account == bot.id] == ["to 0", "to 1", "to 2"]
    assert [text for account, text in received if account == ana] == ["from 0", "from 1", "from 2"]
    assert nodes.tap.passed == []


async def test_the_loopback_reaches_only_its_own_node_and_its_protocols() -> None:
    async with anyio.create_task_group() as tasks:
        loopback = Loopback(NodeId("me"), tasks)
        with pytest.raises(Unreachable):
            await loopback.open(NodeId("me"), (), "/test/1")

        async def echo(stream: Stream) -> None:
            while data := await stream.read():
                stream.write(data)
                await stream.drain()

        loopback.handle("/test/1", echo)
        with pytest.raises(Unreachable):
            await loopback.open(NodeId("you"), (), "/test/1")
        stream = await loopback.open(NodeId("me"), (), "/test/1")
        stream.write(b"hi")
        assert await stream.read() == b"hi"
        stream.write(b"last words")
        await stream.close()
        with pytest.raises(StreamClosed):
            stream.write(b"too late")
        assert await stream.read() in (b"", b"last words")
        assert not loopback.can_dial("/memory/x")
        assert loopback.addresses() == ()
        tasks.cancel_scope.cancel()


class Unreached:
    """A transport that reaches nobody, and keeps whom it was asked for."""

    def __init__(self, failure: Exception) -> None:
        self.failure, self.asked = failure, list[tuple[NodeId, list[str]]]()

    def can_dial(self, address: str) -> bool:
        return False

    async def open(self, peer: NodeId, addresses: list[str], protocol: str) -> Stream:
        self.asked.append((peer, addresses))
        raise self.failure


async def test_a_transport_is_asked_for_a_node_without_address_for_it_may_have_discovered_one() -> None:
    first, second = Unreached(OtherNode(node="another")), Unreached(StreamClosed())
    transports: Any = (first, second)
    peer: Any = None
    store: Any = None
    worked = Worked(store, ManualClock(), Lines())
    links = Links(transports, peer, ManualClock(), Lines(), Limits(8, 1024, 10, 20, 30, 1 << 20), worked)
    with pytest.raises(OtherNode):
        await links.open({"node": ["/ip4/198.51.100.7/tcp/1"]})
    assert first.asked == second.asked == [("node", [])]


async def test_a_handler_that_fails_ends_its_own_stream_only() -> None:
    async with anyio.create_task_group() as tasks:
        loopback = Loopback(NodeId("me"), tasks)

        async def fail(stream: Stream) -> None:
            raise ZeroDivisionError

        loopback.handle("/test/1", fail)
        for _ in range(2):
            stream = await loopback.open(NodeId("me"), (), "/test/1")
            assert await stream.read() == b""
        tasks.cancel_scope.cancel()


async def test_a_writer_waits_for_a_reader_who_does_not_read() -> None:
    async with anyio.create_task_group() as tasks:
        loopback, streams = Loopback(NodeId("me"), tasks), list[Stream]()
        release = anyio.Event()

        async def hold(stream: Stream) -> None:
            streams.append(stream)
            await release.wait()

        loopback.handle("/test/1", hold)
        stream = await loopback.open(NodeId("me"), (), "/test/1")
        stream.write(bytes(HIGH_WATER + 1))
        with anyio.move_on_after(0.05) as waited:
            await stream.drain()
        assert waited.cancelled_caught
        assert len(await streams[0].read()) == HIGH_WATER + 1
        with anyio.fail_after(10):
            await stream.drain()
        tasks.cancel_scope.cancel()


async def test_a_stranger_with_nothing_to_say_keeps_no_link_and_a_contact_keeps_its_own(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    async with stranger(nodes, bob) as stream:
        await eventually(lambda: any(link.node != ana.node_id for link in bob.core.router.links.all()))
        nodes.clock.advance(STRANGER_PATIENCE + 2 * WATCH)
        with anyio.fail_after(30):
            assert await stream.read() == b""
    assert bob.core.router.online(bob.contact(ana))
