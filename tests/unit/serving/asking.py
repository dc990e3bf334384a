"""Streams to a mailbox node, for tests: of a real node over the memory transport, or to what a test plays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.transport import Stream
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.mailbox import MAILBOX_PROTOCOL

PATIENCE = 30.0  # seconds of the test's clock


class Box:
    """A box and its owner's key."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.number = self.key.public_key().public_bytes_raw()


async def dialled(client: RunningNode, server: RunningNode, protocol: str = MAILBOX_PROTOCOL) -> Stream:
    """A bare stream from one node to another."""
    addresses = [address.rpartition("/p2p/")[0] for address in server.node.addresses()]
    return await client.core.router.links.stream(server.node_id, addresses, protocol)


@asynccontextmanager
async def asking(nodes: Nodes, client: RunningNode, server: RunningNode) -> AsyncIterator[MailboxStream]:
    """A stream to a mailbox node, while it is used."""
    async with anyio.create_task_group() as tasks:
        stream = await MailboxStream.opened(await dialled(client, server), nodes.clock, PATIENCE)
        tasks.start_soon(stream.run)
        yield stream
        stream.abort()
        tasks.cancel_scope.cancel()
