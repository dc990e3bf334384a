"""A transport that runs for a test: started with its own key, watched, with an echo handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskStatus
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api import Component, Secret, StreamClosed
from mepassad.api.node_id import node_id_from_key
from mepassad.api.transport import Stream, Transport
from mepassad.api.types import NodeId
from mepassad.testing.component import Lines, live

ECHO = "/test/echo/1"
HOLD = "/test/hold/1"
CHUNK = bytes(range(256)) * 128
"""32 KiB whose order shows."""

TIMEOUT = 40.0
"""Seconds after which a test gives up waiting."""


@dataclass
class Node:
    """A transport that runs: its id, its log, and which peers it saw and lost."""

    id: NodeId
    transport: Transport
    log: Lines
    seen: list[NodeId] = field(default_factory=list)
    lost: list[NodeId] = field(default_factory=list)
    leave: anyio.Event = field(default_factory=anyio.Event)
    left: anyio.Event = field(default_factory=anyio.Event)

    async def open(self, peer: Node, protocol: str = ECHO) -> Stream:
        """A stream to another node, dialled if need be."""
        return await self.transport.open(peer.id, peer.transport.addresses(), protocol)

    async def stop(self) -> None:
        """Leave the component and wait until it is gone."""
        self.leave.set()
        await self.left.wait()


async def run_node(
    component: Component[Transport],
    config: Any,
    seed: bytes,
    folder: Path,
    *,
    task_status: TaskStatus[Node] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Run one transport with an echo handler until its node is stopped; `started` gives the `Node`."""
    node_id = node_id_from_key(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())
    log = Lines()
    async with live(component, config=config, folder=folder, name="transport", log=log, node_key=Secret(seed)) as made:
        node = Node(node_id, made, log)
        made.watch(node.seen.append, node.lost.append)
        made.handle(ECHO, echo)
        await made.listen()
        task_status.started(node)
        await node.leave.wait()
    node.left.set()


async def echo(stream: Stream) -> None:
    """Send everything back."""
    while data := await stream.read():
        stream.write(data)
        await stream.drain()


async def read_exactly(stream: Stream, size: int) -> bytes:
    """`size` bytes; fewer only if the stream ends."""
    data = bytearray()
    while len(data) < size and (more := await stream.read()):
        data += more
    return bytes(data)


async def read_all(stream: Stream) -> bytes:
    """Everything until the end."""
    data = bytearray()
    while more := await stream.read():
        data += more
    return bytes(data)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail after `TIMEOUT` seconds."""
    with anyio.fail_after(TIMEOUT):
        while not condition():  # noqa: ASYNC110 any condition, not one that tells
            await anyio.sleep(0.005)


async def assert_echoes(stream: Stream, data: bytes = b"hello") -> None:
    """That the other end still serves the stream."""
    stream.write(data)
    with anyio.fail_after(TIMEOUT):
        assert await read_exactly(stream, len(data)) == data


class Held:
    """A handler that reads nothing until a test lets it."""

    def __init__(self, node: Node) -> None:
        self.streams: list[Stream] = []
        self.received: list[bytes] = []
        self.release = anyio.Event()
        node.transport.handle(HOLD, self)

    async def __call__(self, stream: Stream) -> None:
        self.streams.append(stream)
        await self.release.wait()
        self.received.append(await read_all(stream))


async def fill(stream: Stream, limit: int) -> int:
    """Write and drain until `drain` waits for the reader; the bytes written. Fails above `limit`."""
    written = 0
    while written <= limit:
        stream.write(CHUNK)
        written += len(CHUNK)
        with anyio.move_on_after(0.5) as waited:
            await stream.drain()
        if waited.cancelled_caught:
            return written
    raise AssertionError(f"a reader who does not read was sent {written} bytes")


def refuses(write: Callable[[bytes], None]) -> bool:
    """Whether a stream takes no more bytes."""
    try:
        write(b"?")
    except StreamClosed:
        return True
    return False
