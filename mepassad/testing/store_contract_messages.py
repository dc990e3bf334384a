"""The part of the store's contract about messages: states, places, unread counts, search."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from mepassad.api import Duplicate
from mepassad.api.store import Store
from mepassad.api.types import ConversationId, MessageId
from mepassad.api.writes import AddMessage, DropContact, MarkRead, PutContact, SetMessageState
from mepassad.testing.store_fixture import MakeStore
from mepassad.testing.store_rows import (
    ANA,
    EVA,
    RUI,
    a_contact,
    a_message,
    a_sent_message,
    commit,
    conversation_with,
    converse,
    message_id,
    texts,
)

WITH_RUI = conversation_with(RUI)
CLIMBS = {
    "queued": {"sent", "delivered", "read", "failed", "expired"},
    "sent": {"delivered", "read", "failed", "expired"},
    "delivered": {"read"},
    "read": set(),
    "failed": set(),
    "expired": set(),
}


async def pages(store: Store, limit: int) -> list[MessageId]:
    """All ids of Ana's conversation with Rui, fetched page by page."""
    ids: list[MessageId] = []
    before = None
    while True:
        page = await store.messages(ANA, WITH_RUI, limit, before)
        assert len(page.items) <= limit
        ids += [row.id for row in page.items]
        if page.next is None:
            return ids
        before = page.next


