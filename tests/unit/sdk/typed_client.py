"""What mypy is to see in the client: test_sdk_types.py checks it, nothing runs it. Lines marked `# wrong` must fail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_type

from mepassa import (
    AnswerItem,
    Client,
    ContactItem,
    ContactState,
    Event,
    EventData,
    Events,
    MessageItem,
    MessageProgress,
    MessageReceived,
    SentMessage,
    UnknownContact,
)
from mepassa import sync as blocking


async def methods(client: Client) -> None:
    assert_type(await client.messages.send(contact="mp1", text="hi", reply_to="m"), SentMessage)
    assert_type((await client.contacts.get(contact="mp1")).state, ContactState)
    assert_type((await client.contacts.get(contact="mp1")).created_at, datetime)
    assert_type((await client.contacts.list()).items, list[ContactItem])
    assert_type([one async for one in client.contacts.iterate(limit=2)], list[ContactItem])
    assert_type(await client.call("plugin.method", x=1), dict[str, Any])
    answer = AnswerItem(text="hi", request_id="r")
    await client.bots.answer(bot="b", conversation="c", after=0, seq=1, place=1, answers=[answer], state={"a": 1})
    await client.messages.send(contact="mp1", text=b"hi")  # wrong
    await client.messages.send(contact="mp1")  # wrong
    await client.messages.send("mp1", "hi")  # wrong
    await client.messages.send(contact="mp1", text="hi", to="x")  # wrong
    await client.messages.sent(contact="mp1", text="hi")  # wrong
    await client.accounts.create(name="x", kind="cat")  # wrong
    assert (await client.contacts.get(contact="mp1")).state == "acepted"  # wrong
    (await client.contacts.get(contact="mp1")).verified = True  # wrong


async def events(client: Client, some: Sequence[str]) -> None:
    async for event in client.events(topics=["message.received"]):
        assert_type(event, Event[MessageReceived])
        assert_type(event.data.text, str | None)
        _ = event.data.state  # wrong
    assert_type(client.events(topics=["message.sent", "message.failed"]), Events[MessageProgress])
    assert_type(client.events(), Events[EventData])
    assert_type(client.events(topics=some, after=0), Events[EventData])
    assert_type(client.events(topics=["message.sent", "typing"]), Events[EventData])
    assert_type(client.follow(topics=some), Events[dict[str, Any]])
    async for one in client.events():
        _ = one.data.text  # wrong
        if isinstance(one.data, MessageReceived):
            assert_type(one.data.text, str | None)


def without_default(event: Event, events: Events) -> None:
    assert_type(event.data, EventData)
    assert_type(events, Events[EventData])


def waiting(client: blocking.Client) -> None:
    assert_type(client.messages.send(contact="mp1", text="hi"), SentMessage)
    assert_type([*client.messages.iterate_search(query="x")], list[MessageItem])
    for event in client.events(topics=["message.received"]):
        assert_type(event, Event[MessageReceived])
    assert_type(next(client.follow()).data, dict[str, Any])
    client.messages.send(contact="mp1")  # wrong
    try:
        client.identity.show()
    except UnknownContact as error:
        assert_type(error.code, int)
