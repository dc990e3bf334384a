"""Lists in pages are walked over as one."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from mepassa import Client, ProtocolError, UnknownContact
from wire_node import ANA, Refusal, Wire, WireNode


def contact(number: int) -> dict[str, Any]:
    return {
        "contact": f"mp1{number}", "conversation": "c", "name": "", "petname": None, "chosen_name": None,
        "key_suffix": "x", "kind": "person", "state": "accepted", "reason": None, "blocked": False, "verified": False,
        "online": False, "created_at": "2030-01-01T00:00:00.000Z",
    }  # fmt: skip


class Book:
    """A list of contacts, in pages as long as asked for, a short and an empty one among them."""

    def __init__(self, node: WireNode, size: int) -> None:
        self.asked: list[tuple[int, str | None]] = []
        self.size = size
        node.methods["contacts.list"] = self.page

    async def page(self, wire: Wire, limit: int = 500, after: str | None = None) -> dict[str, Any]:
        self.asked.append((limit, after))
        start = int(after or 0)
        end = start if after == "4" and len(self.asked) < 4 else min(start + limit, self.size)
        return {
            "items": [contact(number) for number in range(start, end)],
            "next": f"{end:03}" if end == start else str(end) if end < self.size else None,
        }


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
async def test_all_items_come_in_order_page_by_page(node: WireNode, size: int) -> None:
    book = Book(node, size)
    if not size:
        node.methods["contacts.list"] = empty
    async with Client(node.path) as client:
        found = [one.contact async for one in client.contacts.iterate(limit=2)]
    assert found == [f"mp1{number}" for number in range(size)]
    assert all(limit == 2 for limit, _ in book.asked)


async def empty(wire: Wire, limit: int) -> dict[str, Any]:
    return {"items": [], "next": None}


async def test_a_page_is_asked_for_when_it_is_needed(node: WireNode) -> None:
    book = Book(node, 4)
    async with Client(node.path) as client:
        contacts = client.contacts.iterate(limit=2)
        assert book.asked == []
        for _ in range(2):
            await anext(contacts)
        assert len(book.asked) == 1
        await anext(contacts)
        assert len(book.asked) == 2


async def test_it_goes_over_the_list_once(node: WireNode) -> None:
    Book(node, 1)
    async with Client(node.path) as client:
        contacts = client.contacts.iterate()
        assert len([one async for one in contacts]) == 1
        assert [one async for one in contacts] == []


async def test_what_the_node_refuses_is_raised_by_the_step(node: WireNode) -> None:
    async def refuse(wire: Wire, **_: Any) -> dict[str, Any]:
        raise Refusal(1100, "UnknownContact", "No.")

    node.methods["messages.list"] = refuse
    async with Client(node.path) as client:
        with pytest.raises(UnknownContact):
            await anext(client.messages.iterate(contact=ANA))


async def test_a_node_that_gives_the_same_page_for_ever_is_not_believed(node: WireNode) -> None:
    async def same(wire: Wire, **_: Any) -> dict[str, Any]:
        return {"items": [], "next": "same"}

    node.methods["contacts.list"] = same
    async with Client(node.path) as client:
        with anyio.fail_after(30), pytest.raises(ProtocolError):
            await anext(client.contacts.iterate())


async def test_a_list_without_pages_is_walked_over_the_same_way(node: WireNode) -> None:
    async def accounts(wire: Wire) -> dict[str, Any]:
        item = {"account": "mp1me", "name": "Bia", "kind": "person", "created_at": "2030-01-01T00:00:00.000Z"}
        return {"items": [item], "next": None}

    node.methods["accounts.list"] = accounts
    async with Client(node.path) as client:
        assert [one.name async for one in client.accounts.iterate()] == ["Bia"]
