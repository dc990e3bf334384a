"""The way out: what is taken is durable, what is refused leaves nothing, a repeated request is the same message."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import anyio
import pytest
from msgspec.structs import replace

from mepassad.api import Component, Conflict, PluginContext, Rejected, StoreFull, hookimpl
from mepassad.api.filters import Draft, MessageFilter
from mepassad.api.store import Commit, Committed
from mepassad.api.types import AccountId, Message
from mepassad.api.writes import AddMessage
from mepassad.errors import (
    ContactBlocked,
    EmptyMessage,
    MessageTooLarge,
    RequestReused,
    UnknownAccount,
    UnknownContact,
    UnknownMessage,
)
from mepassad.testing.nodes import Nodes, RunningNode, eventually


async def messages(node: RunningNode, other: RunningNode) -> list[Message]:
    page = await node.node.store.messages(node.account, node.contact(other).conversation, 100, None)
    return list(page.items)


def failing(node: RunningNode, monkeypatch: pytest.MonkeyPatch, errors: list[Exception]) -> None:
    """Let the store refuse the next commits of messages, each with one of these errors."""
    store = node.node.store
    commit = store.commit

    def instead(change: Commit) -> Awaitable[Committed]:
        if errors and any(isinstance(write, AddMessage) for write in change.writes):
            return _raise(errors.pop(0))
        return commit(change)

    monkeypatch.setattr(store, "commit", instead)


async def _raise(error: Exception) -> Committed:
    raise error


async def test_a_request_that_is_repeated_is_the_same_message_and_sent_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    send = ana.node.outbox.submit
    first = await send(ana.account, bob.account, "hi", request_id="r1")
    again = await send(ana.account, bob.account, "hi", request_id="r1")
    assert again.id == first.id
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(send, ana.account, bob.account, "at once", "", "r2")
    await eventually(lambda: len(ana.facts("message.delivered")) == 2)
    assert bob.texts() == ["hi", "at once"]
    with pytest.raises(RequestReused):
        await send(ana.account, bob.account, "something else", request_id="r1")


async def test_a_conflict_is_tried_again_and_the_message_sent_once(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    failing(ana, monkeypatch, [Conflict(), Conflict()])
    await ana.say(bob, "third time lucky")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert bob.texts() == ["third time lucky"]


async def test_conflicts_without_end_are_told(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bob = await nodes.pair()
    failing(ana, monkeypatch, [Conflict() for _ in range(100)])
    with pytest.raises(Conflict):
        await ana.say(bob, "never")
    assert await messages(ana, bob) == []


async def test_a_full_disk_leaves_nothing_and_the_next_message_passes(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    failing(ana, monkeypatch, [StoreFull()])
    with pytest.raises(StoreFull):
        await ana.say(bob, "no room")
    assert (await messages(ana, bob), await ana.owes(bob)) == ([], 0)
    await ana.say(bob, "room again")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert bob.texts() == ["room again"]


async def test_receipts_that_rode_with_a_failed_message_go_with_the_next(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=60_000)
    await bob.say(ana, "hi")
    await eventually(lambda: ana.texts() == ["hi"])
    failing(ana, monkeypatch, [StoreFull()])
    with pytest.raises(StoreFull):
        await ana.say(bob, "no room")
    await ana.say(bob, "room again")
    await eventually(lambda: len(bob.facts("message.delivered")) == 1)


async def test_a_text_at_the_limit_passes_and_one_byte_more_does_not(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(messages__max_text=256)
    fits = "é" * 127 + "xy"
    await ana.say(bob, fits)
    await eventually(lambda: bob.texts() == [fits])
    with pytest.raises(MessageTooLarge) as caught:
        await ana.say(bob, fits + "z")
    assert caught.value.data == {"limit": 256}
    assert len(await messages(ana, bob)) == 1


async def test_the_largest_text_of_the_largest_configuration_arrives(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(messages__max_text=1_000_000, rpc__max_line=1 << 23)
    await ana.say(bob, "x" * 1_000_000)
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert bob.texts() == ["x" * 1_000_000]


@pytest.mark.parametrize("words", ["", " ", "\n\t \u3000"])
async def test_a_text_without_anything_to_see_is_refused(nodes: Nodes, words: str) -> None:
    ana, bob = await nodes.pair()
    with pytest.raises(EmptyMessage):
        await ana.say(bob, words)
    assert await messages(ana, bob) == []


async def test_a_text_that_is_no_unicode_is_refused_by_name(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    with pytest.raises(ValueError, match=r".") as caught:
        await ana.say(bob, "secret \ud800")
    assert "secret" not in str(caught.value)
    await ana.say(bob, "fine")
    await eventually(lambda: bob.texts() == ["fine"])


async def test_who_and_what_does_not_exist_is_told_by_name(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    send = ana.node.outbox.submit
    with pytest.raises(UnknownAccount):
        await send(AccountId("mp1nobody"), bob.account, "hi")
    with pytest.raises(UnknownContact):
        await send(ana.account, AccountId("mp1nobody"), "hi")
    with pytest.raises(UnknownMessage):
        await send(ana.account, bob.account, "hi", reply_to="AAAAAAAAAAAAAAAAAAAAAA")
    await ana.node.contacts.block(ana.account, bob.account, True)
    with pytest.raises(ContactBlocked):
        await ana.say(bob, "hi")
    assert await messages(ana, bob) == []


async def test_a_reply_names_the_message_that_both_sides_know(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    question = await ana.say(bob, "how are you?")
    await eventually(lambda: len(bob.texts()) == 1)
    await bob.node.outbox.submit(bob.account, ana.account, "well", reply_to=question.id)
    await eventually(lambda: ana.texts() == ["well"])
    assert ana.facts("message.received")[0]["reply_to"] == question.id


async def test_a_caller_that_goes_away_takes_no_fact_with_it(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.cut(ana, bob)
    await eventually(lambda: len(ana.facts("contact.offline")) == 1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ana.node.contacts.rename, ana.account, bob.account, "Bobby")
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    await eventually(lambda: len(ana.facts("contact.changed")) == 1)
    kept = await ana.node.bus.replay(0, 100, ["contact.changed"])
    assert [fact.data for fact in kept] == ana.facts("contact.changed")


# -- filters


class Editor:
    """A filter plugin on the way out."""

    name = "editor"

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def provide_filter(self, config: object) -> Component[MessageFilter]:
        @asynccontextmanager
        async def component(context: PluginContext) -> AsyncIterator[MessageFilter]:
            yield self

        return component

    async def message_send(self, draft: Draft) -> Draft:
        self.seen.append(draft.text)
        if "damn" in draft.text:
            raise Rejected("Mind your language.")
        return replace(draft, text=draft.text + "!")

    async def message_received(self, message: Message) -> Message:
        return message


async def test_a_filter_changes_what_is_sent_and_what_it_refuses_leaves_nothing(nodes: Nodes) -> None:
    editor = Editor()
    nodes.plugins["editor"] = editor
    ana, bob = await nodes.pair()
    await ana.say(bob, "hi")
    with pytest.raises(Rejected, match="Mind your language"):
        await ana.say(bob, "damn")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert bob.texts() == ["hi!"]
    assert [message.text for message in await messages(ana, bob)] == ["hi!"]
    assert editor.seen == ["hi", "damn"]


async def test_a_repeated_request_is_the_same_message_though_a_filter_changed_it(nodes: Nodes) -> None:
    nodes.plugins["editor"] = Editor()
    ana, bob = await nodes.pair()
    first = await ana.node.outbox.submit(ana.account, bob.account, "hi", request_id="r1")
    again = await ana.node.outbox.submit(ana.account, bob.account, "hi", request_id="r1")
    assert again.id == first.id
    with pytest.raises(RequestReused):
        await ana.node.outbox.submit(ana.account, bob.account, "something else", request_id="r1")


async def test_a_filter_may_not_make_a_text_longer_than_the_limit(nodes: Nodes) -> None:
    nodes.plugins["editor"] = Editor()
    ana, bob = await nodes.pair(messages__max_text=256)
    with pytest.raises(MessageTooLarge):
        await ana.say(bob, "x" * 256)
    await ana.say(bob, "x" * 255)
