"""Junk on real sockets: one named error a line, and nobody else notices."""

from __future__ import annotations

import anyio
import pytest
from asking import alive, errors
from fake_node import ListLog, Serve

from mepassad.testing.rpc_client import connect

HELLO = b'{"jsonrpc":"2.0","id":%d,"method":"system.hello"}\n'


@pytest.mark.parametrize(
    ("junk", "names"),
    [
        (b"junk\n", ["ParseError"]),
        (b"\n\n", ["ParseError"] * 2),
        (b"\xff\xfe\n", ["ParseError"]),
        (b"[" + HELLO.strip() % 1 + b"]\n", ["InvalidRequest"]),
        (b"{}\n", ["InvalidRequest"]),
        (b'{"jsonrpc":"2.0","id":"x","method":"no.such"}\n', ["MethodNotFound"]),
        (b'{"jsonrpc":"2.0","id":"x","method":"system.hello","params":[1]}\n', ["InvalidParams"]),
        (b'{"jsonrpc":"2.0","id":"x","method":"system.hello","params":{"x":1}}\n', ["InvalidParams"]),
        (b"[" * 100_000 + b"\n", ["InvalidRequest"]),
        (b'{"a":' * 100_000 + b"\n", ["InvalidRequest"]),
        (b'{"jsonrpc":"2.0","id":"x","method":"m","params":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
         ["InvalidRequest"]),
        (b"?\n" * 3000, ["ParseError"] * 3000),
    ],
)  # fmt: skip
async def test_junk_gets_one_named_error_a_line_and_the_session_goes_on(
    served: Serve, log: ListLog, junk: bytes, names: list[str]
) -> None:
    async with served() as path, connect(path) as client, connect(path) as other:
        await client.send(junk)
        assert (await other.call("system.hello"))["api"] == 1
        await client.until(lambda: len(client.others) == len(names))
        assert errors(client) == names
        assert (await client.call("system.hello"))["api"] == 1
    assert log.lines == []


async def test_a_line_at_the_limit_is_answered_and_a_longer_one_closes_the_session(served: Serve) -> None:
    async with served(max_line=4096) as path, connect(path) as client, connect(path) as other:
        hello = (HELLO % 900).strip()
        await client.send(hello + b" " * (4096 - len(hello)) + b"\n")
        await client.until(lambda: len(client.others) == 1)
        await client.send(hello + b" " * (4097 - len(hello)) + b"\n" + HELLO % 901)
        await client.until_closed()
        assert "result" in client.others[0]
        assert [(reply["id"], reply["error"]["data"]) for reply in client.others[1:]] == [
            (None, {"name": "InvalidRequest", "limit": 4096})
        ]
        assert (await other.call("system.hello"))["api"] == 1


async def test_a_line_that_never_ends_is_cut_off_and_calls_before_it_are_answered(served: Serve) -> None:
    async with served(max_line=4096) as path, connect(path) as client:
        call = await client.begin("system.hello")
        await client.send(b"x" * 5000)
        await client.until_closed()
        assert call in client._replies
        assert errors(client) == ["InvalidRequest"]


async def test_a_megabyte_line_passes_by_default_and_more_does_not(served: Serve) -> None:
    async with served() as path, connect(path) as client:
        hello = (HELLO % 900).strip()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.send, hello + b" " * ((1 << 20) - len(hello)) + b"\n")
            await client.until(lambda: len(client.others) == 1)
        assert "result" in client.others[0]


async def test_one_sessions_flood_of_junk_does_not_keep_a_newcomer_waiting(served: Serve) -> None:
    flooded = 40_000  # lines that fit into the socket's buffer
    async with served() as path, connect(path) as flood:
        await flood.send(b"?\n" * flooded)
        for _ in range(3):
            assert await alive(path)
        assert len(errors(flood)) < flooded  # the newcomers did not wait until all the junk was answered
