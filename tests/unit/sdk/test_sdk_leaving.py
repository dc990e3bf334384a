"""Where a client begins and ends: entered, left, closed under those who wait, and by other ways than the socket."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from mepassa import Client, ConnectionLost, NodeNotRunning
from wire_node import Wire, WireNode


async def never(wire: Wire) -> dict[str, Any]:
    await anyio.sleep_forever()
    return {}


async def test_a_client_that_was_not_entered_says_so(node: WireNode) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Client(node.path).identity.show()


async def test_errors_of_the_body_leave_the_client_unwrapped(node: WireNode) -> None:
    async def fail() -> None:
        async with Client(node.path) as client:
            await client.call("identity.show")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail()


async def test_a_timeout_around_a_client_ends_it(node: WireNode) -> None:
    node.methods["never"] = never
    with anyio.move_on_after(0.05) as scope:
        async with Client(node.path) as client:
            await client.call("never")
    assert scope.cancelled_caught


async def test_leaving_the_client_ends_the_calls_and_events_of_other_tasks(node: WireNode) -> None:
    node.methods["never"] = never
    ended: list[object] = []

    async def call(client: Client) -> None:
        with pytest.raises(ConnectionLost, match="closed") as caught:
            await client.call("never")
        ended.append(caught.type)

    async def follow(client: Client) -> None:
        ended.append([event async for event in client.events()])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks, Client(node.path) as client:
            tasks.start_soon(call, client)
            tasks.start_soon(follow, client)
            await node.called("never")
            await node.called("events.subscribe")
    assert [] in ended
    assert ConnectionLost in ended


class Silent(ByteStream):
    """A stream that says nothing, and whose reader does not notice that it was closed."""

    async def send(self, item: bytes) -> None:
        await anyio.lowlevel.checkpoint()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await anyio.sleep_forever()
        return b""

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()


class Abrupt(Silent):
    """One whose reader notices that it was closed a moment before it is cancelled."""

    async def receive(self, max_bytes: int = 65536) -> bytes:
        try:
            return await super().receive(max_bytes)
        except anyio.get_cancelled_exc_class():
            raise anyio.ClosedResourceError from None


@pytest.mark.parametrize("stream", [Silent, Abrupt])
async def test_leaving_the_client_waits_for_no_stream(stream: type[Silent]) -> None:
    async def connect() -> ByteStream:
        return stream()

    ended: list[str] = []

    async def call(client: Client) -> None:
        with pytest.raises(ConnectionLost):
            await client.call("never")
        ended.append("call")

    async def follow(client: Client) -> None:
        ended.extend([event.topic async for event in client.events()])
        ended.append("events")

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks, Client(connect=connect) as client:
            tasks.start_soon(call, client)
            tasks.start_soon(follow, client)
            await anyio.wait_all_tasks_blocked()
    assert sorted(ended) == ["call", "events"]


async def test_a_way_to_connect_that_fails_is_a_node_that_is_not_running() -> None:
    async def connect() -> ByteStream:
        raise ConnectionRefusedError

    async with Client(connect=connect) as client:
        with pytest.raises(NodeNotRunning, match="cannot be reached"):
            await client.identity.show()


async def test_leaving_the_client_tells_also_those_who_posted_calls(node: WireNode) -> None:
    node.methods["never"] = never
    told: list[object] = []
    async with Client(node.path) as client:
        client.post("never", {}, told.append)
        await node.called("never")
        client.post("never", {}, told.append)
    assert [str(error) for error in told] == ["The client was closed."] * 2


async def test_a_client_that_was_left_says_so_and_gives_up_what_is_posted(node: WireNode) -> None:
    async with Client(node.path) as client:
        await client.identity.show()
    told: list[object] = []
    client.post("identity.show", {}, told.append)
    assert [type(one) for one in told] == [ConnectionLost]
    with pytest.raises(RuntimeError, match="async with"):
        await client.identity.show()
    assert node.connections == 1
