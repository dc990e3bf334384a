"""The second directory: a mailbox node keeps records for others, `/mepassa/directory/1`. docs/protocol/directory.md."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import anyio

from mepassad.api.context import Clock
from mepassad.api.directory import Check
from mepassad.api.mailbox import Kept
from mepassad.api.transport import Stream
from mepassad.api.types import NodeId
from mepassad.errors import MepassaError
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.identity import parse
from mepassad.wire.messages_pb2 import DirectoryReply, DirectoryRequest
from mepassad.wire.records import LIFE, MAX_MESSAGE, RecordRefusal

REQUESTS = 64
"""Requests that are answered on one stream."""

PATIENCE = 20.0
"""Seconds that each of them may take to come whole, and its answer to be read."""

RATES = (64, 256)
"""Records that one node may put, and ask for, in a minute."""

NODES = 4096
"""Nodes whose requests are counted; beyond, the one that came longest ago is counted anew."""

_MINUTE = 60.0


class Records(Protocol):
    """What keeps records: a mailbox (`mepassad.api.mailbox.Mailbox`)."""

    async def keep_record(self, key: bytes, record: Kept) -> bool:
        """Keep a record in place of one of a lower version; whether it is the one that is kept now."""
        ...

    async def record(self, key: bytes) -> Kept | None:
        """The record under a key, or None."""
        ...


class RecordServer:
    """Answers whoever asks: a record is found by those alone who were told its number. It is kept for those whose
    mailbox this node is."""

    def __init__(
        self, records: Callable[[], Records | None], admits: Callable[[NodeId], bool], check: Check, clock: Clock
    ) -> None:
        """`records` gives what keeps them, None while it is being started; `admits`: whose are kept; `check`: what a
        record must be to be kept."""
        self._records, self._admits, self._check, self._clock = records, admits, check, clock
        self._counts: OrderedDict[NodeId, tuple[float, list[int]]] = OrderedDict()

    async def serve(self, stream: Stream) -> None:
        """Answer the requests on one stream. Raises `MalformedContent`, `MalformedFrame`, `FrameTooLarge`, which end
        it."""
        splitter, left = Splitter(MAX_MESSAGE), REQUESTS
        while left:
            with anyio.move_on_after(PATIENCE) as patience:
                done = await self._next(stream, splitter, left)
            if patience.cancelled_caught:
                stream.abort()
                return
            if not done:
                break
            left -= done
        await stream.close()

    async def _next(self, stream: Stream, splitter: Splitter, left: int) -> int:
        """Answer the requests that come together, `left` at most; how many, none at the end of the stream."""
        while data := await stream.read():
            if requests := splitter.feed(data)[:left]:
                for raw in requests:
                    reply = await self.answer(stream.peer, parse(DirectoryRequest, raw))
                    stream.write(pack(reply.SerializeToString()))
                    await stream.drain()
                return len(requests)
        return 0

    async def answer(self, node: NodeId, request: DirectoryRequest) -> DirectoryReply:
        """The answer to one request of a node."""
        records = self._records()
        if records is None or not self._may(node, 0 if request.record else 1):
            return DirectoryReply(refusal=RecordRefusal.BUSY)
        try:
            if request.record:
                if not self._admits(node):
                    return DirectoryReply(refusal=RecordRefusal.BUSY)
                return await self._keep(records, request.key, request.record)
            kept = await records.record(request.key)
            return DirectoryReply() if kept is None else self._still_good(request.key, kept)
        except MepassaError:  # a full disk, or too many records
            return DirectoryReply(refusal=RecordRefusal.BUSY)

    async def _keep(self, records: Records, key: bytes, value: bytes) -> DirectoryReply:
        try:
            version = self._check(key, value)
        except MepassaError:
            return DirectoryReply(refusal=RecordRefusal.INVALID)
        if await records.keep_record(key, Kept(value, version, version + LIFE)):
            return DirectoryReply()
        kept = await records.record(key)
        return DirectoryReply(record=kept.value if kept else b"", refusal=RecordRefusal.OLDER)

    def _still_good(self, key: bytes, kept: Kept) -> DirectoryReply:
        try:
            self._check(key, kept.value)
        except MepassaError:  # past its life, and not yet expired here
            return DirectoryReply()
        return DirectoryReply(record=kept.value)

    def _may(self, node: NodeId, what: int) -> bool:
        """Count a request; whether it is below the rate."""
        now = self._clock.monotonic()
        began, counts = self._counts.pop(node, (now, [0, 0]))
        if now - began >= _MINUTE:
            began, counts = now, [0, 0]
        counts[what] += 1
        self._counts[node] = began, counts
        if len(self._counts) > NODES:
            self._counts.popitem(last=False)
        return counts[what] <= RATES[what]
