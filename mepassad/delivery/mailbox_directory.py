"""The second directory: records at mailbox nodes, over `/mepassa/directory/1`. docs/protocol/directory.md."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from mepassad.api.directory import Check, Record
from mepassad.api.types import NodeId
from mepassad.delivery.links import Links
from mepassad.errors import StreamClosed, Unreachable
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.identity import parse
from mepassad.wire.messages_pb2 import DirectoryReply, DirectoryRequest
from mepassad.wire.records import DIRECTORY_PROTOCOL, MAX_MESSAGE, RecordRefusal

PATIENCE = 10.0
"""Seconds for one question and its answer, dialling included."""


class MailboxDirectory:
    """What one mailbox node keeps of the directory. Implements `mepassad.api.directory.Directory`."""

    def __init__(self, node: NodeId, addresses: Sequence[str], links: Links) -> None:
        """`addresses` are without `/p2p`."""
        self.name: str = node
        self._node, self._addresses, self._links = node, addresses, links

    def admit(self, check: Check) -> None:
        """The node has rules of its own."""

    async def publish(self, key: bytes, record: Record, lifetime: int) -> None:
        """Offer a record; how long it is kept is in the record. Raises `Unreachable`."""
        reply = await self._ask(DirectoryRequest(key=key, record=record.value))
        if reply.refusal not in (0, RecordRefusal.OLDER):
            raise Unreachable("The mailbox node does not keep this record now.")

    async def find(self, key: bytes) -> Record | None:
        """The record that the node keeps, its version yet to be checked. Raises `Unreachable`, `MalformedContent`."""
        reply = await self._ask(DirectoryRequest(key=key))
        return Record(reply.record, 0) if reply.record else None

    async def _ask(self, request: DirectoryRequest) -> DirectoryReply:
        splitter = Splitter(MAX_MESSAGE)
        try:
            with anyio.move_on_after(PATIENCE):
                stream = await self._links.stream(self._node, self._addresses, DIRECTORY_PROTOCOL)
                try:
                    stream.write(pack(request.SerializeToString()))
                    while data := await stream.read():
                        for raw in splitter.feed(data):
                            return parse(DirectoryReply, raw)
                finally:
                    stream.abort()
        except StreamClosed as error:
            raise Unreachable from error
        raise Unreachable("The mailbox node does not answer.")

    def stats(self) -> dict[str, int]:
        """Nothing is counted."""
        return {}
