"""The part of the store's contract about delivery: the outbox, sessions and keys, packet ids, receipts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mepassad.api import Duplicate
from mepassad.api.store import Due, Store
from mepassad.api.types import NodeId
from mepassad.api.writes import (
    AddOutgoing,
    AddQuarantined,
    AddSkipped,
    DropContact,
    DropKeys,
    DropOutgoing,
    DropOutgoingOf,
    DropQuarantined,
    DropReceipts,
    DropSession,
    DropSkipped,
    MarkSeen,
    NoteDeposits,
    OweReceipt,
    PutContact,
    PutKeys,
    PutSession,
    ReplaceOutgoing,
    SetOutgoing,
)
from mepassad.testing.store_rows import (
    ANA,
    EVA,
    RUI,
    a_contact,
    a_key,
    a_quarantined,
    a_receipt,
    a_session,
    an_outgoing,
    commit,
    message_id,
)

HERE, THERE = NodeId("node here"), NodeId("node there")


async def owed(store: Store) -> list[bytes]:
    """Ids of what Ana owes to Rui, in order."""
    return [row.id for row in await store.outgoing(ANA, RUI, 0, 100)]


class OutboxContract:
    """Outbox rows."""

    async def test_what_is_owed_comes_in_the_order_it_was_added_after_a_number(self, store: Store) -> None:
        for number in (3, 1, 2):
            await commit(store, AddOutgoing(an_outgoing(number)))
        await commit(store, AddOutgoing(an_outgoing(4, contact=EVA)), AddOutgoing(an_outgoing(5, account=EVA)))
        rows = await store.outgoing(ANA, RUI, 0, 10)
        assert [row.id for row in rows] == [b"packet 3", b"packet 1", b"packet 2"]
        assert [row.id for row in await store.outgoing(ANA, RUI, rows[0].seq, 1)] == [b"packet 1"]
        assert set(await store.outgoing_contacts()) == {(ANA, RUI), (ANA, EVA), (EVA, RUI)}

    async def test_an_outbox_row_keeps_every_field(self, store: Store) -> None:
        row = an_outgoing(1, state="sent", attempts=3, next_at=7, expires_at=8)
        await commit(store, AddOutgoing(row))
        (kept,) = await store.outgoing(ANA, RUI, 0, 9)
        assert kept.seq > 0
        assert replace(kept, seq=0) == row

    async def test_a_packet_is_owed_once_an_account(self, store: Store) -> None:
        await commit(store, AddOutgoing(an_outgoing(1)), AddOutgoing(an_outgoing(1, account=EVA)))
        with pytest.raises(Duplicate):
            await commit(store, AddOutgoing(an_outgoing(1, contact=EVA)))

    async def test_a_number_does_not_come_again_when_the_last_row_went(self, store: Store) -> None:
        await commit(store, AddOutgoing(an_outgoing(1)))
        (first,) = await store.outgoing(ANA, RUI, 0, 1)
        await commit(store, DropOutgoing(ANA, first.id))
        await commit(store, AddOutgoing(an_outgoing(2)))
        assert [row.id for row in await store.outgoing(ANA, RUI, first.seq, 1)] == [b"packet 2"]

    async def test_an_unprepared_row_is_replaced_by_packets(self, store: Store) -> None:
        await commit(store, AddOutgoing(an_outgoing(1, state="waiting", packet=b"", device=b"")))
        packets = (an_outgoing(2, device=b"phone"), an_outgoing(3, device=b"laptop"))
        await commit(store, ReplaceOutgoing(ANA, b"packet 1", packets))
        assert await owed(store) == [b"packet 2", b"packet 3"]

    async def test_a_try_is_noted(self, store: Store) -> None:
        await commit(store, AddOutgoing(an_outgoing(1)), AddOutgoing(an_outgoing(2)))
        await commit(store, SetOutgoing(ANA, b"packet 1", "sent", 2, 77))
        tried, other = await store.outgoing(ANA, RUI, 0, 9)
        assert (tried.state, tried.attempts, tried.next_at) == ("sent", 2, 77)
        assert (other.state, other.attempts, other.next_at) == ("ready", 0, 0)

    async def test_rows_are_dropped_by_message_and_device(self, store: Store) -> None:
        for number, device in ((1, b"phone"), (2, b"laptop"), (3, b"phone")):
            await commit(store, AddOutgoing(an_outgoing(number, device=device, message=message_id(1))))
        await commit(store, AddOutgoing(an_outgoing(4)), AddOutgoing(an_outgoing(5, message="")))
        await commit(store, DropOutgoingOf(ANA, message_id(1), b"phone"))
        assert await owed(store) == [b"packet 2", b"packet 4", b"packet 5"]
        await commit(store, DropOutgoingOf(ANA, message_id(1)))
        assert await owed(store) == [b"packet 4", b"packet 5"]

    async def test_rows_are_found_by_id(self, store: Store) -> None:
        await commit(store, *(AddOutgoing(an_outgoing(number)) for number in range(1_200)))
        wanted = [b"packet %d" % number for number in range(100, 1_300)]
        assert {row.id for row in await store.outgoing_by_id(ANA, wanted)} == set(wanted[:1_100])
        assert await store.outgoing_by_id(EVA, wanted) == []
        assert await store.outgoing_by_id(ANA, []) == []

    async def test_expired_rows_of_all_accounts_are_found(self, store: Store) -> None:
        await commit(store, *(AddOutgoing(an_outgoing(n, expires_at=n)) for n in range(5)))
        await commit(store, AddOutgoing(an_outgoing(9, account=EVA, expires_at=1)))
        assert {row.id for row in await store.expired_outgoing(2, 9)} == {b"packet 1", b"packet 2", b"packet 9"}
        assert len(await store.expired_outgoing(2, 1)) == 1


async def undeposited(store: Store, node: NodeId, now: int, noted_before: int = 0, after: int = 0) -> list[bytes]:
    """Ids of what Ana owes to Rui and a mailbox node is to take, in order."""
    return [row.id for row in await store.undeposited(ANA, RUI, node, Due(now, noted_before), after, 100)]


class DepositContract:
    """Notes of what mailbox nodes took."""

    async def test_what_has_a_packet_and_is_due_is_to_be_deposited_at_each_node(self, store: Store) -> None:
        await commit(store, AddOutgoing(an_outgoing(1, state="waiting", packet=b"")))
        await commit(store, *(AddOutgoing(an_outgoing(number, next_at=number)) for number in (3, 2, 4)))
        await commit(store, AddOutgoing(an_outgoing(5, contact=EVA)), AddOutgoing(an_outgoing(5, account=EVA)))
        assert await undeposited(store, HERE, 3) == [b"packet 3", b"packet 2"]
        await commit(store, NoteDeposits(ANA, HERE, (b"packet 3",), 10))
        assert await undeposited(store, HERE, 4) == [b"packet 2", b"packet 4"]
        assert await undeposited(store, THERE, 4) == [b"packet 3", b"packet 2", b"packet 4"]
        rows = await store.undeposited(ANA, RUI, THERE, Due(4, 0), 0, 2)
        assert await undeposited(store, THERE, 4, after=rows[-1].seq) == [b"packet 4"]

    async def test_a_note_counts_until_it_is_too_old_and_a_later_one_takes_its_place(self, store: Store) -> None:
        await commit(store, AddOutgoing(an_outgoing(1)))
        await commit(store, NoteDeposits(ANA, HERE, (b"packet 1",), 10))
        assert await undeposited(store, HERE, 99, noted_before=10) == []
        assert await undeposited(store, HERE, 99, noted_before=11) == [b"packet 1"]
        await commit(store, NoteDeposits(ANA, HERE, (b"packet 1",), 20))
        assert await undeposited(store, HERE, 99, noted_before=20) == []

    async def test_a_note_goes_with_its_row_whatever_drops_that(self, store: Store) -> None:
        ends = (
            DropOutgoing(ANA, b"packet 1"),
            DropOutgoingOf(ANA, message_id(1)),
            DropOutgoingOf(ANA, message_id(1), b"device"),
            ReplaceOutgoing(ANA, b"packet 1", ()),
            DropContact(ANA, RUI),
        )
        for end in ends:
            await commit(store, PutContact(a_contact(RUI)), AddOutgoing(an_outgoing(1)))
            await commit(store, NoteDeposits(ANA, HERE, (b"packet 1",), 10))
            await commit(store, end, NoteDeposits(ANA, HERE, (b"packet 1", b"unknown"), 10))
            await commit(store, AddOutgoing(an_outgoing(1)))
            assert await undeposited(store, HERE, 99) == [b"packet 1"], end
            await commit(store, DropOutgoing(ANA, b"packet 1"))


class KeyContract:
    """Sessions, skipped message keys, prekeys."""

    async def test_sessions_come_most_recently_used_first(self, store: Store) -> None:
        for id, used_ms in ((b"a", 5), (b"b", 9), (b"c", 7)):
            await commit(store, PutSession(a_session(1, id=id, used_ms=used_ms)))
        await commit(store, PutSession(a_session(1, account=EVA)))
        assert [row.id for row in await store.sessions(ANA)] == [b"b", b"c", b"a"]

    async def test_a_session_keeps_whether_it_was_heard(self, store: Store) -> None:
        await commit(store, PutSession(a_session(1)))
        assert await store.sessions(ANA) == [a_session(1)]
        await commit(store, PutSession(a_session(2, heard=True)))
        assert await store.sessions(ANA) == [a_session(2, heard=True)]

    async def test_a_dropped_session_takes_its_skipped_keys_along(self, store: Store) -> None:
        for id in (b"session", b"other"):
            await commit(store, PutSession(a_session(1, id=id)), AddSkipped(ANA, id, ((b"1", b"key"),)))
        await commit(store, DropSession(ANA, b"session"))
        assert [row.id for row in await store.sessions(ANA)] == [b"other"]
        assert await store.skipped(ANA, b"session") == {}
        assert await store.skipped(ANA, b"other") == {b"1": b"key"}

    async def test_a_dropped_session_begins_anew_in_the_same_commit(self, store: Store) -> None:
        await commit(store, PutSession(a_session(1)))
        await commit(store, PutSession(a_session(2)), DropSession(ANA, b"session"), PutSession(a_session(1)))
        assert await store.sessions(ANA) == [a_session(1)]

    async def test_skipped_keys_come_oldest_first_and_go_one_by_one(self, store: Store) -> None:
        await commit(store, AddSkipped(ANA, b"session", ((b"9", b"a"), (b"1", b"b"), (b"5", b"c"))))
        await commit(store, AddSkipped(ANA, b"session", ((b"2", b"d"), (b"9", b"a"))))
        assert list((await store.skipped(ANA, b"session")).items()) == [
            (b"9", b"a"), (b"1", b"b"), (b"5", b"c"), (b"2", b"d"),
        ]  # fmt: skip
        await commit(store, DropSkipped(ANA, b"session", (b"1", b"9", b"unknown")))
        assert list(await store.skipped(ANA, b"session")) == [b"5", b"2"]
        assert await store.skipped(EVA, b"session") == {}

    async def test_prekeys_are_replaced_and_dropped_by_id(self, store: Store) -> None:
        await commit(store, PutKeys((a_key(3), a_key(1), a_key(2, account=EVA))))
        await commit(store, PutKeys((a_key(3, retired_at=9, given_at=8),)), DropKeys(ANA, (2, 99)))
        assert await store.keys(ANA) == [a_key(1), a_key(3, retired_at=9, given_at=8)]
        await commit(store, DropKeys(ANA, (1, 3)))
        assert await store.keys(ANA) == []
        assert await store.keys(EVA) == [a_key(2, account=EVA)]


class QuarantineContract:
    """Packets that cannot be opened yet."""

    async def test_packets_in_quarantine_come_in_their_order_once_and_go_one_by_one(self, store: Store) -> None:
        for number in (2, 1, 2):
            await commit(store, AddQuarantined(a_quarantined(number)))
        await commit(store, AddQuarantined(a_quarantined(3, account=EVA)))
        assert await store.quarantined(ANA) == [a_quarantined(2), a_quarantined(1)]
        await commit(store, DropQuarantined(ANA, b"packet 2"))
        assert await store.quarantined(ANA) == [a_quarantined(1)]

    async def test_a_dropped_contact_takes_its_packets_in_quarantine_along(self, store: Store) -> None:
        await commit(store, PutContact(a_contact(RUI)), AddQuarantined(a_quarantined(1)))
        await commit(store, AddQuarantined(a_quarantined(2, contact=EVA)), DropContact(ANA, RUI))
        assert await store.quarantined(ANA) == [a_quarantined(2, contact=EVA)]


class SeenContract:
    """Packet ids and receipts."""

    async def test_a_packet_is_seen_once_an_account(self, store: Store) -> None:
        await commit(store, MarkSeen(ANA, b"packet", 1))
        with pytest.raises(Duplicate):
            await commit(store, MarkSeen(ANA, b"packet", 2))
        assert await store.seen(ANA, b"packet") == ""
        assert await store.seen(EVA, b"packet") is None
        await commit(store, MarkSeen(EVA, b"packet", 1))

    async def test_packets_marked_before_a_time_are_forgotten(self, store: Store) -> None:
        await commit(store, *(MarkSeen(ANA, b"%d" % at, at) for at in range(5)))
        await store.forget(3, 0, 1_000)
        assert [await store.seen(ANA, b"%d" % at) for at in range(5)] == [None, None, None, "", ""]

    async def test_a_receipt_is_owed_once_and_dropped(self, store: Store) -> None:
        await commit(store, OweReceipt(a_receipt(1)), OweReceipt(a_receipt(1)), OweReceipt(a_receipt(1, kind="read")))
        await commit(store, OweReceipt(a_receipt(1, account=EVA)))
        assert len(await store.receipts()) == 3
        await commit(store, DropReceipts((a_receipt(1), a_receipt(2))))
        assert set(await store.receipts()) == {a_receipt(1, kind="read"), a_receipt(1, account=EVA)}


class DeliveryContract(OutboxContract, DepositContract, KeyContract, QuarantineContract, SeenContract):
    """All of it."""
