"""The client's events: none missing, none twice, whatever happens to the socket."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mepassa import Client, ConnectionLost, Events, MessageReceived, NodeNotRunning, ProtocolError, RpcError
from mepassa.events import pauses
from wire_node import CONTACT, LEAST, ME, MESSAGE, Refusal, Wire, WireNode

from tests.examples import examples


async def take(events: Events, count: int) -> list[int | None]:
    with anyio.fail_after(30):
        return [(await anext(events)).seq for _ in range(count)]


async def test_events_after_a_number_are_replayed_then_followed(node: WireNode) -> None:
    for number in range(3):
        node.publish("contact.added", contact=str(number))
    async with Client(node.path) as client:
        events = client.events(after=1)
        assert await take(events, 2) == [2, 3]
        node.publish("contact.added", contact="3")
        assert await take(events, 1) == [4]
        assert events.cursor == 4


async def test_only_the_topics_asked_for_come(node: WireNode) -> None:
    for topic in ("contact.added", "message.sent", "contact.added"):
        node.publish(topic)
    async with Client(node.path) as client:
        assert await take(client.events(topics=["contact.added"], after=0), 2) == [1, 3]


async def test_entering_subscribes_so_that_what_follows_is_seen(node: WireNode) -> None:
    node.publish("contact.added")
    async with Client(node.path) as client, client.events() as events:
        node.publish("message.sent")
        assert await take(events, 1) == [2]


async def test_a_lost_connection_without_any_event_resumes_where_the_subscription_began(node: WireNode) -> None:
    node.publish("contact.added")
    node.lives = [100]  # bytes: enough for the reply, not for the event
    async with Client(node.path) as client, client.events() as events:
        node.publish("message.sent")
        assert await take(events, 1) == [2]
    assert node.connections == 2


async def test_signals_have_no_number_and_do_not_move_the_cursor(node: WireNode) -> None:
    async def subscribe(wire: Wire, **_: Any) -> dict[str, Any]:
        async def signal() -> None:
            params = {"subscription": "s1", "topic": "typing", "data": LEAST["typing"]}
            await wire.write({"jsonrpc": "2.0", "method": "events.event", "params": params})

        wire.afterwards = signal
        return {"subscription": "s1", "seq": 7}

    node.methods["events.subscribe"] = subscribe
    async with Client(node.path) as client:
        events = client.events()
        assert await take(events, 1) == [None]
        assert events.cursor == 7


async def test_repeats_are_dropped(node: WireNode) -> None:
    async def subscribe(wire: Wire, **_: Any) -> dict[str, Any]:
        async def repeat() -> None:
            for seq in (1, 2, 2, 1, 3):
                params = {"subscription": "s1", "seq": seq, "topic": "contact.added", "data": CONTACT}
                await wire.write({"jsonrpc": "2.0", "method": "events.event", "params": params})

        wire.afterwards = repeat
        return {"subscription": "s1", "seq": 0}

    node.methods["events.subscribe"] = subscribe
    async with Client(node.path) as client:
        assert await take(client.events(), 3) == [1, 2, 3]


async def test_a_node_that_is_restarted_is_found_again(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s")
        async with Client(path) as client:
            events = client.events(after=0)
            async with WireNode(path).serving() as node:
                node.publish("contact.added")
                assert await take(events, 1) == [1]
            log = node.log
            async with anyio.create_task_group() as tasks:

                async def start_again() -> None:
                    async with WireNode(path).serving() as again:
                        again.log = [*log, ("message.sent", MESSAGE)]
                        await again.called("events.subscribe")
                        await anyio.sleep_forever()

                tasks.start_soon(start_again)
                assert await take(events, 1) == [2]
                tasks.cancel_scope.cancel()


async def test_without_a_node_the_first_step_says_so(tmp_path: Path) -> None:
    async with Client(tmp_path / "none") as client:
        with pytest.raises(NodeNotRunning):
            await anext(client.events())


async def test_a_refused_subscription_is_the_readers_to_handle(node: WireNode) -> None:
    async def expired(wire: Wire, **_: Any) -> dict[str, Any]:
        raise Refusal(1700, "EventsExpired", "Too old.", oldest=50)

    node.methods["events.subscribe"] = expired
    async with Client(node.path) as client:
        with pytest.raises(RpcError) as caught:
            await anext(client.events(after=3))
        assert (caught.value.name, caught.value.data) == ("EventsExpired", {"oldest": 50})


@pytest.mark.parametrize("params", [{}, {"topic": 1, "data": {}}, {"topic": "typing", "seq": "one", "data": {}}])
async def test_an_event_of_another_shape_is_not_passed_on(node: WireNode, params: dict[str, Any]) -> None:
    async def subscribe(wire: Wire, **_: Any) -> dict[str, Any]:
        async def odd() -> None:
            await wire.write({"jsonrpc": "2.0", "method": "events.event", "params": params})

        wire.afterwards = odd
        return {"subscription": "s1", "seq": 0}

    node.methods["events.subscribe"] = subscribe
    async with Client(node.path) as client:
        with pytest.raises(ConnectionLost, match="protocol"), anyio.fail_after(30):
            await anext(client.events())


async def test_leaving_the_client_ends_its_subscriptions(node: WireNode) -> None:
    node.publish("contact.added")
    async with Client(node.path) as client:
        events = client.events(after=0)
        await take(events, 1)
    assert events._connection is None


async def test_closing_events_ends_the_iteration_of_who_waits(node: WireNode) -> None:
    seen: list[int | None] = []

    async def follow(events: Events) -> None:
        seen.extend([event.seq async for event in events])
        seen.append(None)

    async with Client(node.path) as client, client.events() as events:
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(follow, events)
                await anyio.wait_all_tasks_blocked()
                await events.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    assert seen == [None]


async def test_data_of_a_topic_that_is_not_known_here_are_a_dict(node: WireNode) -> None:
    node.publish("newer.topic", account="mp1me", mood=3)
    async with Client(node.path) as client:
        event = await anext(client.events(after=0))
    assert (event.topic, event.data) == ("newer.topic", {"account": "mp1me", "mood": 3})


async def test_following_gives_the_data_just_as_the_node_does(node: WireNode) -> None:
    node.publish("message.received", text="olá", newer=1)
    async with Client(node.path) as client:
        raw = await anext(client.follow(topics=["message.received"], after=0))
        typed = await anext(client.events(topics=["message.received"], after=0))
    assert raw.data == node.log[0][1]
    assert (typed.data, typed.data.text) == (MessageReceived(account=ME, message_id="m1", text="olá"), "olá")


async def test_a_subscription_that_would_leave_facts_out_is_not_believed(node: WireNode) -> None:
    async def skip(wire: Wire, **_: Any) -> dict[str, Any]:
        return {"subscription": "s1", "seq": 9}

    node.methods["events.subscribe"] = skip
    async with Client(node.path) as client:
        with pytest.raises(ProtocolError):
            await anext(client.events(after=8))


async def test_events_wait_where_the_node_is_full_for_a_moment(node: WireNode) -> None:
    node.publish("contact.added")
    async with Client(node.path) as client:
        events = client.events(after=0)
        assert await take(events, 1) == [1]

        async def full(wire: Wire, **_: Any) -> dict[str, Any]:
            node.methods["events.subscribe"] = node.subscribe
            raise Refusal(1705, "TooManySessions", "Too many.")

        node.methods["events.subscribe"] = full
        await node.cut()
        node.publish("contact.added")
        assert await take(events, 1) == [2]


async def test_after_junk_the_iteration_may_go_on_without_a_gap(node: WireNode) -> None:
    for _ in range(3):
        node.publish("contact.added")
    good, node.log[1] = node.log[1], ("contact.added", {"contact": 7})
    async with Client(node.path) as client:
        events = client.events(after=0)
        assert await take(events, 1) == [1]
        with pytest.raises(ProtocolError, match=r"contact\.added"):
            await anext(events)
        node.log[1] = good
        assert await take(events, 2) == [2, 3]


@settings(max_examples=examples(30))
@given(st.integers(100, 700), st.lists(st.integers(0, 700), max_size=5))
async def test_whatever_byte_the_socket_dies_at_every_event_comes_once_and_in_order(
    first: int, later: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with WireNode(Path(folder, "s")).serving() as node, Client(node.path) as client:
            events = client.events(after=0)
            node.lives = [first, *later]  # the first lives long enough to subscribe
            for number in range(8):
                node.publish("message.received", message_id=str(number))
            assert await take(events, 8) == list(range(1, 9))


def test_pauses_grow_and_then_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mepassa.events.FIRST_PAUSE", 0.05)
    waits = pauses()
    assert [next(waits) for _ in range(9)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
