"""One end of a transport alone, storing nothing: python -m bench.transports libp2p|iroh [ID ADDRESS …]

Without an id it listens, tells where, and serves until it is killed. With one it dials and measures, in JSON lines.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component as libp2p

from mepassad.api.transport import Stream
from mepassad.api.types import NodeId
from mepassad.testing.transport_node import ECHO, Node, read_exactly, run_node
from mepassad.usage import usage

SINK = "/mepassa/bench/sink/1"
HEAD = 8  # bytes of the size that a transfer begins with
FRAME = 1142
WARM_UP, ROUND_TRIPS, FRAMES = 100, 1000, 5000
BULK_BYTES, BULK_WRITE = 64 << 20, 64 << 10


def _iroh() -> tuple[Any, Any]:
    from bench.iroh_transport import component

    return component, None


KINDS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "libp2p": lambda: (libp2p, Config(listen=("/ip4/127.0.0.1/tcp/0",))),
    "iroh": _iroh,
}


async def sink(stream: Stream) -> None:
    """Read the size of what comes, then that much; answer when it is here."""
    head = await read_exactly(stream, HEAD)  # or more than that
    missing = int.from_bytes(head[:HEAD], "big") - (len(head) - HEAD)
    while missing > 0 and (data := await stream.read()):
        missing -= len(data)
    stream.write(b".")


async def dial(node: Node, peer: NodeId, addresses: list[str]) -> None:
    """All figures of one transport."""
    begin = time.perf_counter()
    stream = await node.transport.open(peer, addresses, ECHO)
    tell("connect", (time.perf_counter() - begin) * 1e3, "ms")
    await ping_pong(stream)
    await one_way(await node.transport.open(peer, [], SINK), "frames, 1 a write", FRAME, FRAMES * FRAME)
    await one_way(await node.transport.open(peer, [], SINK), "bulk", BULK_WRITE, BULK_BYTES)
    tell("memory", usage([])["rss_bytes"] / 2**20, "MiB")


async def ping_pong(stream: Stream) -> None:
    """One way is half a round trip."""
    times, frame = [], bytes(FRAME)
    for _ in range(WARM_UP + ROUND_TRIPS):
        begin = time.perf_counter()
        stream.write(frame)
        await read_exactly(stream, FRAME)
        times.append((time.perf_counter() - begin) / 2 * 1e3)
    times = sorted(times[WARM_UP:])
    tell("one-way p50", times[len(times) // 2], "ms")
    tell("one-way p99", times[len(times) * 99 // 100], "ms")


async def one_way(stream: Stream, name: str, size: int, total: int) -> None:
    """`total` bytes in writes of `size`, until the other end has them."""
    stream.write(total.to_bytes(HEAD, "big"))
    begin, data = time.perf_counter(), bytes(size)
    for _ in range(total // size):
        stream.write(data)
        await stream.drain()
    await read_exactly(stream, 1)
    seconds = time.perf_counter() - begin
    if size == FRAME:
        tell(name, total / size / seconds, "/s")
    else:
        tell(name, total / 2**20 / seconds, "MiB/s")


def tell(name: str, value: float, unit: str) -> None:
    """A figure."""
    print(json.dumps({"name": name, "value": value, "unit": unit}), flush=True)


async def main(kind: str, peer: list[str]) -> None:
    """Run one end."""
    component, config = KINDS[kind]()
    with tempfile.TemporaryDirectory(prefix="mepassa-bench-") as folder:
        async with anyio.create_task_group() as tasks:
            seed = bytes([1 + bool(peer)]) * 32
            node: Node = await tasks.start(run_node, component, config, seed, Path(folder))
            if peer:
                await dial(node, NodeId(peer[0]), peer[1:])
                node.leave.set()
            else:
                node.transport.handle(SINK, sink)
                print(json.dumps({"id": node.id, "addresses": node.transport.addresses()}), flush=True)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    anyio.run(main, sys.argv[1], sys.argv[2:])
