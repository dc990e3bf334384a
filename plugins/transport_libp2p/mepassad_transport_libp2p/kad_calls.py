"""One question of the DHT and its answer, over a stream of its own; and what is served to others on theirs."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

import trio
from libp2p.abc import INetStream
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited

from mepassad.api.types import NodeId
from mepassad_transport_libp2p.compat.circuit import give_up
from mepassad_transport_libp2p.kad_pb2 import KadRequest
from mepassad_transport_libp2p.kad_shelf import Shelf
from mepassad_transport_libp2p.kad_table import Table
from mepassad_transport_libp2p.kad_wire import (
    MAX_REPLY,
    MAX_REQUEST,
    Peer,
    Reply,
    network,
    pack_reply,
    parse_reply,
    parse_request,
)
from mepassad_transport_libp2p.remote import host_of

PATIENCE = 5.0
"""Seconds for one question and its answer, dialling included."""

MAX_STREAMS = 64
"""Streams that are served at once; of more, the oldest ends, since an honest one takes a moment."""

MAX_STREAMS_PER_PEER = 4
"""Streams of one node that are served at once."""

PUTS = 64
"""Records that are taken from one node in a minute."""

COUNTED = 4096
"""Nodes whose records are counted; beyond, the one that came longest ago is counted anew."""


async def ask(net: INetStream, request: KadRequest) -> Reply:
    """Ask on a stream, and end it. Raises ValueError on junk, and what silence and a lost stream raise."""
    try:
        await net.write(encode_varint_prefixed(request.SerializeToString()))
        raw = await read_varint_prefixed_bytes_limited(net, MAX_REPLY)
    finally:
        await give_up(net)
    return parse_reply(raw, host_of(net))


class Answers:
    """Serves others, while there is anything to serve them with."""

    def __init__(self, table: Table, shelf: Shelf, claimed: Callable[[Peer, str], None]) -> None:
        """`claimed` hears where a server that asks says it listens, and the IP address that it came from."""
        self._table, self._shelf, self._claimed = table, shelf, claimed
        self._streams: Counter[NodeId] = Counter()
        self._scopes: dict[INetStream, trio.CancelScope] = {}  # the oldest first
        self._puts: OrderedDict[NodeId, tuple[float, int]] = OrderedDict()

    async def serve(self, node: NodeId, net: INetStream) -> None:
        """Answer the one request of a stream, in bounded time, if its node has not too many."""
        if self._streams[node] >= MAX_STREAMS_PER_PEER:
            await give_up(net)
            return
        if len(self._scopes) >= MAX_STREAMS:
            self._scopes.pop(next(iter(self._scopes))).cancel()
        self._streams[node] += 1
        answered = False
        try:
            with trio.move_on_after(PATIENCE) as self._scopes[net]:
                raw = await read_varint_prefixed_bytes_limited(net, MAX_REQUEST)
                reply = self.answer(node, parse_request(raw), host_of(net))
                await net.write(encode_varint_prefixed(pack_reply(reply)))
                await net.close()
                answered = True
        finally:
            self._scopes.pop(net, None)
            self._streams -= Counter([node])  # drops what is zero
            if not answered:
                await give_up(net)

    def answer(self, node: NodeId, request: KadRequest, host: str) -> Reply:
        """The answer to one request of a node at an IP address."""
        if request.addresses:
            self._claimed(Peer(node, tuple(request.addresses)), host)
        if request.record:
            origin = network(host) or ""
            return Reply(kept=self._may_put(node) and self._shelf.keep(request.key, request.record, origin))
        nodes = [peer for peer in self._table.nearest(request.target) if peer.id != node]
        return Reply(tuple(nodes), self._shelf.at(request.target))

    def _may_put(self, node: NodeId) -> bool:
        """Count a record; whether the node has not brought too many."""
        now = trio.current_time()
        began, count = self._puts.pop(node, (now, 0))
        if now - began >= 60:
            began, count = now, 0
        self._puts[node] = began, count + 1
        if len(self._puts) > COUNTED:
            self._puts.popitem(last=False)
        return count < PUTS
