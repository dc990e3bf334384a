"""The other end of the mailbox benchmark, a process of its own: python -m bench.mailbox_client ADDRESS COUNT."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component

from bench.mailbox import BOXES, FETCH, SIZE, deposit
from mepassad.api.types import NodeId
from mepassad.clock import SystemClock
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.testing.transport_node import Node, run_node
from mepassad.wire.mailbox import MAILBOX_PROTOCOL

WAITING = 1000
HOURS = 24
PATIENCE = 60.0


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[MailboxStream]:
    """A stream to the daemon, from a node that was not there before."""
    peer = NodeId(address.rpartition("/")[2])
    with tempfile.TemporaryDirectory(prefix="mepassa-bench-") as place:
        async with anyio.create_task_group() as tasks:
            node: Node = await tasks.start(run_node, component, Config(listen=()), os.urandom(32), Path(place))
            stream = await node.transport.open(peer, [address], MAILBOX_PROTOCOL)
            mailbox = await MailboxStream.opened(stream, SystemClock(), PATIENCE)
            tasks.start_soon(mailbox.run)
            yield mailbox
            mailbox.abort()
            node.leave.set()


async def drain(mailbox: MailboxStream, box: Ed25519PrivateKey) -> int:
    """All that waits in a box, deleted there; how many."""
    count = 0
    while some := await mailbox.fetch(box, 0, FETCH):
        await mailbox.ack(box, [one.id for one in some])
        count += len(some)
    return count


async def flood(address: str, count: int) -> dict[str, float]:
    """Deposits and drains a second."""
    boxes = [Ed25519PrivateKey.generate() for _ in range(BOXES)]
    numbers = [box.public_key().public_bytes_raw() for box in boxes]
    async with connected(address) as mailbox:
        await mailbox.open(boxes)
        deposits = await deposit(lambda number, sealed: mailbox.put([number], sealed, HOURS), numbers, count)
        drained = list[int]()

        async def work(mine: Sequence[Ed25519PrivateKey]) -> None:
            for box in mine:
                drained.append(await drain(mailbox, box))

        begin = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for first in range(8):
                tasks.start_soon(work, boxes[first::8])
        seconds = time.perf_counter() - begin
    if sum(drained) != count:
        raise RuntimeError(f"{count} envelopes were put, {sum(drained)} were drained.")
    return {"deposits": deposits, "drained": count / seconds}


async def returning(address: str) -> dict[str, float]:
    """Milliseconds from connecting to the first waiting envelope, and to the last of a thousand, all acked."""
    box = Ed25519PrivateKey.generate()
    number = box.public_key().public_bytes_raw()
    async with connected(address) as mailbox:
        await mailbox.open([box])
        await deposit(lambda number, sealed: mailbox.put([number], sealed, HOURS), [number], WAITING)
    peer = NodeId(address.rpartition("/")[2])
    with tempfile.TemporaryDirectory(prefix="mepassa-bench-") as place:
        async with anyio.create_task_group() as tasks:
            node: Node = await tasks.start(run_node, component, Config(listen=()), os.urandom(32), Path(place))
            begin = time.perf_counter()
            stream = await node.transport.open(peer, [address], MAILBOX_PROTOCOL)
            mailbox = await MailboxStream.opened(stream, SystemClock(), PATIENCE)
            tasks.start_soon(mailbox.run)
            await mailbox.open([box])
            await mailbox.watch([box])
            first = await mailbox.fetch(box, 0, 1)
            to_first = time.perf_counter() - begin
            if len(first[0].sealed) != SIZE or await drain(mailbox, box) != WAITING:
                raise RuntimeError("What waited is not what was put.")
            to_last = time.perf_counter() - begin
            mailbox.abort()
            node.leave.set()
    return {"first waiting": to_first * 1e3, "1,000 waiting": to_last * 1e3}


async def main(address: str, count: int) -> None:
    """All figures, as one JSON object."""
    print(json.dumps({**await flood(address, count), **await returning(address)}))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    anyio.run(main, sys.argv[1], int(sys.argv[2]))
