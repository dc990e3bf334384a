"""What every mailbox must do: subclass `MailboxContract` in a test module of your plugin."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import anyio
import pytest

from mepassad.api import MailboxBusy, MailboxClosed, MailboxFull
from mepassad.api.mailbox import LIES_THERE, ROW, Deposit, Kept, Mailbox, MailboxReason, Quotas

QUOTAS = Quotas(
    boxes=4,
    bytes=10_000 + 8 * ROW,  # of 4 boxes with 4 envelopes
    opener_bytes=1 << 20,
    box_bytes=3_000,
    box_envelopes=5,
    box_blobs=3,
    box_blob_bytes=100,
    records=2,
    record_bytes=100 + 2 * ROW,
)
NOW, DAY = 1_800_000_000, 86_400
LATER = NOW + 14 * DAY
OPENER = b"ana"
BOXES = [bytes([number]) * 32 for number in range(1, 7)]
BOX, OTHER = BOXES[0], BOXES[1]
ROOM = 1 << 20  # bytes of a fetch

MakeMailbox: TypeAlias = Callable[[Quotas], AbstractAsyncContextManager[Mailbox]]
"""Opens the mailbox of this test; a second call, after the first was left, opens the same data again."""


async def opened(mailbox: Mailbox, *numbers: bytes) -> None:
    await mailbox.open(OPENER, numbers or (BOX,), NOW, len(numbers) or 1)


async def bodies(mailbox: Mailbox, number: bytes = BOX) -> list[bytes]:
    return [one.sealed for one in await mailbox.fetch(number, 0, 100, ROOM)]


async def put(mailbox: Mailbox, numbers: Sequence[bytes], sealed: bytes, expires_at: int) -> Sequence[int]:
    (refusals,) = await mailbox.put([Deposit(numbers, sealed, expires_at)])
    return refusals


def id_of(sealed: bytes) -> bytes:
    return hashlib.sha256(sealed).digest()


class _Fixture:
    """Gives tests the fixture `mailbox`; the subclass must give the fixture `make_mailbox`, a `MakeMailbox`."""

    @pytest.fixture
    async def mailbox(self, make_mailbox: MakeMailbox) -> AsyncIterator[Mailbox]:
        """An empty mailbox with small quotas."""
        async with make_mailbox(QUOTAS) as mailbox:
            yield mailbox


class EnvelopeContract:
    """Putting, fetching, deleting."""

    async def test_envelopes_are_fetched_in_the_order_in_which_they_came(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        for sealed in (b"one", b"two", b"three"):
            assert await put(mailbox, [BOX], sealed, LATER) == [0]
        one, two, three = await mailbox.fetch(BOX, 0, 100, ROOM)
        assert (one.id, one.sealed, one.expires_at) == (id_of(b"one"), b"one", LATER)
        assert 0 < one.cursor < two.cursor < three.cursor
        assert await mailbox.fetch(BOX, one.cursor, 100, ROOM) == [two, three]
        assert await mailbox.fetch(BOX, 0, 2, ROOM) == [one, two]
        assert await mailbox.fetch(BOX, three.cursor, 100, ROOM) == []
        assert await mailbox.fetch(BOX, 2**64 - 1, 100, ROOM) == []

    async def test_a_fetch_ends_once_it_has_as_many_bytes_as_it_may(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        for number in range(4):
            await put(mailbox, [BOX], bytes([number]) * 100, LATER)
        for room, count in ((1, 1), (100, 1), (101, 2), (200, 2), (201, 3), (ROOM, 4)):
            assert len(await mailbox.fetch(BOX, 0, 100, room)) == count

    async def test_one_envelope_goes_into_many_boxes_and_each_says_for_itself(self, mailbox: Mailbox) -> None:
        await opened(mailbox, BOX, OTHER)
        assert await put(mailbox, [BOX, BOXES[2], OTHER], b"all", LATER) == [0, MailboxReason.CLOSED, 0]
        await mailbox.ack(BOX, [id_of(b"all")])
        assert (await bodies(mailbox), await bodies(mailbox, OTHER)) == ([], [b"all"])

    async def test_many_deposits_at_once_are_as_many_after_each_other(self, mailbox: Mailbox) -> None:
        await opened(mailbox, BOX, OTHER)
        deposits = [
            Deposit([BOX], b"one", LATER),
            Deposit([BOXES[2]], b"none", LATER),
            Deposit([OTHER, BOX], b"two", LATER),
        ]
        assert await mailbox.put(deposits) == [[0], [MailboxReason.CLOSED], [0, 0]]
        assert (await bodies(mailbox), await bodies(mailbox, OTHER)) == ([b"one", b"two"], [b"two"])
        assert await mailbox.put([]) == []

    async def test_the_same_bytes_lie_in_a_box_once(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        assert await put(mailbox, [BOX, BOX], b"one", LATER) == [0, LIES_THERE]
        assert await put(mailbox, [BOX], b"one", LATER + DAY) == [LIES_THERE]
        (only,) = await mailbox.fetch(BOX, 0, 100, ROOM)
        assert only.expires_at == LATER

    async def test_an_ack_deletes_what_it_names_of_that_box_and_nothing_else(self, mailbox: Mailbox) -> None:
        await opened(mailbox, BOX, OTHER)
        for sealed in (b"one", b"two"):
            await put(mailbox, [BOX, OTHER], sealed, LATER)
        await mailbox.ack(BOX, [id_of(b"one"), id_of(b"one"), id_of(b"none"), b"", bytes(1000)])
        assert (await bodies(mailbox), await bodies(mailbox, OTHER)) == ([b"two"], [b"one", b"two"])
        await mailbox.ack(BOX, [])

    async def test_cursors_go_on_after_what_was_acked(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        await put(mailbox, [BOX], b"one", LATER)
        (one,) = await mailbox.fetch(BOX, 0, 100, ROOM)
        await mailbox.ack(BOX, [one.id])
        await put(mailbox, [BOX], b"two", LATER)
        (two,) = await mailbox.fetch(BOX, one.cursor, 100, ROOM)
        assert two.cursor > one.cursor

    async def test_a_box_that_was_never_opened_or_is_closed_has_nothing(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        await put(mailbox, [BOX], b"one", LATER)
        await mailbox.publish(BOX, [b"key"], b"last", False)
        await mailbox.close(BOX)
        await mailbox.close(BOX)
        for number in (BOX, OTHER, b"", bytes(1000)):
            assert await put(mailbox, [number], b"two", LATER) == [MailboxReason.CLOSED]
            assert await mailbox.holds([number]) == [False]
            with pytest.raises(MailboxClosed):
                await mailbox.fetch(number, 0, 1, ROOM)
            with pytest.raises(MailboxClosed):
                await mailbox.ack(number, [])
            with pytest.raises(MailboxClosed):
                await mailbox.publish(number, [], b"", False)
            with pytest.raises(MailboxClosed):
                await mailbox.take(number, True)
        assert await mailbox.open(OPENER, [BOX], NOW, 1) == ([0], 1)
        assert await mailbox.holds([OTHER, BOX]) == [False, True]
        assert await bodies(mailbox) == []
        assert await mailbox.take(BOX, True) is None


class QuotaContract:
    """A full mailbox refuses, and what it has stays."""

    async def test_boxes_are_opened_all_or_none_as_long_as_there_is_room(self, mailbox: Mailbox) -> None:
        assert await mailbox.open(OPENER, [*BOXES[:3], BOX], NOW, 3) == ([0, 0, 0, 0], 3)
        with pytest.raises(MailboxFull):
            await mailbox.open(OPENER, BOXES[2:5], NOW, 9)
        assert await mailbox.open(OPENER, BOXES[2:4], NOW, 1) == ([0, 0], 1)
        assert mailbox.stats()["boxes"] == 4

    async def test_no_more_new_boxes_are_opened_than_allowed(self, mailbox: Mailbox) -> None:
        with pytest.raises(MailboxBusy):
            await mailbox.open(OPENER, BOXES[:3], NOW, 2)
        assert await mailbox.open(OPENER, BOXES[:2], NOW, 2) == ([0, 0], 2)
        assert await mailbox.open(OPENER, BOXES[:2], NOW, 0) == ([0, 0], 0)

    async def test_a_box_takes_envelopes_up_to_its_number_and_again_once_some_are_gone(self, mailbox: Mailbox) -> None:
        await opened(mailbox, BOX, OTHER)
        for number in range(5):
            assert await put(mailbox, [BOX], bytes([number]), LATER) == [0]
        assert await put(mailbox, [BOX, OTHER], b"six", LATER) == [MailboxReason.FULL, 0]
        assert await put(mailbox, [BOX], bytes([4]), LATER) == [LIES_THERE]  # a retry of what lies there is no news
        await mailbox.ack(BOX, [id_of(bytes([0]))])
        assert await put(mailbox, [BOX], b"six", LATER) == [0]

    async def test_a_box_takes_bytes_up_to_its_quota(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        assert await put(mailbox, [BOX], bytes(3_001), LATER) == [MailboxReason.FULL]
        assert await put(mailbox, [BOX], bytes(2_999), LATER) == [0]
        assert await put(mailbox, [BOX], b"12", LATER) == [MailboxReason.FULL]
        assert await put(mailbox, [BOX], b"1", LATER) == [0]

    async def test_all_boxes_together_take_bytes_up_to_the_quota(self, mailbox: Mailbox) -> None:
        await opened(mailbox, *BOXES[:4])
        for number in BOXES[:3]:
            assert await put(mailbox, [number], bytes(3_000), LATER) == [0]
        assert await put(mailbox, [BOXES[3]], bytes(1_001), LATER) == [MailboxReason.FULL]
        assert await put(mailbox, [BOXES[3]], bytes(1_000), LATER) == [0]
        with pytest.raises(MailboxFull):
            await mailbox.publish(BOX, [b"1"], b"", False)
        assert mailbox.stats()["bytes"] == QUOTAS.bytes
        await mailbox.close(BOX)
        assert await put(mailbox, [BOXES[3]], bytes(2_000), LATER) == [0]

    async def test_each_row_counts_so_that_small_envelopes_do_not_fill_the_disk(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        await put(mailbox, [BOX], b"one", LATER)
        await mailbox.publish(BOX, [b"a"], b"last", False)
        assert mailbox.stats()["bytes"] == len(b"onealast") + 3 * ROW
        await mailbox.take(BOX, True)
        await mailbox.ack(BOX, [id_of(b"one")])
        assert mailbox.stats()["bytes"] == len(b"last") + ROW

    async def test_the_boxes_that_one_node_opened_hold_so_much_together_and_others_have_room(
        self, make_mailbox: MakeMailbox
    ) -> None:
        quotas = QUOTAS._replace(opener_bytes=1_000 + 4 * ROW)
        async with make_mailbox(quotas) as mailbox:
            await mailbox.open(OPENER, [BOX, OTHER], NOW, 2)
            await mailbox.open(b"bob", [BOXES[2]], NOW, 1)
            assert await put(mailbox, [BOX, OTHER], bytes(600), LATER) == [0, MailboxReason.FULL]
            assert await put(mailbox, [BOXES[2]], bytes(1_000), LATER) == [0]
        async with make_mailbox(quotas) as mailbox:  # a restart forgets none of it
            assert await put(mailbox, [OTHER], bytes(401), LATER) == [MailboxReason.FULL]
            await mailbox.open(b"bob", [BOX], NOW, 0)  # it counts for whoever opened it last
            assert await put(mailbox, [BOX, OTHER], bytes(401), LATER) == [MailboxReason.FULL, 0]
            await mailbox.close(OTHER)
            await mailbox.open(OPENER, [OTHER], NOW, 1)
            assert await put(mailbox, [OTHER], bytes(1_000), LATER) == [0]

    async def test_blobs_are_taken_up_to_their_number_and_bytes(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        assert await mailbox.publish(BOX, [b"a", b"b"], b"last", False) == 2
        with pytest.raises(MailboxFull):
            await mailbox.publish(BOX, [b"c", b"d"], b"", False)
        with pytest.raises(MailboxFull):
            await mailbox.publish(BOX, [bytes(95)], b"", False)
        assert await mailbox.publish(BOX, [bytes(94)], b"", False) == 3
        assert await mailbox.publish(BOX, [b"x"], b"", True) == 1
        with pytest.raises(MailboxFull):
            await mailbox.publish(BOX, [], bytes(100), False)
        assert await mailbox.publish(BOX, [], bytes(99), False) == 1
        assert mailbox.stats()["bytes"] == 100 + 2 * ROW


class BlobContract:
    """Blobs for whoever asks."""

    async def test_each_one_time_blob_goes_out_once_the_oldest_first_then_the_last_resort(
        self, mailbox: Mailbox
    ) -> None:
        await opened(mailbox)
        assert await mailbox.take(BOX, True) is None
        assert await mailbox.publish(BOX, [b"a", b"b"], b"last", False) == 2
        assert await mailbox.take(BOX, False) == b"last"
        assert await mailbox.publish(BOX, [b"c"], b"", False) == 3
        assert await mailbox.open(OPENER, [BOX], NOW, 0) == ([3], 0)
        assert [await mailbox.take(BOX, True) for _ in range(5)] == [b"a", b"b", b"c", b"last", b"last"]

    async def test_many_who_ask_at_once_get_different_blobs(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        await mailbox.publish(BOX, [b"a", b"b", b"c"], b"last", False)
        taken: list[bytes | None] = []

        async def take() -> None:
            taken.append(await mailbox.take(BOX, True))

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(take)
        assert sorted(one or b"" for one in taken) == [b"a", b"b", b"c", b"last", b"last", b"last"]

    async def test_blobs_are_replaced_where_the_owner_says_so(self, mailbox: Mailbox) -> None:
        await opened(mailbox, BOX, OTHER)
        await mailbox.publish(OTHER, [b"other"], b"", False)
        await mailbox.publish(BOX, [b"a", b"b"], b"last", False)
        assert await mailbox.publish(BOX, [b"c"], b"newer", True) == 1
        assert [await mailbox.take(BOX, True) for _ in range(2)] == [b"c", b"newer"]
        assert await mailbox.publish(BOX, [], b"", True) == 0
        assert await mailbox.take(BOX, True) == b"newer"
        assert await mailbox.take(OTHER, True) == b"other"

    async def test_envelopes_and_blobs_of_a_box_do_not_mix(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        await mailbox.publish(BOX, [b"a"], b"", False)
        await put(mailbox, [BOX], b"one", LATER)
        await mailbox.publish(BOX, [b"b"], b"", False)
        await put(mailbox, [BOX], b"two", LATER)
        assert await bodies(mailbox) == [b"one", b"two"]
        assert [await mailbox.take(BOX, True) for _ in range(3)] == [b"a", b"b", None]


class RecordContract:
    """Records of a directory."""

    async def test_the_highest_version_of_a_record_is_kept(self, mailbox: Mailbox) -> None:
        assert await mailbox.record(b"key") is None
        for record, kept in (
            (Kept(b"two", 2, LATER), True),
            (Kept(b"one", 1, LATER), False),
            (Kept(b"another two", 2, LATER), False),
            (Kept(b"two", 2, LATER + 1), True),
            (Kept(b"three", 3, LATER), True),
        ):
            assert await mailbox.keep_record(b"key", record) is kept
        assert await mailbox.record(b"key") == Kept(b"three", 3, LATER)

    async def test_there_are_no_more_records_than_the_quota(self, mailbox: Mailbox) -> None:
        for key in (b"a", b"b"):
            assert await mailbox.keep_record(key, Kept(key, 1, LATER))
        with pytest.raises(MailboxFull):
            await mailbox.keep_record(b"c", Kept(b"c", 1, LATER))
        assert await mailbox.keep_record(b"a", Kept(b"newer", 2, LATER))
        assert await mailbox.expire(LATER, 0) == 2
        assert await mailbox.keep_record(b"c", Kept(b"c", 1, LATER))

    async def test_records_have_bytes_of_their_own(self, mailbox: Mailbox) -> None:
        await opened(mailbox)
        assert await mailbox.keep_record(b"a", Kept(bytes(60), 1, LATER))
        with pytest.raises(MailboxFull):
            await mailbox.keep_record(b"b", Kept(bytes(41), 1, LATER))
        assert await mailbox.keep_record(b"b", Kept(bytes(40), 1, LATER))
        with pytest.raises(MailboxFull):
            await mailbox.keep_record(b"a", Kept(bytes(61), 2, LATER))
        assert await mailbox.keep_record(b"a", Kept(bytes(59), 2, LATER))
        assert mailbox.stats()["bytes"] == ROW


class TimeContract:
    """What goes by time, and what stays."""

    async def test_what_expired_goes_and_what_has_not_stays(self, mailbox: Mailbox) -> None:
        await opened(mailbox, BOX, OTHER)
        for number, sealed, after in ((BOX, b"a", 10), (BOX, b"b", 20), (OTHER, b"c", 10)):
            await put(mailbox, [number], sealed, NOW + after)
        await mailbox.keep_record(b"key", Kept(b"value", 1, NOW + 10))
        assert await mailbox.expire(NOW + 9, 0) == 0
        assert await mailbox.expire(NOW + 10, 0) == 3
        assert (await bodies(mailbox), await bodies(mailbox, OTHER)) == ([b"b"], [])
        assert await mailbox.record(b"key") is None
        stats = mailbox.stats()
        assert (stats["boxes"], stats["envelopes"], stats["bytes"], stats["records"]) == (2, 1, 1 + 3 * ROW, 0)

    async def test_a_box_goes_that_its_owner_has_not_opened_for_long(self, mailbox: Mailbox) -> None:
        await opened(mailbox, BOX, OTHER)
        await put(mailbox, [BOX, OTHER], b"one", NOW + 300 * DAY)
        await mailbox.open(OPENER, [OTHER], NOW + 50 * DAY, 0)
        assert await mailbox.expire(NOW, NOW) == 0
        assert await mailbox.expire(NOW + 91 * DAY, NOW + DAY) == 1
        assert await put(mailbox, [BOX, OTHER], b"two", LATER) == [MailboxReason.CLOSED, 0]
        assert await bodies(mailbox, OTHER) == [b"one", b"two"]

    async def test_a_restart_keeps_everything(self, make_mailbox: MakeMailbox) -> None:
        async with make_mailbox(QUOTAS) as mailbox:
            await opened(mailbox, BOX, OTHER)
            for sealed in (b"one", b"two"):
                await put(mailbox, [BOX, OTHER], sealed, LATER)
            await mailbox.ack(BOX, [id_of(b"one")])
            await mailbox.publish(BOX, [b"a", b"b"], b"last", False)
            assert await mailbox.take(BOX, True) == b"a"
            await mailbox.keep_record(b"key", Kept(b"value", 7, LATER))
            before = await mailbox.fetch(BOX, 0, 100, ROOM)
            counted = counts(mailbox)
        async with make_mailbox(QUOTAS) as mailbox:
            assert counts(mailbox) == counted
            assert await mailbox.fetch(BOX, 0, 100, ROOM) == before
            assert await bodies(mailbox, OTHER) == [b"one", b"two"]
            assert [await mailbox.take(BOX, True) for _ in range(2)] == [b"b", b"last"]
            assert await mailbox.record(b"key") == Kept(b"value", 7, LATER)
            for number in range(5):
                await put(mailbox, [BOX], bytes([number]), LATER)
            assert mailbox.stats()["envelopes"] == 7  # a box that was full before is as full after


def counts(mailbox: Mailbox) -> Sequence[int]:
    """What is in the mailbox by number."""
    stats = mailbox.stats()
    return [stats[name] for name in ("boxes", "envelopes", "bytes", "records")]


class MailboxContract(_Fixture, EnvelopeContract, QuotaContract, BlobContract, RecordContract, TimeContract):
    """All of it."""
