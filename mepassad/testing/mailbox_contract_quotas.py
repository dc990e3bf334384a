"""What every mailbox must hold and refuse: quotas, blobs, records. Part of `mepassad.testing.mailbox_contract`."""

from __future__ import annotations

import anyio
import pytest

from mepassad.api import MailboxBusy, MailboxFull
from mepassad.api.mailbox import LIES_THERE, ROW, Kept, Mailbox, MailboxReason
from mepassad.testing.mailbox_contract_tools import (
    BOX,
    BOXES,
    LATER,
    NOW,
    OPENER,
    OTHER,
    QUOTAS,
    MakeMailbox,
    bodies,
    id_of,
    opened,
    put,
)


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
