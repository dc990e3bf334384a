"""A way to a daemon's socket that loses an answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio import CancelScope
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.daemon import Daemon


@asynccontextmanager
async def losing(daemon: Daemon, method: str) -> AsyncIterator[Path]:
    """A socket that leads to a daemon; the first connection on which a method was answered ends without the answer."""
    lost = False

    async def lead(client: ByteStream) -> None:
        asked: set[int] = set()

        async def there(node: ByteStream, over: CancelScope) -> None:
            async for line in lines(client):
                if json.loads(line)["method"] == method:
                    asked.add(json.loads(line)["id"])
                await node.send(line)
            over.cancel()

        nonlocal lost
        async with client, await anyio.connect_unix(daemon.socket) as node, anyio.create_task_group() as tasks:
            tasks.start_soon(there, node, tasks.cancel_scope)
            async for line in lines(node):
                if not lost and json.loads(line).get("id") in asked:
                    lost = True
                    break
                await client.send(line)
            tasks.cancel_scope.cancel()

    path = daemon.folder / "way"
    async with await anyio.create_unix_listener(path) as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, lead)
        yield path
        tasks.cancel_scope.cancel()


async def lines(stream: ByteStream) -> AsyncIterator[bytes]:
    """What comes, line by line, until it ends."""
    coming = BufferedByteReceiveStream(stream)
    with suppress(anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError):
        while True:
            yield await coming.receive_until(b"\n", 1 << 20) + b"\n"
