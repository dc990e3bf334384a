"""What is typed in `mepassa chat` and cannot be done is told, and ends no conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from commanding import contact, message
from mepassa import Client, ContactItem
from mepassa.cli.chat import obey
from mepassa.cli.screen import Pipe
from mepassa.cli.session import Session
from mepassa.cli.talk import Talk
from mepassa.wire import LINE_LIMIT
from msgspec import convert
from wire_node import ME, Refusal, Wire, WireNode


class Paper(Pipe):
    """A screen that keeps what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def show(self, lines: Sequence[str]) -> None:
        self.lines += lines


@pytest.fixture
async def talking(node: WireNode) -> AsyncIterator[tuple[Talk, Paper]]:
    session, paper = Session(str(node.path), None, None), Paper()
    async with Client(node.path) as session.client:
        yield Talk(session, ME, convert(contact("mp1ana", "Ana"), ContactItem), paper), paper


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"/reply {'9' * 5000} yes", "* Write /reply,"),
        (f"/history {'9' * 5000}", "* Write /history,"),
        (f"/search {'x' * 1001}", "* The parameter `query` of messages.search"),
        ("/search refused", "* There are no words in it. (NoWords)"),
        ("/history 5", "* There are no words in it. (NoWords)"),
        ("x" * LINE_LIMIT, "* That is too long:"),
    ],
)
async def test_what_cannot_be_done_is_told(node: WireNode, talking: tuple[Talk, Paper], line: str, told: str) -> None:
    async def refuse(wire: Wire, **asked: Any) -> dict[str, Any]:
        raise Refusal(1, "NoWords", "There are no words in it.")

    node.methods["messages.search"] = node.methods["messages.list"] = refuse
    talk, paper = talking
    assert await obey(talk, line)
    assert [shown[: len(told)] for shown in paper.lines] == [told]


async def test_history_shows_as_many_as_were_asked_for(node: WireNode, talking: tuple[Talk, Paper]) -> None:
    limits: list[int] = []

    async def listing(wire: Wire, limit: int, **asked: Any) -> dict[str, Any]:
        limits.append(limit)
        return {"items": [message("m1", "oi")], "next": None}

    node.methods["messages.list"] = listing
    talk, _ = talking
    for line in ("/history 7", "/history"):
        assert await obey(talk, line)
    assert limits == [7, 20]
