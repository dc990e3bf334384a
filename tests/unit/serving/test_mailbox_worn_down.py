"""What strangers can cost a mailbox node: memory, places, disk and time, each no more than a bound."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

import anyio
import pytest

from mepassad.api.mailbox import ROW, MailboxReason
from mepassad.delivery.limits import Pace
from mepassad.errors import MailboxBusy, MailboxClosed, MailboxNotAdmitted, MailboxTooLarge
from mepassad.serving import mailbox, mailbox_session, takes
from mepassad.serving.mailbox_session import Session
from mepassad.serving.takes import Takes
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.framing import pack
from mepassad.wire.mailbox import MAX_ITEMS, MAX_PUT
from mepassad.wire.messages_pb2 import MailboxAck, MailboxAnswer, MailboxPut, MailboxRequest, MailboxTake
from tests.unit.serving.asking import Box, asking
from tests.unit.serving.test_mailbox_pressure import Slow, slow
from tests.unit.serving.test_mailbox_under_attack import Raw, ana, server

__all__ = ["ana", "server", "slow"]


def streams(node: RunningNode) -> int:
    """How many streams to the mailbox there are."""
    return node.node.stats()["roles"]["mailbox"]["streams"]  # type: ignore[index,no-any-return]


@pytest.fixture
def living(monkeypatch: pytest.MonkeyPatch) -> set[Session]:
    """The streams that are dealt with, counted or not."""
    found, run = set[Session](), Session.run

    async def counted(self: Session) -> None:
        found.add(self)
        try:
            await run(self)
        finally:
            found.remove(self)

    monkeypatch.setattr(Session, "run", counted)
    return found


@pytest.mark.parametrize("number", [b"", bytes(31), bytes(33), os.urandom(1_400_000)], ids=["0", "31", "33", "many"])
async def test_a_number_that_is_none_is_refused_and_nothing_of_it_stays(
    server: RunningNode, ana: RunningNode, number: bytes
) -> None:
    raw = await Raw.to(server, ana)
    closed = MailboxReason.CLOSED
    taken = await raw.ask(MailboxRequest(id=1, take=MailboxTake(number=number)))
    assert taken == MailboxAnswer(id=1, refusal=closed)
    put = MailboxPut(numbers=[bytes(32), number], sealed=b"x", hours=1)
    assert await raw.ask(MailboxRequest(id=2, put=put)) == MailboxAnswer(id=2, refusal=closed)
    assert not vars(server.node.roles.mailbox._takes)["_known"]  # type: ignore[union-attr]


async def test_asking_for_blobs_of_boxes_that_do_not_exist_is_not_counted_by_box(
    nodes: Nodes, server: RunningNode, ana: RunningNode
) -> None:
    async with asking(nodes, ana, server) as stream:
        for _ in range(5):
            with pytest.raises(MailboxClosed):
                await stream.take(os.urandom(32))
    assert not vars(server.node.roles.mailbox._takes)["_known"]  # type: ignore[union-attr]


def test_a_drained_box_is_not_forgiven_because_others_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takes, "BOXES", 3)
    pace = Takes(Pace(rate=1, burst=2))
    assert [pace.may(b"drained", 0) for _ in range(3)] == [True, True, False]
    assert [pace.may(other, 0) for other in (b"a", b"b", b"c", b"d")] == [True, True, False, False]
    assert not pace.may(b"drained", 0.5)
    assert pace.may(b"c", 1)  # what is whole again makes room
    assert [pace.may(b"drained", 2) for _ in range(3)] == [True, True, False]


async def test_streams_that_wait_for_their_turn_end_when_newer_ones_come(
    nodes: Nodes, ana: RunningNode, living: set[Session]
) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__burst=1, mailbox__rate=1)
    for _ in range(3 * mailbox.STREAMS_OF_A_NODE):
        raw = await Raw.to(server, ana)
        put = MailboxPut(numbers=[bytes(32)] * MAX_ITEMS, sealed=b"x")
        for number in (1, 2):
            raw.stream.write(pack(MailboxRequest(id=number, put=put).SerializeToString()))
    await eventually(lambda: len(living) == streams(server) == mailbox.STREAMS_OF_A_NODE)


async def test_streams_are_ended_until_few_enough_is_unfinished(
    server: RunningNode, ana: RunningNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_UNFINISHED", 100_000)
    prefix = pack(bytes(1_000_000))[:60_000]
    raws = [await Raw.to(server, ana) for _ in range(4)]
    for raw in raws:
        raw.stream.write(prefix)  # all are read before one that is ended has left
    await eventually(lambda: streams(server) == 1)
    assert server.node.roles.mailbox.unfinished == len(prefix)  # type: ignore[union-attr]


def _acks(count: int) -> MailboxRequest:
    return MailboxRequest(id=1, ack=MailboxAck(ids=[b""] * count))


def _puts(count: int) -> MailboxRequest:
    return MailboxRequest(id=1, put=MailboxPut(numbers=[b""] * count, sealed=b"x"))


@pytest.mark.parametrize("many", [_acks, _puts])
async def test_a_request_with_far_too_many_items_ends_its_stream_and_leaves_no_debt(
    nodes: Nodes, server: RunningNode, ana: RunningNode, many: Callable[[int], MailboxRequest]
) -> None:
    raw = await Raw.to(server, ana)
    assert await raw.ask(many(700_000)) is None
    async with asking(nodes, ana, server) as stream:
        assert await stream.open([Box().key]) == [0]


async def test_a_request_counts_by_its_items(nodes: Nodes, ana: RunningNode) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__burst=5, mailbox__rate=1)
    raw = await Raw.to(server, ana)
    refused = MailboxAnswer(id=1, refusal=MailboxReason.UNSIGNED)
    assert await raw.ask(_acks(6)) == refused
    raw.stream.write(pack(MailboxRequest(id=2).SerializeToString()))
    await anyio.wait_all_tasks_blocked()
    nodes.clock.advance(mailbox_session.FORGED)
    await anyio.wait_all_tasks_blocked()
    allowance = server.node.roles.mailbox.requests_of(ana.node_id)  # type: ignore[union-attr]
    assert allowance.debt(nodes.clock.monotonic()) == pytest.approx(1)  # 6 items, and one whose signature is bad


async def test_what_one_node_has_under_way_to_the_disk_is_bounded_and_counts_for_each_box(
    nodes: Nodes, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "ARRIVING_OF_A_NODE", 2000)
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    bob, box = await nodes.start("bob", roles="[]"), Box()
    async with asking(nodes, ana, server) as stream, asking(nodes, bob, server) as theirs:
        await stream.open([box.key])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stream.put, [box.number] * 3, bytes(1000), 1)
            await eventually(lambda: slow.begun == 1)
            with pytest.raises(MailboxBusy), anyio.fail_after(5):
                await stream.put([box.number], b"hello", 1)
            tasks.start_soon(theirs.put, [box.number], b"hello", 1)
            await eventually(lambda: slow.begun == 2)
            slow.go.set()
        assert await stream.put([box.number], b"again", 1) == [0]


async def test_what_was_read_with_junk_behind_it_does_not_count_for_ever(server: RunningNode, ana: RunningNode) -> None:
    raw = await Raw.to(server, ana)
    put = MailboxRequest(id=1, put=MailboxPut(numbers=[bytes(32)], sealed=b"x"))
    raw.stream.write(pack(put.SerializeToString()) + pack(b"\xff"))
    assert await raw.frame() is None
    await eventually(lambda: streams(server) == 0)
    assert not server.node.roles.mailbox._arriving  # type: ignore[union-attr]


async def test_one_envelope_is_written_into_so_many_boxes_at_once_as_its_size_allows(
    nodes: Nodes, server: RunningNode, ana: RunningNode
) -> None:
    raw, sealed = await Raw.to(server, ana), bytes(MAX_PUT // 8)
    for number, count in ((1, 8), (2, 9)):
        answer = await raw.ask(
            MailboxRequest(id=number, put=MailboxPut(numbers=[bytes(32)] * count, sealed=sealed, hours=1))
        )
        assert answer is not None
        assert answer.refusal == (MailboxReason.TOO_LARGE if count == 9 else 0)
    async with asking(nodes, ana, server) as stream:  # which does it in portions
        assert await stream.put([bytes(32)] * 9, sealed, 1) == [MailboxReason.CLOSED] * 9
        with pytest.raises(MailboxTooLarge):
            await stream.put([bytes(32)], bytes(1_048_626), 1)


async def test_one_node_fills_its_own_share_and_others_have_room(nodes: Nodes, ana: RunningNode) -> None:
    share = 1 << 17
    server = await nodes.start("server", roles="[mailbox]", mailbox__node_bytes=share)
    bob, boxes, his = await nodes.start("bob", roles="[]"), [Box() for _ in range(4)], Box()
    async with asking(nodes, ana, server) as stream, asking(nodes, bob, server) as theirs:
        await theirs.open([his.key])
        await stream.open([box.key for box in boxes])
        size = share // 2 - 3 * ROW
        full = MailboxReason.FULL
        assert await stream.put([box.number for box in boxes], bytes(size), 1) == [0, 0, full, full]
        assert await stream.put([his.number], bytes(size), 1) == [0]


async def test_only_open_boxes_are_watched_by_those_who_may_open_them(nodes: Nodes, ana: RunningNode) -> None:
    bob = await nodes.start("bob", roles="[]")
    server = await nodes.start("server", roles="[mailbox]", mailbox__admit="list", mailbox__list=f"[{bob.node_id}]")
    box = Box()
    async with asking(nodes, ana, server) as stranger, asking(nodes, bob, server) as owner:
        with pytest.raises(MailboxNotAdmitted):
            await stranger.watch([box.key])
        with pytest.raises(MailboxClosed):
            await owner.watch([box.key])
        await owner.open([box.key])
        await owner.watch([box.key])
        assert server.node.stats()["roles"]["mailbox"]["watched"] == 1  # type: ignore[index]


async def test_boxes_opened_at_once_are_not_more_than_one_after_the_other(nodes: Nodes, ana: RunningNode) -> None:
    server = await nodes.start("server", roles="[mailbox]", mailbox__new_boxes=3)
    opened: list[int] = []

    async with asking(nodes, ana, server) as stream:

        async def open_two() -> None:
            with suppress(MailboxBusy):
                opened.extend(await stream.open([Box().key, Box().key]))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(open_two)
        assert len(opened) == 2
        assert await stream.open([Box().key]) == [0]


async def test_what_is_durable_is_news_though_its_sender_left(nodes: Nodes, slow: Slow) -> None:
    server, ana = await nodes.start("server", roles="[mailbox]"), await nodes.start("ana", roles="[]")
    bob, box, news = await nodes.start("bob", roles="[]"), Box(), list[bytes]()
    async with asking(nodes, bob, server) as owner:
        owner.news = news.append
        await owner.open([box.key])
        await owner.watch([box.key])
        raw = await Raw.to(server, ana)
        put = MailboxPut(numbers=[box.number], sealed=b"hello", hours=9)
        raw.stream.write(pack(MailboxRequest(id=1, put=put).SerializeToString()))
        await eventually(lambda: slow.begun == 1)
        raw.stream.abort()
        await anyio.wait_all_tasks_blocked()
        slow.go.set()
        await eventually(lambda: news == [box.number])
        assert len(await owner.fetch(box.key, 0, 10)) == 1


async def test_what_lies_there_already_is_no_news(nodes: Nodes, server: RunningNode, ana: RunningNode) -> None:
    box, other, news = Box(), Box(), list[bytes]()
    async with asking(nodes, ana, server) as stream:
        stream.news = news.append
        await stream.open([box.key, other.key])
        await stream.watch([box.key, other.key])
        await stream.put([box.number], b"the same", 1)
        await eventually(lambda: news == [box.number])
        assert await stream.put([box.number], b"the same", 1) == [0]
        await stream.put([other.number], b"another", 1)
        await eventually(lambda: len(news) > 1)
        assert news == [box.number, other.number]
