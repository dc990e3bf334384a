"""Subscriptions: nothing missed, nothing doubled, nobody waited for."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from fake_node import ANA, FakeBus, FakeNode, Serve
from hypothesis import given, settings
from hypothesis import strategies as st

from mepassad.api.events import TOPICS
from mepassad.api.gauges import Gauge
from mepassad.bus import Fact
from mepassad.config.model import Rpc
from mepassad.rpc.events import EventMessage
from mepassad.rpc.subscriptions import REPLAY_PAGE, Subscriptions
from mepassad.testing.rpc_client import RpcClient, RpcError, connect
from tests.examples import examples


def seqs(client: RpcClient) -> list[int]:
    return [event["seq"] for event in client.events]


async def arrived(client: RpcClient, count: int) -> list[int]:
    await client.until(lambda: len(client.events) >= count)
    return seqs(client)


# -- over a socket ----------------------------------------------------------------------------------------------


async def test_without_after_it_follows_from_now_on(client: RpcClient, node: FakeNode) -> None:
    node.bus.add(5)
    assert (await client.call("events.subscribe"))["seq"] == 5
    node.bus.add(2)
    assert await arrived(client, 2) == [6, 7]


@pytest.mark.parametrize("count", [1, REPLAY_PAGE - 1, REPLAY_PAGE, REPLAY_PAGE + 1, 3 * REPLAY_PAGE])
async def test_with_after_0_everything_kept_comes_first(client: RpcClient, node: FakeNode, count: int) -> None:
    node.bus.add(count)
    assert (await client.call("events.subscribe", after=0))["seq"] == 0
    await arrived(client, count)
    node.bus.add()
    assert await arrived(client, count + 1) == list(range(1, count + 2))


async def test_a_client_that_attaches_late_misses_nothing(client: RpcClient, node: FakeNode) -> None:
    node.bus.add(3)
    await client.call("events.subscribe", after=2)
    node.bus.add(2)
    assert await arrived(client, 3) == [3, 4, 5]


async def test_facts_published_in_the_middle_of_a_replay_come_once_and_in_order(
    client: RpcClient, node: FakeNode
) -> None:
    node.bus.add(REPLAY_PAGE + 1)
    node.bus.replaying = lambda: node.bus.add(3) if node.bus.replays <= 2 else None
    await client.call("events.subscribe", after=0)
    assert await arrived(client, REPLAY_PAGE + 7) == list(range(1, REPLAY_PAGE + 8))


async def test_an_after_whose_events_are_gone_tells_the_oldest(client: RpcClient, node: FakeNode) -> None:
    node.bus.add(9)
    node.bus.first = 5
    del node.bus.facts[:4]
    with pytest.raises(RpcError) as caught:
        await client.call("events.subscribe", after=3)
    assert (caught.value.name, caught.value.data["oldest"]) == ("EventsExpired", 5)
    await client.call("events.subscribe", after=4)
    assert await arrived(client, 5) == [5, 6, 7, 8, 9]
    client.events.clear()
    await client.call("events.subscribe", after=0)
    assert await arrived(client, 5) == [5, 6, 7, 8, 9]


async def test_an_after_from_the_future_follows_from_now_on(client: RpcClient, node: FakeNode) -> None:
    node.bus.add(2)
    assert (await client.call("events.subscribe", after=2**63 - 1))["seq"] == 2
    node.bus.add()
    assert await arrived(client, 1) == [3]


async def test_only_chosen_topics_and_accounts_come(client: RpcClient, node: FakeNode) -> None:
    node.bus.add(topic="contact.added")
    node.bus.add(topic="contact.changed")
    node.bus.add(topic="contact.added", account="mp1other")
    await client.call("events.subscribe", topics=["contact.added"], account=ANA, after=0)
    node.bus.add(topic="contact.changed")
    node.bus.add(topic="contact.added")
    node.bus.typing()
    assert await arrived(client, 2) == [1, 5]
    await client.call("system.hello")
    assert seqs(client) == [1, 5]


async def test_without_account_the_events_of_all_accounts_come(client: RpcClient, node: FakeNode) -> None:
    await client.call("events.subscribe")
    node.bus.add(account="mp1other")
    assert (await client.event())["data"]["account"] == "mp1other"


async def test_what_concerns_the_node_concerns_every_account(client: RpcClient, node: FakeNode) -> None:
    await client.call("events.subscribe", account=ANA)
    node.bus.publish([Fact(1, "", "plugin.failed", {"account": "", "plugin": "x", "reason": "y"})])
    assert (await client.event("plugin.failed"))["seq"] == 1


@pytest.mark.parametrize("topics", [["nonsense"], ["message.received", ""], ["\x1b[2J"]])
async def test_an_unknown_topic_is_refused_by_name_with_those_there_are(client: RpcClient, topics: list[str]) -> None:
    with pytest.raises(RpcError, match="UnknownTopic") as caught:
        await client.call("events.subscribe", topics=topics)
    assert caught.value.data["topic"] == topics[-1]
    assert caught.value.data["topics"] == list(TOPICS)
    assert f"There is no topic {topics[-1]!r}; there are message.received, message.sent," in str(caught.value)


async def test_an_ended_subscription_tells_nothing_more(client: RpcClient, node: FakeNode) -> None:
    one = (await client.call("events.subscribe"))["subscription"]
    two = (await client.call("events.subscribe"))["subscription"]
    await client.call("events.unsubscribe", subscription=one)
    node.bus.add()
    assert (await client.event())["subscription"] == two
    await client.call("system.hello")
    assert client.events == []
    with pytest.raises(RpcError, match="UnknownSubscription"):
        await client.call("events.unsubscribe", subscription=one)


async def test_a_session_has_so_many_subscriptions_and_no_more(served: Serve) -> None:
    async with served(max_subscriptions=2) as path, connect(path) as client:
        first = await client.call("events.subscribe")
        await client.call("events.subscribe")
        with pytest.raises(RpcError, match="TooManySubscriptions"):
            await client.call("events.subscribe")
        await client.call("events.unsubscribe", subscription=first["subscription"])
        await client.call("events.subscribe")


async def test_a_session_that_ends_leaves_the_bus(served: Serve, node: FakeNode) -> None:
    async with served() as path:
        async with connect(path) as client:
            await client.call("events.subscribe")
            assert len(node.bus.receivers) == 1
        with anyio.fail_after(30):
            while node.bus.receivers:
                await anyio.lowlevel.checkpoint()


async def test_a_store_that_cannot_replay_ends_the_session(served: Serve, node: FakeNode) -> None:
    async with served() as path, connect(path) as client:
        node.bus.add()

        def fail() -> None:
            raise OSError

        node.bus.replaying = fail
        await client.call("events.subscribe", after=0)
        await client.until_closed()


async def test_a_reader_that_sleeps_gets_every_fact_while_the_publisher_never_waits(
    served: Serve, node: FakeNode
) -> None:
    count = 20_000
    async with served() as path:
        with socket.socket(socket.AF_UNIX) as sleeper:
            sleeper.connect(str(path))
            sleeper.sendall(b'{"jsonrpc":"2.0","id":1,"method":"events.subscribe"}\n')
            with anyio.fail_after(30):
                while not node.bus.receivers:
                    await anyio.lowlevel.checkpoint()
            for _ in range(count // 100):
                node.bus.add(100)
                node.bus.typing()
                await anyio.lowlevel.checkpoint()
            sleeper.setblocking(False)
            reader, writer = await asyncio.open_unix_connection(sock=sleeper)
            got: list[int] = []
            dropped = typed = 0
            with anyio.fail_after(30):
                await reader.readline()
                while len(got) < count or typed + dropped < count // 100:
                    params = json.loads(await reader.readline())["params"]
                    if params["seq"]:
                        got.append(params["seq"])
                    dropped += params["data"].get("dropped", 0)
                    typed += params["topic"] == "typing"
            writer.close()
    assert got == list(range(1, count + 1))
    assert dropped
    assert node.bus.replays > 1


async def test_a_burst_within_one_turn_of_the_loop_is_not_buffered_but_replayed(
    client: RpcClient, node: FakeNode
) -> None:
    await client.call("events.subscribe")
    node.bus.add(5_000)
    assert await arrived(client, 5_000) == list(range(1, 5_001))
    assert node.bus.replays


# -- any schedule -----------------------------------------------------------------------------------------------


class FakeOutlet:
    """A reader whose room a schedule takes and gives."""

    def __init__(self) -> None:
        self.room = True
        self.told: list[EventMessage] = []
        self.waiters: list[asyncio.Future[None]] = []
        self.tasks: set[asyncio.Task[None]] = set()

    async def wait_for_room(self) -> None:
        while not self.room:
            self.waiters.append(asyncio.get_running_loop().create_future())
            await self.waiters[-1]

    def give(self, room: bool) -> None:
        self.room = room
        while room and self.waiters:
            self.waiters.pop().set_result(None)

    def notify(self, method: str, params: Any) -> None:
        self.told.append(params)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.ensure_future(work))


_steps: st.SearchStrategy[int | Callable[[FakeBus, FakeOutlet], None]] = st.one_of(
    st.integers(1, 12).map(lambda count: lambda bus, outlet: bus.add(count)),
    st.just(lambda bus, outlet: bus.add(1, topic="contact.added")),
    st.just(lambda bus, outlet: bus.typing()),
    st.booleans().map(lambda room: lambda bus, outlet: outlet.give(room)),
    st.integers(1, 4),  # turns of the loop
)


@settings(max_examples=examples(300))
@given(before=st.integers(0, 150), after=st.integers(0, 150), steps=st.lists(_steps, max_size=40), chosen=st.booleans())
def test_whatever_the_schedule_every_fact_comes_once_in_order_and_every_signal_is_told_or_counted(
    before: int, after: int, steps: list[Any], chosen: bool
) -> None:
    async def run() -> None:
        bus, outlet = FakeBus(), FakeOutlet()
        bus.add(before)
        topics = ["contact.changed", "typing"] if chosen else None
        subscriptions = Subscriptions(bus, outlet, outlet.spawn, Rpc(follow_lag=10), Gauge(10, list))
        _, start = await subscriptions.open(topics, after, None, alone=False)
        for step in steps:
            told = len(outlet.told)
            if isinstance(step, int):
                for _ in range(step):
                    await asyncio.sleep(0)
            else:
                step(bus, outlet)
                assert outlet.room or len(outlet.told) == told  # nothing is written to a reader without room
        outlet.give(True)
        await asyncio.wait_for(asyncio.gather(*outlet.tasks), 5)
        facts = [event.seq for event in outlet.told if event.seq is not None]
        wanted = [f.seq for f in bus.facts if f.seq > start and (topics is None or f.topic in topics)]
        assert facts == wanted
        told = [event.topic for event in outlet.told].count("typing")
        assert told + sum(event.data.get("dropped", 0) for event in outlet.told) == bus.signals

    asyncio.run(run())
