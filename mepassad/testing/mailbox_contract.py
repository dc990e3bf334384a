"""What every mailbox must do: subclass `MailboxContract` in a test module of your plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from mepassad.api import MailboxClosed
from mepassad.api.mailbox import LIES_THERE, ROW, Deposit, Kept, Mailbox, MailboxReason
from mepassad.testing.mailbox_contract_quotas import BlobContract, QuotaContract, RecordContract
from mepassad.testing.mailbox_contract_tools import (
    BOX,
    BOXES,
    DAY,
    LATER,
    NOW,
    OPENER,
    OTHER,
    QUOTAS,
    ROOM,
    MakeMailbox,
    bodies,
    counts,
    id_of,
    opened,
    put,
)


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


class MailboxContract(_Fixture, EnvelopeContract, QuotaContract, BlobContract, RecordContract, TimeContract):
    """All of it."""
