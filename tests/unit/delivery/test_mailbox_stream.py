"""A stream to a mailbox node that lies, is silent, or is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.node_id import node_id_from_key
from mepassad.builtin.transport_memory.stream import MemoryStream
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.errors import MailboxRefused, StreamClosed, Unreachable
from mepassad.testing.clock import ManualClock
from mepassad.testing.nodes import eventually
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.mailbox import MAX_FRAME, MAX_ITEMS
from mepassad.wire.messages_pb2 import MailboxAnswer, MailboxEnvelope, MailboxHello, MailboxRequest
from mepassad.wire.seal import MAX_ENVELOPE

PATIENCE = 10.0
NODE, CLIENT = node_id_from_key(bytes(range(32))), node_id_from_key(bytes(range(1, 33)))
HELLO = MailboxHello(challenge=bytes(32), max_envelope=5000, max_hours=24, max_items=4)
BOX = Ed25519PrivateKey.generate()
NUMBER = BOX.public_key().public_bytes_raw()

Play = Callable[[MailboxRequest], list[MailboxAnswer]]


class Node:
    """A mailbox node that a test plays: what it answers to each request."""

    def __init__(self) -> None:
        self.near, self.far = MemoryStream.pair(CLIENT, NODE, "")
        self.clock, self.asked = ManualClock(), list[MailboxRequest]()
        self.play: Play = lambda request: [MailboxAnswer(id=request.id)]

    def say(self, *answers: MailboxAnswer) -> None:
        self.far.write(b"".join(pack(one.SerializeToString()) for one in answers))

    async def run(self) -> None:
        splitter = Splitter(MAX_FRAME)
        while data := await self.far.read():
            for raw in splitter.feed(data):
                self.asked.append(MailboxRequest.FromString(raw))
                self.say(*self.play(self.asked[-1]))


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
async def mailbox(node: Node) -> AsyncIterator[MailboxStream]:
    node.far.write(pack(HELLO.SerializeToString()))
    stream = await MailboxStream.opened(node.near, node.clock, PATIENCE)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(node.run)
        tasks.start_soon(stream.run)
        yield stream
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        pack(b"\xff"),
        b"\xff" * 6,
        pack(MailboxHello(challenge=bytes(31), max_items=1).SerializeToString()),
        pack(MailboxHello(challenge=bytes(32), max_items=0).SerializeToString()),
        pack(HELLO.SerializeToString()) * 2,
    ],
    ids=["nothing", "junk", "no length", "a short challenge", "no items", "two hellos"],
)
async def test_whoever_does_not_say_hello_is_no_mailbox(node: Node, said: bytes) -> None:
    node.far.write(said)
    await node.far.close()
    with pytest.raises(Unreachable):
        await MailboxStream.opened(node.near, node.clock, PATIENCE)
    with pytest.raises(StreamClosed):
        node.near.write(b"?")


async def test_whoever_says_nothing_is_waited_for_only_so_long(node: Node) -> None:
    with pytest.raises(Unreachable):
        await MailboxStream.opened(node.near, node.clock, 0.05)


async def test_what_a_node_says_of_itself_is_believed_within_bounds(node: Node) -> None:
    most = 2**32 - 1
    hello = MailboxHello(challenge=bytes(32), max_envelope=most, max_hours=most, max_items=most)
    node.far.write(pack(hello.SerializeToString()))
    limits = (await MailboxStream.opened(node.near, node.clock, PATIENCE)).limits
    assert (limits.max_envelope, limits.max_items) == (MAX_ENVELOPE, MAX_ITEMS)


async def test_many_items_are_asked_in_portions_that_the_node_takes(node: Node, mailbox: MailboxStream) -> None:
    node.play = lambda request: [MailboxAnswer(id=request.id, refusals=[2] * len(request.put.numbers))]
    assert await mailbox.put([bytes([number]) * 32 for number in range(9)], b"x", 1) == [2] * 9
    assert [len(request.put.numbers) for request in node.asked] == [4, 4, 1]
    assert [request.id for request in node.asked] == [1, 2, 3]


async def test_answers_may_come_in_any_order(node: Node, mailbox: MailboxStream) -> None:
    node.play = lambda request: []
    taken: dict[int, bytes | None] = {}

    async def take(number: int) -> None:
        taken[number] = await mailbox.take(bytes([number]) * 32)

    async with anyio.create_task_group() as tasks:
        for number in range(3):
            tasks.start_soon(take, number)
        await eventually(lambda: len(node.asked) == 3)
        for request in reversed(node.asked):
            node.say(MailboxAnswer(id=request.id, blob=request.take.number[:1] + b"."))
    assert taken == {number: bytes([number]) + b"." for number in range(3)}


@pytest.mark.parametrize("cursors", [[1, 1], [2, 1], [0], [7, 6, 8]])
async def test_a_node_whose_cursors_do_not_grow_is_left(node: Node, mailbox: MailboxStream, cursors: list[int]) -> None:
    envelopes = [MailboxEnvelope(sealed=b"x", cursor=cursor) for cursor in cursors]
    node.play = lambda request: [MailboxAnswer(id=request.id, envelopes=envelopes)]
    with pytest.raises(Unreachable):
        await mailbox.fetch(BOX, 0, 10)
    with pytest.raises(StreamClosed):
        await mailbox.fetch(BOX, 0, 10)


async def test_a_node_that_hands_out_more_than_was_asked_for_is_left(node: Node, mailbox: MailboxStream) -> None:
    envelopes = [MailboxEnvelope(sealed=b"x", cursor=cursor) for cursor in range(1, 4)]
    node.play = lambda request: [MailboxAnswer(id=request.id, envelopes=envelopes)]
    assert len(await mailbox.fetch(BOX, 0, 3)) == 3
    with pytest.raises(Unreachable):
        await mailbox.fetch(BOX, 0, 2)


@pytest.mark.parametrize("left", [[], [1, 2]])
async def test_a_node_that_answers_for_more_or_fewer_boxes_is_left(
    node: Node, mailbox: MailboxStream, left: list[int]
) -> None:
    node.play = lambda request: [MailboxAnswer(id=request.id, left=left)]
    with pytest.raises(Unreachable):
        await mailbox.open([BOX])


async def test_an_envelope_has_the_id_of_its_bytes_whatever_the_node_says(node: Node, mailbox: MailboxStream) -> None:
    envelope = MailboxEnvelope(sealed=b"junk", cursor=1, expires_at=500_000)
    node.play = lambda request: [MailboxAnswer(id=request.id, envelopes=[envelope])]
    (found,) = await mailbox.fetch(BOX, 0, 10)
    assert found.id.hex().startswith("ef875a17")  # SHA-256 of `junk`
    assert found.expires_at == 500_000 * 3600


async def test_a_request_that_is_not_answered_ends_the_stream(node: Node, mailbox: MailboxStream) -> None:
    node.play = lambda request: []
    failures: list[BaseException] = []

    async def take() -> None:
        with pytest.raises(Unreachable) as failed:
            await mailbox.take(NUMBER)
        failures.append(failed.value)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take)
        await eventually(lambda: len(node.asked) == 1)
        node.clock.advance(PATIENCE)
        await anyio.wait_all_tasks_blocked()
        node.clock.advance(PATIENCE)
    assert len(failures) == 1


async def test_what_is_asked_when_the_stream_ends_fails(node: Node, mailbox: MailboxStream) -> None:
    node.play = lambda request: []
    async with anyio.create_task_group() as tasks:

        async def take() -> None:
            with pytest.raises(StreamClosed):
                await mailbox.take(NUMBER)

        tasks.start_soon(take)
        await eventually(lambda: len(node.asked) == 1)
        node.far.abort()
    with pytest.raises(StreamClosed):
        await mailbox.open([BOX])


@pytest.mark.parametrize("junk", [pack(b"\xff"), b"\xff" * 6])
async def test_junk_ends_the_stream(node: Node, mailbox: MailboxStream, junk: bytes) -> None:
    node.play = lambda request: []
    async with anyio.create_task_group() as tasks:

        async def take() -> None:
            with pytest.raises(StreamClosed):
                await mailbox.take(NUMBER)

        tasks.start_soon(take)
        await eventually(lambda: len(node.asked) == 1)
        node.far.write(junk)


async def test_answers_that_nobody_waits_for_are_passed_over(node: Node, mailbox: MailboxStream) -> None:
    node.say(MailboxAnswer(id=77), MailboxAnswer(id=1, blob=b"too early"))
    told: list[bytes] = []
    mailbox.news = told.append
    node.say(MailboxAnswer(news=[NUMBER] * (MAX_ITEMS + 1)))
    await eventually(lambda: len(told) == MAX_ITEMS)
    node.play = lambda request: [MailboxAnswer(id=request.id, refusal=99), MailboxAnswer(id=request.id, blob=b"late")]
    with pytest.raises(MailboxRefused) as refused:
        await mailbox.take(NUMBER)
    assert refused.value.data == {"reason": 99}


async def test_a_caller_that_went_away_does_not_keep_the_others_waiting(node: Node, mailbox: MailboxStream) -> None:
    node.play = lambda request: []
    with anyio.move_on_after(0.01):
        await mailbox.take(NUMBER)
    node.play = lambda request: [MailboxAnswer(id=1, blob=b"to nobody"), MailboxAnswer(id=request.id, blob=b"mine")]
    assert await mailbox.take(NUMBER) == b"mine"
