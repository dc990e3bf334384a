"""A client with a token shows it first on every connection, and ends with it."""

from __future__ import annotations

import gc
import traceback
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from mepassa import Client, ConnectionLost, Events, InvalidCall, TokenRefused
from wire_node import Wire, WireNode

TOKEN = "mpt_canary"


@pytest.fixture
def node(node: WireNode) -> WireNode:
    node.tokens = {TOKEN}
    return node


async def never(wire: Wire) -> dict[str, Any]:
    await anyio.sleep_forever()
    return {}


async def test_the_token_comes_first_on_each_connection(node: WireNode) -> None:
    node.publish("contact.added")
    async with Client(node.path, token=TOKEN) as client:
        await client.identity.show()
        await client.identity.show()
        await anext(client.events(after=0))
    assert [method for method, _ in node.calls] == [
        "system.hello", "identity.show", "identity.show", "system.hello", "events.subscribe",
    ]  # fmt: skip
    assert node.calls[0][1] == {"client": "mepassa 0.1.0", "api": 1, "token": TOKEN}


async def test_a_token_is_shown_again_after_a_lost_connection(node: WireNode) -> None:
    hello = len(b'{"jsonrpc": "2.0", "id": 1, "result": {"version": "0", "api": 1}}\n')
    node.lives = [hello]
    async with Client(node.path, token=TOKEN) as client:
        with pytest.raises(ConnectionLost):
            await client.identity.show()
        await client.identity.show()
    assert node.shown == [TOKEN, TOKEN]


async def test_without_a_token_no_greeting_is_sent(node: WireNode) -> None:
    async with Client(node.path) as client:
        with pytest.raises(TokenRefused):
            await client.identity.show()
    assert node.shown == []


async def test_a_token_that_is_not_good_is_refused_at_the_first_call_and_events_do_not_try_again(
    node: WireNode,
) -> None:
    async with Client(node.path, token="other") as client:
        with pytest.raises(TokenRefused):
            await client.identity.show()
        with pytest.raises(TokenRefused):
            await anext(client.events())
        with pytest.raises(TokenRefused):
            await client.events().__aenter__()
    assert node.shown == ["other"] * 3


async def test_a_revoked_token_ends_the_calls_that_wait_and_the_streams_of_events(node: WireNode) -> None:
    node.methods["never"] = never
    ended: list[str] = []

    async def call(client: Client) -> None:
        with pytest.raises(TokenRefused):
            await client.call("never")
        ended.append("call")

    async def follow(events: Events) -> None:
        with pytest.raises(TokenRefused):
            await anext(events)
        ended.append("events")

    with anyio.fail_after(30):
        async with Client(node.path, token=TOKEN) as client, client.events() as events:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, client)
                tasks.start_soon(call, client)
                tasks.start_soon(follow, events)
                await node.called("never")
                await node.revoke(TOKEN)
            assert sorted(ended) == ["call", "call", "events"]
            with pytest.raises(TokenRefused):
                await client.identity.show()
    assert node.connections == 3  # calls, events, and the call that found out again


async def test_a_token_revoked_while_events_were_away_ends_them(node: WireNode) -> None:
    node.publish("contact.added")
    async with Client(node.path, token=TOKEN) as client:
        events = client.events(after=0)
        assert (await anext(events)).seq == 1
        node.tokens = set()
        await node.cut()
        with anyio.fail_after(30), pytest.raises(TokenRefused):
            await anext(events)


class Farewell(ByteStream):
    """A node that took the greeting, said farewell and hung up, and whose words are read only after the next call."""

    def __init__(self, method: str) -> None:
        self.method = method.encode()
        self.spoke = anyio.Event()
        self.words = [b'{"jsonrpc":"2.0","id":1,"result":{}}\n']

    async def send(self, item: bytes) -> None:
        if self.method in item:
            refusal = b'{"code":2000,"message":"No.","data":{"name":"TokenRefused"}}'
            self.words.append(b'{"jsonrpc":"2.0","id":null,"error":' + refusal + b"}\n")
            self.spoke.set()
            raise anyio.BrokenResourceError
        await anyio.lowlevel.checkpoint()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self.words:
            await self.spoke.wait()
        await anyio.lowlevel.checkpoint()
        if not self.words:
            raise anyio.EndOfStream
        return self.words.pop(0)

    async def send_eof(self) -> None:
        raise NotImplementedError

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("method", ["identity.show", "events.subscribe"])
async def test_a_refusal_said_before_the_node_hung_up_is_told_also_to_who_speaks_then(method: str) -> None:
    async def connect() -> ByteStream:
        return Farewell(method)

    async with Client(token=TOKEN, connect=connect) as client:
        with anyio.fail_after(30), pytest.raises(TokenRefused):
            await (client.identity.show() if method == "identity.show" else anext(client.events()))


async def test_the_token_is_in_no_repr_and_no_error(node: WireNode, tmp_path: Path) -> None:
    async def fails(wire: Wire, **params: Any) -> dict[str, Any]:
        await wire.write_bytes(b"junk " + TOKEN.encode() + b"\n")
        return {}

    client = Client(node.path, token=TOKEN)
    shown = [repr(client), repr(client._way), repr(client.events()), str(client)]
    node.methods["system.hello"] = fails
    for token in (TOKEN, TOKEN + "\ud800", TOKEN * 100):
        async with Client(node.path, token=token) as client:
            with pytest.raises((ConnectionLost, InvalidCall)) as caught:
                await client.identity.show()
            shown += traceback.format_exception(caught.value)
            shown += [repr(caught.value), repr(caught.value.__context__)]
    assert not [line for line in shown if TOKEN in line]
    gc.collect()