class MessageContract:
    """Messages, one by one and in their conversation."""

    async def test_a_message_id_is_kept_once_an_account(self, store: Store) -> None:
        await commit(store, AddMessage(a_message(1)))
        with pytest.raises(Duplicate):
            await commit(store, AddMessage(a_message(1, text="another")))
        await commit(store, AddMessage(a_message(1, account=EVA)))
        found = await store.message(ANA, message_id(1))
        assert found is not None
        assert found.text == "text 1"

    async def test_a_message_keeps_every_field(self, store: Store) -> None:
        row = a_sent_message(
            1, content_id=b"\0\xff", kind=7, text="olá \0", reply_to="m", route="direct", reason="r", request_id="q"
        )
        await commit(store, AddMessage(row))
        found = await store.message(ANA, message_id(1))
        assert found is not None
        assert replace(found, seq=0) == row

    async def test_a_request_id_is_kept_once_an_account(self, store: Store) -> None:
        await commit(store, AddMessage(a_sent_message(1, request_id="r")))
        with pytest.raises(Duplicate):
            await commit(store, AddMessage(a_sent_message(2, request_id="r")))
        await commit(store, AddMessage(a_sent_message(3, account=EVA, request_id="r")))
        found = await store.message_by_request(ANA, "r")
        assert found is not None
        assert found.id == message_id(1)

    async def test_messages_without_request_id_are_not_found_by_request(self, store: Store) -> None:
        await commit(store, AddMessage(a_message(1)), AddMessage(a_message(2)))
        assert await store.message_by_request(ANA, "") is None
        assert await store.message_by_request(ANA, "unknown") is None
        assert await store.message(ANA, message_id(9)) is None

    @pytest.mark.parametrize("old", sorted(CLIMBS))
    @pytest.mark.parametrize("new", sorted(CLIMBS))
    async def test_a_message_state_only_climbs(self, store: Store, old: str, new: str) -> None:
        await commit(store, AddMessage(a_sent_message(1, state=old, route="direct")))
        await commit(store, SetMessageState(ANA, message_id(1), new, reason="because"))
        found = await store.message(ANA, message_id(1))
        assert found is not None
        moved = new in CLIMBS[old]
        assert (found.state, found.reason, found.route) == (new if moved else old, "because" if moved else "", "direct")

    async def test_a_route_is_replaced_only_by_a_route(self, store: Store) -> None:
        await commit(store, AddMessage(a_sent_message(1)))
        await commit(store, SetMessageState(ANA, message_id(1), "sent", route="mailbox"))
        await commit(store, SetMessageState(ANA, message_id(1), "delivered"))
        found = await store.message(ANA, message_id(1))
        assert found is not None
        assert (found.state, found.route) == ("delivered", "mailbox")

    async def test_tries_and_latency_are_kept_until_others_are_told(self, store: Store) -> None:
        await commit(store, AddMessage(a_sent_message(1)))
        await commit(store, SetMessageState(ANA, message_id(1), "sent", tries=1))
        await commit(store, SetMessageState(ANA, message_id(1), "delivered", tries=3, latency_ms=250))
        await commit(store, SetMessageState(ANA, message_id(1), "read"))
        found = await store.message(ANA, message_id(1))
        assert found is not None
        assert (found.tries, found.latency_ms) == (3, 250)

    async def test_the_state_of_an_unknown_message_is_ignored(self, store: Store) -> None:
        await commit(store, SetMessageState(ANA, message_id(1), "sent"))
        assert await store.message(ANA, message_id(1)) is None

    @pytest.mark.parametrize("limit", [1, 3, 10, 11])
    async def test_pages_come_newest_first_without_gap_or_double(self, store: Store, limit: int) -> None:
        times = [5, 1, 9, 9, 9, 2, 7, 7, 0, 8]  # equal times keep the order of arrival
        await converse(store, *(a_message(number, sort_ms=time) for number, time in enumerate(times)))
        await commit(store, AddMessage(a_message(99, account=EVA)), AddMessage(a_message(98, contact=EVA)))
        expected = sorted(range(len(times)), key=lambda number: (times[number], number), reverse=True)
        assert await pages(store, limit) == [message_id(number) for number in expected]

    async def test_a_page_goes_on_below_its_place_whatever_arrives_meanwhile(self, store: Store) -> None:
        await converse(store, *(a_message(number) for number in range(4)))
        page = await store.messages(ANA, WITH_RUI, 2, None)
        await commit(store, AddMessage(a_message(10)))
        rest = await store.messages(ANA, WITH_RUI, 2, page.next)
        assert [row.id for row in rest.items] == [message_id(1), message_id(0)]
        assert rest.next is None

    async def test_an_unknown_conversation_is_an_empty_page(self, store: Store) -> None:
        page = await store.messages(ANA, ConversationId("none"), 10, None)
        assert (page.items, page.next) == ((), None)

    @pytest.mark.parametrize("before", ["", "junk", "é", "A" * 21, "A" * 22 + "=", "A" * 2000, "\0"])
    async def test_a_before_that_is_no_next_is_a_value_error(self, store: Store, before: str) -> None:
        with pytest.raises(ValueError, match="before"):
            await store.messages(ANA, WITH_RUI, 10, before)
        with pytest.raises(ValueError, match="before"):
            await store.search(ANA, "text", 10, before)


