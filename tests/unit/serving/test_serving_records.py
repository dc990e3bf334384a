"""A mailbox node as a directory: what it keeps, what it refuses, how much of it, and who finds whom by it."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.mailbox import Kept
from mepassad.api.types import NodeId
from mepassad.errors import StoreFull
from mepassad.serving import records
from mepassad.serving.records import NODES, RATES, REQUESTS, RecordServer
from mepassad.testing.clock import ManualClock
from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import DirectoryReply, DirectoryRequest, Whereabouts
from mepassad.wire.records import DIRECTORY_PROTOCOL, LIFE, Kind, RecordRefusal, check_record, record_key, write_record

OWNER = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
KEY = record_key(Kind.ADDRESSES, OWNER.public_key().public_bytes_raw())
ASKER, STRANGER = NodeId("asker"), NodeId("stranger")


class Shelf:
    """Records in memory, as a mailbox keeps them; 3 at most."""

    def __init__(self) -> None:
        self.kept: dict[bytes, Kept] = {}

    async def keep_record(self, key: bytes, record: Kept) -> bool:
        if key not in self.kept and len(self.kept) >= 3:
            raise StoreFull
        if key in self.kept and self.kept[key].version >= record.version:
            return False
        self.kept[key] = record
        return True

    async def record(self, key: bytes) -> Kept | None:
        return self.kept.get(key)


def served(clock: ManualClock) -> tuple[RecordServer, Shelf]:
    shelf = Shelf()
    check = lambda key, value: check_record(key, value, int(clock.now()))  # noqa: E731
    return RecordServer(lambda: shelf, lambda node: node != STRANGER, check, clock), shelf


def value(version: float, owner: Ed25519PrivateKey = OWNER) -> bytes:
    return write_record(Kind.ADDRESSES, owner, bytes(32), Whereabouts(), int(version), bytes(12))


def put(record: bytes, key: bytes = KEY) -> DirectoryRequest:
    return DirectoryRequest(key=key, record=record)


async def test_the_highest_version_is_kept_until_its_life_is_over() -> None:
    clock = ManualClock()
    server, shelf = served(clock)
    now = clock.now()
    assert await server.answer(ASKER, DirectoryRequest(key=KEY)) == DirectoryReply()
    assert await server.answer(ASKER, put(value(now))) == DirectoryReply()
    older = await server.answer(ASKER, put(value(now - 1)))
    assert (older.refusal, older.record) == (RecordRefusal.OLDER, value(now))
    assert await server.answer(ASKER, put(value(now + 1))) == DirectoryReply()
    assert (await server.answer(ASKER, DirectoryRequest(key=KEY))).record == value(now + 1)
    assert shelf.kept[KEY].expires_at == now + 1 + LIFE
    clock.advance(LIFE + 2)
    assert await server.answer(ASKER, DirectoryRequest(key=KEY)) == DirectoryReply()


async def test_records_are_kept_for_those_who_are_admitted_and_found_by_everybody() -> None:
    clock = ManualClock()
    server, shelf = served(clock)
    record = value(clock.now())
    assert await server.answer(STRANGER, put(record)) == DirectoryReply(refusal=RecordRefusal.BUSY)
    assert shelf.kept == {}
    assert await server.answer(ASKER, put(record)) == DirectoryReply()
    assert await server.answer(STRANGER, DirectoryRequest(key=KEY)) == DirectoryReply(record=record)


async def test_what_is_no_record_is_not_kept() -> None:
    clock = ManualClock()
    server, shelf = served(clock)
    good = value(clock.now())
    other = record_key(Kind.CARD, OWNER.public_key().public_bytes_raw())
    for request in (put(b"junk"), put(good[:-1] + b"\0"), put(good, other), put(value(clock.now() + 90_000))):
        assert (await server.answer(ASKER, request)).refusal == RecordRefusal.INVALID
    assert shelf.kept == {}


async def test_a_full_shelf_refuses_and_forgets_nothing() -> None:
    clock = ManualClock()
    server, shelf = served(clock)
    for number in range(1, 5):
        owner = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))
        key = record_key(Kind.ADDRESSES, owner.public_key().public_bytes_raw())
        reply = await server.answer(ASKER, put(value(clock.now(), owner), key))
        assert reply.refusal == (0 if number < 4 else RecordRefusal.BUSY)
    assert KEY in shelf.kept


@pytest.mark.parametrize("what", [0, 1])
async def test_a_node_may_ask_so_often_in_a_minute_and_others_are_not_held_up(what: int) -> None:
    clock = ManualClock()
    server, _ = served(clock)
    request = put(value(clock.now())) if what == 0 else DirectoryRequest(key=KEY)
    refusals = [(await server.answer(ASKER, request)).refusal for _ in range(RATES[what] + 1)]
    assert RecordRefusal.BUSY not in refusals[:-1]
    assert refusals[-1] == RecordRefusal.BUSY
    assert (await server.answer(NodeId("another"), request)).refusal != RecordRefusal.BUSY
    clock.advance(60)
    assert (await server.answer(ASKER, request)).refusal != RecordRefusal.BUSY


async def test_of_how_many_nodes_requests_are_counted_is_bounded() -> None:
    clock = ManualClock()
    server, _ = served(clock)
    for number in range(NODES + 1):
        await server.answer(NodeId(str(number)), DirectoryRequest(key=KEY))
    assert len(server._counts) == NODES


async def test_a_stream_has_so_many_requests_and_junk_ends_it(nodes: Nodes) -> None:
    ana, server = await nodes.start("ana"), await nodes.start("server")
    serve(server, nodes)
    asked = [pack(DirectoryRequest(key=KEY).SerializeToString())] * (REQUESTS + 5)
    assert await _answers(ana, server, asked) == REQUESTS
    assert await _answers(ana, server, [pack(b"\xff\xff")]) == 0
    assert await _answers(ana, server, [b"\xff" * 9]) == 0
    assert await _answers(ana, server, [b"\xff\x7f"]) == 0  # a frame above the limit


async def _answers(ana: RunningNode, server: RunningNode, frames: Sequence[bytes]) -> int:
    """How many answers come before the server ends the stream."""
    hints = server.node.hints()
    stream = await ana.core.router.links.stream(server.node_id, hints[server.node_id], DIRECTORY_PROTOCOL)
    stream.write(b"".join(frames))
    splitter, count = Splitter(8192), 0
    while data := await stream.read():
        count += len(splitter.feed(data))
    return count


def serve(node: RunningNode, nodes: Nodes) -> Shelf:
    """Let a node keep records for others."""
    server, shelf = served(nodes.clock)
    for transport in node.node.transports:
        transport.handle(DIRECTORY_PROTOCOL, server.serve)
    return shelf


class Slow:
    """A stream that brings a byte now and then, or whole requests of which no answer is read."""

    peer = ASKER

    def __init__(self, deaf: bool) -> None:
        self._deaf, self._bytes = deaf, iter(b"\x64" + bytes(100))
        self.aborted = False

    async def read(self) -> bytes:
        await anyio.sleep(0.02)
        return pack(DirectoryRequest(key=KEY).SerializeToString()) if self._deaf else bytes([next(self._bytes)])

    def write(self, data: bytes) -> None:
        pass

    async def drain(self) -> None:
        await anyio.sleep_forever()

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize("deaf", [False, True])
async def test_who_asks_byte_by_byte_or_reads_no_answer_is_left_in_time(
    deaf: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PATIENCE", 0.1)
    stream = Slow(deaf)
    with anyio.fail_after(1):
        await served(ManualClock())[0].serve(stream)  # type: ignore[arg-type]
    assert stream.aborted


async def test_peers_that_both_moved_find_each_other_at_a_mailbox_node(nodes: Nodes) -> None:
    await nodes.pair()
    for name in ("ana", "bob"):
        await nodes.up.pop(name).stop()
    elsewhere = {"transport_memory__name": f"{nodes.network_name}-moved"}
    server = await nodes.start("server", **elsewhere)
    shelf = serve(server, nodes)
    ana, bob = await nodes.start("ana", **elsewhere), await nodes.start("bob", **elsewhere)
    for node in (ana, bob):
        node.core.lookup.directories.own = lambda: server.node.hints()
        node.core.lookup.publisher.hurry()
    await nodes.in_time(lambda: len(shelf.kept) == 2)
    await ana.say(bob, "here")
    await nodes.in_time(lambda: bob.texts() == ["here"])
