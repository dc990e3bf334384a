"""Streams to mailbox nodes of others, shared by all that is deposited there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

from anyio.abc import TaskGroup

from mepassad.api.context import Clock, Log
from mepassad.api.types import NodeId
from mepassad.delivery.links import Links
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.errors import MepassaError
from mepassad.wire.mailbox import MAILBOX_PROTOCOL

PATIENCE = 20.0  # seconds for the hello of a mailbox node, and for each of its answers
IDLE = 60.0  # seconds that a stream is kept after it was last asked for


class MailboxNodes:
    """At most one stream to each node, dialled when it is asked for and ended once nobody asks for it."""

    def __init__(self, clock: Clock, log: Log) -> None:
        """`links` and `tasks` are set once there are transports."""
        self._clock, self._log = clock, log
        self._streams: dict[NodeId, MailboxStream] = {}
        self._asked: dict[NodeId, float] = {}
        self._dialling: WeakValueDictionary[NodeId, asyncio.Lock] = WeakValueDictionary()
        self.links: Links
        self.tasks: TaskGroup

    async def stream(self, node: NodeId, addresses: Sequence[str]) -> MailboxStream:
        """A live stream to a node. Raises `Unreachable`, `OtherNode`, `StreamClosed`, `MailboxRefused`."""
        async with self._dialling.setdefault(node, asyncio.Lock()):
            self._asked[node] = self._clock.monotonic()
            if (live := self._streams.get(node)) is not None:
                return live
            raw = await self.links.stream(node, addresses, MAILBOX_PROTOCOL)
            stream = await MailboxStream.opened(raw, self._clock, PATIENCE)
            self._streams[node] = stream
            self.tasks.start_soon(self._live, stream)
            self.tasks.start_soon(self._rest, stream)
            return stream

    async def _live(self, stream: MailboxStream) -> None:
        try:
            await stream.run()
        except MepassaError as error:
            self._log.info("a stream to a mailbox node ended", node=stream.node, reason=error.sentence)
        except Exception as error:
            # A mistake of ours that a node's bytes can provoke must cost that stream, never the node.
            self._log.error("a stream to a mailbox node failed", node=stream.node, reason=type(error).__name__)
        finally:
            stream.abort()
            if self._streams.get(stream.node) is stream:
                del self._streams[stream.node]
                del self._asked[stream.node]

    async def _rest(self, stream: MailboxStream) -> None:
        """End a stream that nobody has asked for lately."""
        while self._streams.get(stream.node) is stream:
            idle = self._clock.monotonic() - self._asked[stream.node]
            if idle >= IDLE:
                stream.abort()
                return
            await self._clock.sleep(IDLE - idle)
