"""What a mailbox node does with requests that are forged, replayed, junk, too many or too large."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable, Callable

import anyio
import pytest

from mepassad.api.mailbox import MailboxReason
from mepassad.api.transport import Stream
from mepassad.delivery.mailbox_stream import MailboxLimits
from mepassad.errors import MailboxBusy, MailboxFull, MailboxRefused, MailboxTooLarge, StreamClosed
from mepassad.serving import answers, mailbox
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.mailbox import MAX_BLOB, MAX_FRAME, MAX_ITEMS, Listener, Operation, fetched
from mepassad.wire.messages_pb2 import (
    MailboxAnswer,
    MailboxFetch,
    MailboxHello,
    MailboxOwner,
    MailboxPut,
    MailboxRequest,
)
from tests.unit.serving.asking import Box, asking, dialled


def ended(stream: Stream) -> bool:
    try:
        stream.write(b"")
    except StreamClosed:
        return True
    return False


class Raw:
    """A stream on which a test says what it likes."""

    def __init__(self, stream: Stream, server: RunningNode) -> None:
        self.stream, self._splitter, self._frames = stream, Splitter(MAX_FRAME), list[bytes]()
        self._server, self.hello = server, MailboxHello()

    @classmethod
    async def to(cls, server: RunningNode, client: RunningNode) -> Raw:
        stream = await dialled(client, server)
        raw = cls(vars(stream)["_inner"], server)  # past the tap, which lets only whole frames through
        raw.hello = MailboxHello.FromString(await raw.frame() or b"")
        return raw

    async def frame(self) -> bytes | None:
        """The next frame; None at the end."""
        while not self._frames:
            with anyio.fail_after(20):
                if not (data := await self.stream.read()):
                    return None
            self._frames += self._splitter.feed(data)
        return self._frames.pop(0)

    async def ask(self, request: MailboxRequest) -> MailboxAnswer | None:
        """The answer; None where the node ended the stream."""
        self.stream.write(pack(request.SerializeToString()))
        raw = await self.frame()
        return None if raw is None else MailboxAnswer.FromString(raw)

    @property
    def listener(self) -> Listener:
        return Listener(self._server.node.key, self.hello.challenge)

    def opening(self, box: Box, identifier: int) -> MailboxRequest:
        """A request to open a box."""
        request = MailboxRequest(id=identifier)
        signature = self.listener.sign(box.key, Operation.OPEN, identifier, box.number, b"")
        request.open.boxes.append(MailboxOwner(number=box.number, signature=signature))
        return request

    def fetching(self, box: Box, identifier: int, listener: Listener | None = None) -> MailboxRequest:
        """A request for what lies in a box."""
        fetch = MailboxFetch(after=0, limit=10)
        signed = (listener or self.listener).sign(box.key, Operation.FETCH, identifier, box.number, fetched(fetch))
        fetch.box.CopyFrom(MailboxOwner(number=box.number, signature=signed))
        return MailboxRequest(id=identifier, fetch=fetch)


@pytest.fixture
async def server(nodes: Nodes) -> RunningNode:
    return await nodes.start("server", roles="[mailbox]")


@pytest.fixture
async def ana(nodes: Nodes) -> RunningNode:
    return await nodes.start("ana", roles="[]")


async def test_a_request_that_comes_again_ends_the_stream(server: RunningNode, ana: RunningNode) -> None:
    raw, box = await Raw.to(server, ana), Box()
    opening = raw.opening(box, 1)
    assert await raw.ask(opening) == MailboxAnswer(id=1, left=[0])
    assert await raw.ask(opening) is None


async def test_a_request_overheard_on_another_stream_is_refused(server: RunningNode, ana: RunningNode) -> None:
    heard, box = await Raw.to(server, ana), Box()
    await heard.ask(heard.opening(box, 1))
    mine = await Raw.to(server, ana)
    assert heard.hello.challenge != mine.hello.challenge
    answer = await mine.ask(heard.fetching(box, 1))
    assert answer == MailboxAnswer(id=1, refusal=MailboxReason.UNSIGNED)


async def test_a_node_that_passes_on_anothers_challenge_gets_nothing_for_it(nodes: Nodes, server: RunningNode) -> None:
    mallory = await nodes.start("mallory", roles="[]")
    raw, box = await Raw.to(server, mallory), Box()
    await raw.ask(raw.opening(box, 1))
    deceived = Listener(mallory.node.key, raw.hello.challenge)  # to whom its owner speaks, and with what it was shown
    answer = await raw.ask(raw.fetching(box, 2, deceived))
    assert answer == MailboxAnswer(id=2, refusal=MailboxReason.UNSIGNED)


def _cursor(request: MailboxRequest) -> None:
    request.fetch.after = 1


def _limit(request: MailboxRequest) -> None:
    request.fetch.limit = 11


def _number(request: MailboxRequest) -> None:
    request.fetch.box.number = Box().number


def _short(request: MailboxRequest) -> None:
    request.fetch.box.number = bytes(31)


def _nobody(request: MailboxRequest) -> None:
    request.fetch.ClearField("box")


@pytest.mark.parametrize("change", [_cursor, _limit, _number, _short, _nobody])
async def test_what_was_not_signed_for_is_refused(
    server: RunningNode, ana: RunningNode, change: Callable[[MailboxRequest], None]
) -> None:
    raw, box = await Raw.to(server, ana), Box()
    await raw.ask(raw.opening(box, 1))
    assert await raw.ask(raw.fetching(box, 2)) == MailboxAnswer(id=2)
    request = raw.fetching(box, 3)
    change(request)
    assert await raw.ask(request) == MailboxAnswer(id=3, refusal=MailboxReason.UNSIGNED)


async def test_one_forged_signature_among_many_refuses_all(server: RunningNode, ana: RunningNode) -> None:
    raw, boxes = await Raw.to(server, ana), [Box(), Box()]
    request = raw.opening(boxes[0], 1)
    request.open.boxes.add(number=boxes[1].number, signature=request.open.boxes[0].signature)
    assert await raw.ask(request) == MailboxAnswer(id=1, refusal=MailboxReason.UNSIGNED)
    assert await raw.ask(raw.fetching(boxes[0], 2)) == MailboxAnswer(id=2, refusal=MailboxReason.CLOSED)


async def test_an_operation_of_a_newer_version_is_refused_by_its_number(server: RunningNode, ana: RunningNode) -> None:
    raw = await Raw.to(server, ana)
    raw.stream.write(pack(b"\x08\x01\xaa\x06\x00"))  # id 1, and field 101
    assert MailboxAnswer.FromString(await raw.frame() or b"") == MailboxAnswer(id=1, refusal=MailboxReason.UNKNOWN)
    assert await raw.ask(MailboxRequest(id=2)) == MailboxAnswer(id=2, refusal=MailboxReason.UNKNOWN)


@pytest.mark.parametrize(
    "junk",
    [
        pack(b"\xff" * 9),
        pack(MailboxRequest(id=2).SerializeToString()),
        pack(b""),
        b"\xff" * 6,
        (MAX_FRAME + 1).to_bytes(3, "little") + b"\xff\xff",
    ],
    ids=["no request", "an id too high", "nothing", "no length", "too long"],
)
async def test_junk_ends_its_stream_and_nothing_else(
    nodes: Nodes, server: RunningNode, ana: RunningNode, junk: bytes
) -> None:
    box = Box()
    async with asking(nodes, ana, server) as other:
        await other.open([box.key])
        raw = await Raw.to(server, ana)
        raw.stream.write(junk)
        assert await raw.frame() is None
        assert await other.put([box.number], b"hello", 1) == [0]


async def test_random_requests_harm_nobody(nodes: Nodes, server: RunningNode, ana: RunningNode) -> None:
    rng = random.Random(4)
    valid = MailboxRequest(id=1, put=MailboxPut(numbers=[bytes(32)] * 3, sealed=bytes(50), hours=9)).SerializeToString()
    for _ in range(60):
        raw, damaged = await Raw.to(server, ana), bytearray(valid)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        raw.stream.write(pack(bytes(damaged)))
        await raw.stream.close()
    async with asking(nodes, ana, server) as mailbox:
        assert await mailbox.open([Box().key]) == [0]


@pytest.mark.parametrize("operation", ["open", "watch", "put", "ack"])
async def test_a_request_with_more_than_256_items_ends_its_stream(
    nodes: Nodes, server: RunningNode, ana: RunningNode, operation: str
) -> None:
    many, box = [Box() for _ in range(MAX_ITEMS + 1)], Box()
    async with asking(nodes, ana, server) as stream:
        await stream.open([box.key, *(one.key for one in many)])
        assert stream.limits.max_items == MAX_ITEMS
        stream.limits = MailboxLimits(10**6, 336, MAX_ITEMS + 1, False)
        ask: Callable[[int], Awaitable[object]] = {
            "open": lambda count: stream.open([one.key for one in many[:count]]),
            "watch": lambda count: stream.watch([one.key for one in many[:count]]),
            "put": lambda count: stream.put([bytes(32)] * count, b"hello", 1),
            "ack": lambda count: stream.ack(box.key, [bytes(32)] * count),
        }[operation]
        await ask(MAX_ITEMS)
        with pytest.raises(StreamClosed):
            await ask(MAX_ITEMS + 1)


async def test_a_blob_has_a_size_and_is_not_empty(nodes: Nodes, ana: RunningNode) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__box_blobs=1000)
    box = Box()
    async with asking(nodes, ana, server) as stream:
        await stream.open([box.key])
        for one_time, last in (
            ([bytes(MAX_BLOB + 1)], b""), ([], bytes(MAX_BLOB + 1)), ([b""], b"x"),
        ):  # fmt: skip
            with pytest.raises(MailboxTooLarge):
                await stream.publish(box.key, one_time, last)
        assert await stream.publish(box.key, [b"x"] * (MAX_ITEMS - 1), b"") == MAX_ITEMS - 1
        assert await stream.publish(box.key, [bytes(MAX_BLOB)], bytes(MAX_BLOB), replace=True) == 1
        assert await stream.take(box.number) == bytes(MAX_BLOB)
        with pytest.raises(StreamClosed):
            await stream.publish(box.key, [b"x"] * MAX_ITEMS, b"")


async def test_a_node_watches_so_many_boxes_over_all_its_streams(
    nodes: Nodes, server: RunningNode, ana: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "WATCHED_BY_A_NODE", 3)
    monkeypatch.setattr(mailbox, "WATCHED", 4)
    bob, boxes = await nodes.start("bob", roles="[]"), [Box().key for _ in range(5)]
    async with asking(nodes, ana, server) as stream, asking(nodes, bob, server) as theirs:
        await stream.open(boxes)
        await stream.watch(boxes[:2])
        async with asking(nodes, ana, server) as another:
            await another.watch(boxes[1:2])
            for one in (stream, another):
                with pytest.raises(MailboxFull):
                    await one.watch(boxes[2:3])
        await eventually(lambda: server.node.stats()["roles"]["mailbox"]["streams"] == 2)  # type: ignore[index]
        await stream.watch(boxes[:3])
        await theirs.watch(boxes[2:4])
        with pytest.raises(MailboxBusy):
            await theirs.watch(boxes[4:])
    await eventually(lambda: server.node.stats()["roles"]["mailbox"]["watched"] == 0)  # type: ignore[index]


async def test_a_node_that_asks_too_much_waits_and_others_do_not(nodes: Nodes, ana: RunningNode) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__burst=5, mailbox__rate=1)
    bob, box, other = await nodes.start("bob", roles="[]"), Box(), Box()
    answered: list[int] = []
    async with asking(nodes, ana, server) as stream, asking(nodes, bob, server) as theirs:
        await stream.open([box.key])

        async def put(number: int) -> None:
            await stream.put([box.number, box.number], bytes([number]), 1)
            answered.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(put, number)
            await eventually(lambda: len(answered) == 3)  # 1 + 3 * 2 are two more than there may be at once
            await theirs.open([other.key])
            assert len(answered) == 3
            nodes.clock.advance(1)
            await theirs.put([other.number], b"hello", 1)
            assert len(answered) == 3
            nodes.clock.advance(1)
    assert sorted(answered) == [0, 1, 2, 3]


async def test_one_time_blobs_are_handed_out_slowly_and_nobody_may_ask_for_all_of_them(
    nodes: Nodes, ana: RunningNode
) -> None:
    limits = {"mailbox__takes": 2, "mailbox__takes_hourly": 1, "mailbox__asks": 5, "mailbox__asks_hourly": 3600}
    server = await nodes.start("server", roles="[mailbox]", **limits)
    box, bob = Box(), await nodes.start("bob", roles="[]")
    async with asking(nodes, ana, server) as stream, asking(nodes, bob, server) as theirs:
        await stream.open([box.key])
        await stream.publish(box.key, [b"1", b"2", b"3"], b"last")
        assert [await stream.take(box.number) for _ in range(3)] == [b"1", b"2", b"last"]
        assert await theirs.take(box.number) == b"last"
        nodes.clock.advance(3600)
        assert [await theirs.take(box.number) for _ in range(5)] == [b"3", b"last", b"last", b"last", b"last"]
        with pytest.raises(MailboxBusy):
            await theirs.take(box.number)
        assert await stream.take(box.number) == b"last"
        nodes.clock.advance(1)
        assert await theirs.take(box.number) == b"last"


async def test_a_node_opens_only_so_many_new_boxes(nodes: Nodes, ana: RunningNode) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__new_boxes=2, mailbox__new_boxes_hourly=1)
    boxes, bob = [Box() for _ in range(4)], await nodes.start("bob", roles="[]")
    async with asking(nodes, ana, server) as stream, asking(nodes, bob, server) as theirs:
        await stream.open([box.key for box in boxes[:2]])
        await stream.open([box.key for box in boxes[:2]])
        with pytest.raises(MailboxBusy):
            await stream.open([boxes[0].key, boxes[2].key])
        await theirs.open([boxes[3].key])
        nodes.clock.advance(3600)
        await stream.open([boxes[0].key, boxes[2].key])


async def test_ten_thousand_boxes_opened_at_once_keep_nobody_else_waiting(nodes: Nodes, ana: RunningNode) -> None:
    server = await nodes.start("server", roles="[mailbox]")
    bob, box = await nodes.start("bob", roles="[]"), Box()
    keys = [Box().key for _ in range(10_000)]
    opened: list[int] = []
    async with asking(nodes, ana, server) as many, asking(nodes, bob, server) as one:
        await one.open([box.key])

        async def open_all() -> None:
            opened.extend(await many.open(keys))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(open_all)
            for number in range(20):
                assert await one.put([box.number], bytes([number]), 1) == [0]
            assert not opened
        assert len(opened) == 10_000
        with pytest.raises(MailboxBusy):
            await many.open([Box().key])


async def test_a_fifth_stream_of_a_node_ends_its_first(nodes: Nodes, server: RunningNode, ana: RunningNode) -> None:
    streams = [await Raw.to(server, ana) for _ in range(mailbox.STREAMS_OF_A_NODE)]
    fifth = await Raw.to(server, ana)
    assert await streams[0].frame() is None
    for stream in (*streams[1:], fifth):
        assert await stream.ask(MailboxRequest(id=1)) is not None


async def test_a_node_that_does_not_read_its_answers_is_left(
    nodes: Nodes, server: RunningNode, ana: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "UNREAD", 0.2)
    raw, box = await Raw.to(server, ana), Box()
    await raw.ask(raw.opening(box, 1))
    async with asking(nodes, ana, server) as stream:
        for _ in range(4):
            await stream.put([box.number], os.urandom(200_000), 1)
    for number in range(2, 20):
        raw.stream.write(pack(raw.fetching(box, number).SerializeToString()))
    await eventually(lambda: ended(raw.stream))


async def test_of_those_who_leave_requests_unfinished_the_one_with_most_goes(
    nodes: Nodes, server: RunningNode, ana: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_UNFINISHED", 100_000)
    large, small = await Raw.to(server, ana), await Raw.to(server, ana)
    prefix = pack(bytes(1_000_000))
    large.stream.write(prefix[:60_000])
    small.stream.write(prefix[:39_000])
    assert (await (await Raw.to(server, ana)).ask(MailboxRequest(id=1))) is not None
    small.stream.write(prefix[39_000:41_000])
    assert await large.frame() is None
    small.stream.write(prefix[41_000:60_000])
    async with asking(nodes, ana, server) as stream:
        with pytest.raises(MailboxRefused):
            await stream.take(bytes(32))