class UnreadContract:
    """Unread messages and what a list of conversations shows."""

    async def test_received_messages_are_unread_until_marked_up_to_a_place(self, store: Store) -> None:
        sent = a_sent_message(5)
        await converse(store, *(a_message(number) for number in (1, 2, 3, 4)), sent)
        assert [c.unread for c in await store.conversations(ANA)] == [4]
        assert await store.unread(ANA, message_id(3), 2) == [message_id(1), message_id(2)]
        assert await store.unread(ANA, message_id(3), 9) == [message_id(n) for n in (1, 2, 3)]
        await commit(store, MarkRead(ANA, WITH_RUI, message_id(3)))
        assert [c.unread for c in await store.conversations(ANA)] == [1]
        assert await store.unread(ANA, message_id(5), 9) == [message_id(4)]
        states = [row.state for row in (await store.messages(ANA, WITH_RUI, 9, None)).items]
        assert states == ["queued", "received", "read", "read", "read"]

    async def test_marking_reaches_no_other_conversation_or_account(self, store: Store) -> None:
        await converse(store, a_message(1), a_message(2, contact=EVA), a_message(1, account=EVA))
        await commit(store, PutContact(a_contact(EVA)), PutContact(a_contact(account=EVA)))
        await commit(store, MarkRead(ANA, WITH_RUI, message_id(2)), MarkRead(ANA, WITH_RUI, message_id(7)))
        assert {c.contact: c.unread for c in await store.conversations(ANA)} == {RUI: 1, EVA: 1}
        await commit(store, MarkRead(ANA, WITH_RUI, message_id(1)))
        assert {c.contact: c.unread for c in await store.conversations(ANA)} == {RUI: 0, EVA: 1}
        assert [c.unread for c in await store.conversations(EVA)] == [1]

    async def test_conversations_come_latest_first_with_their_last_message(self, store: Store) -> None:
        await converse(store, a_message(1), a_message(3), a_message(2))
        await commit(store, PutContact(a_contact(EVA, created_at=11)))
        first, second = await store.conversations(ANA)
        assert (first.contact, first.last_ms, first.last_message) == (EVA, 11_000, "")
        assert (second.contact, second.last_ms, second.last_message) == (RUI, 10_003, message_id(3))
        assert await store.newest_ms(ANA) == {WITH_RUI: 10_003}
        await commit(store, AddMessage(a_message(2_000)))
        assert [c.contact for c in await store.conversations(ANA)] == [RUI, EVA]


class SearchContract:
    """Search, without accents and case."""

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("coracao", ["O CORAÇÃO de São Paulo"]),
            ("São paulo", ["O CORAÇÃO de São Paulo"]),
            ("paulo cora", ["O CORAÇÃO de São Paulo"]),
            ("cora paulo", []),
            ("pao", ["pão-de-queijo", "pão"]),
            ("pão-de-que", ["pão-de-queijo"]),
            ("", []),
            ("'\"*^:()-", []),
            ('"pão" OR coração', []),
            ("text:pão", []),
            ("pão\0", ["pão-de-queijo", "pão"]),
        ],
    )
    async def test_all_words_are_found_and_the_last_may_be_a_beginning(
        self, store: Store, query: str, found: list[str]
    ) -> None:
        said = ["O CORAÇÃO de São Paulo", "pão", "pão-de-queijo", "nada"]
        await converse(store, *(a_message(number, text=text) for number, text in enumerate(said)))
        assert await texts(store, query) == found

    async def test_search_pages_newest_first_within_the_account(self, store: Store) -> None:
        await converse(store, *(a_message(number, account=(ANA, EVA)[number % 2]) for number in range(10)))
        first = await store.search(ANA, "text", 3, None)
        second = await store.search(ANA, "text", 3, first.next)
        assert [row.id for row in first.items + second.items] == [message_id(number) for number in (8, 6, 4, 2, 0)]
        assert first.next is not None
        assert second.next is None

    async def test_a_message_is_found_as_soon_as_it_is_durable_and_after_reopening(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await asyncio.gather(*(commit(store, AddMessage(a_message(n))) for n in range(300)))
            assert await texts(store, "299") == ["text 299"]
            await commit(store, AddMessage(a_message(300)))
        async with make_store() as store:
            assert await texts(store, "300") == ["text 300"]

    async def test_dropped_messages_are_found_no_more_and_new_ones_are(self, store: Store) -> None:
        await converse(store, a_message(1, text="old words"), a_message(2, text="old words"))
        assert await texts(store, "old") == ["old words", "old words"]
        await commit(store, AddMessage(a_message(3, text="young words")), DropContact(ANA, RUI))
        assert await texts(store, "words") == []
        await converse(store, a_message(4, text="new words"))
        assert await texts(store, "words") == ["new words"]
        assert await texts(store, "old") == []

    async def test_messages_are_found_though_all_before_a_restart_were_dropped(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await converse(store, *(a_message(number) for number in range(5)))
            assert len(await texts(store, "text")) == 5
            await commit(store, DropContact(ANA, RUI))
        async with make_store() as store:
            await converse(store, a_message(7))
            assert await texts(store, "text") == ["text 7"]
