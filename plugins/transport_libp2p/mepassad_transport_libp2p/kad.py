"""A node of the DHT, in trio: it asks its way to records, and, as a server, keeps them for others.
docs/protocol/directory.md."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence

import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.rcmgr import Direction

from mepassad.api.context import Log
from mepassad.api.directory import Record
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.address import parse_dial
from mepassad_transport_libp2p.compat.circuit import is_relayed, open_stream
from mepassad_transport_libp2p.compat.identify import observed
from mepassad_transport_libp2p.host import Host
from mepassad_transport_libp2p.kad_calls import PATIENCE, Answers, ask
from mepassad_transport_libp2p.kad_lookup import LookUp
from mepassad_transport_libp2p.kad_pb2 import KadRequest
from mepassad_transport_libp2p.kad_shelf import Shelf
from mepassad_transport_libp2p.kad_table import Subnet, Table
from mepassad_transport_libp2p.kad_wire import (
    MAX_ADDRESSES,
    NEAREST,
    PROTOCOL,
    Peer,
    Reply,
    of_host,
    place_of_node,
    place_of_record,
    subnet,
)
from mepassad_transport_libp2p.remote import host_of, reached_at

ENOUGH = 8
"""Of the nearest nodes that answer, those that are asked for a record; where none has it, `NEAREST` are."""

LOOK_UP = 12.0
"""Seconds that a look-up takes at most: what was found by then counts."""

REFRESH = 600.0
"""Seconds between two looks for who is near."""

ALONE = 10.0
"""The same while nobody is known."""

TIDY = 60.0
"""Seconds between two looks for records whose life is over."""

OWN = 64
"""Records of this node's own that are offered again to a bootstrap node that comes back; the last ones."""

CLAIMS = 1024
"""Servers that asked, of which is remembered when they were dialled last."""

CLAIM_AGAIN = 600.0
"""Seconds until one is dialled again."""

CLAIMS_AT_ONCE = 4
"""Of them dialled at the same time."""

CLAIMS_WAITING = 64
"""Of them that wait for that; more are not dialled before they ask again."""


class Kad:
    """This node's part in the DHT. A client asks; a server is asked, too."""

    def __init__(self, host: Host, bootstrap: Sequence[str], serves: bool, log: Log, subnet: Subnet = subnet) -> None:
        """`bootstrap`: multiaddrs that end in `/p2p/`, to begin with."""
        self._host, self._serves, self._log, self._subnet = host, serves, log, subnet
        self._bootstrap = _peers(bootstrap)
        self._own: OrderedDict[bytes, bytes] = OrderedDict()  # name → record that was put last
        self._gone: set[NodeId] = set()  # bootstrap nodes that were lost
        self._claims: OrderedDict[NodeId, float] = OrderedDict()
        self._proving, self._waiting = trio.CapacityLimiter(CLAIMS_AT_ONCE), 0
        self._wake = trio.Event()
        self.table = Table(host.node_id, subnet)
        self.shelf = Shelf(place_of_node(host.node_id))
        self._answers = Answers(self.table, self.shelf, self._claimed)

    async def run(self) -> None:
        """Take part until cancelled. Only a server looks who is near by itself: it is to be known there."""
        if not self._serves:
            await trio.sleep_forever()
        self.serve()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tidy)
            while True:
                await self.refresh()
                self._wake = trio.Event()
                with trio.move_on_after(REFRESH if len(self.table) else ALONE):
                    await self._wake.wait()

    def serve(self) -> None:
        """Be asked from now on."""
        self._host.serve(PROTOCOL, self._answers.serve)

    async def _tidy(self) -> None:
        while True:
            await trio.sleep(TIDY)
            self.shelf.tidy()

    def met(self, node: NodeId) -> None:
        """A node is connected. Those that this node dialled are asked whether they serve the DHT."""
        if node not in self.table or node in self._gone:
            self._host.start_soon(self._try, node)

    def lost(self, node: NodeId) -> None:
        """A node is connected no more. A bootstrap node may have been started anew, and then has no records."""
        if any(peer.id == node for peer in self._bootstrap):
            self._gone.add(node)

    async def _try(self, node: NodeId) -> None:
        for connection in self._host.connections(node):
            if getattr(connection, "direction", None) is Direction.OUTBOUND and not is_relayed(connection):
                peer = Peer(node, (str(observed(connection.muxed_conn)),))
                if await self._ask(peer, KadRequest(target=place_of_node(self._host.node_id))):
                    self._wake.set()
                    if node in self._gone:
                        self._gone.discard(node)
                        await self._offer_again(peer)
                return

    async def _offer_again(self, peer: Peer) -> None:
        """Have a server keep what this node put, if it is one of those that should."""
        for key, value in tuple(self._own.items()):
            near = self.table.nearest(place_of_record(key))
            if self.shelf.version(key, value) is not None and any(one.id == peer.id for one in near):
                await self._ask(peer, KadRequest(key=key, record=value))

    async def refresh(self) -> None:
        """Look who is near this node, and near some other place."""
        for place in (place_of_node(self._host.node_id), os.urandom(32)):
            await self._look_up(place, lambda record: None)

    async def put(self, key: bytes, record: Record) -> int:
        """Have a record kept at the nodes nearest to its place; at how many it is."""
        near, kept = await self._look_up(place_of_record(key), lambda record: None), [0]
        request = KadRequest(key=key, record=record.value)
        self._own.pop(key, None)
        self._own[key] = record.value
        if len(self._own) > OWN:
            self._own.popitem(last=False)

        async def offer(peer: Peer) -> None:
            reply = await self._ask(peer, request)
            kept[0] += reply is not None and reply.kept

        async with trio.open_nursery() as nursery:
            for peer in near[:NEAREST]:
                nursery.start_soon(offer, peer)
        if self._serves:
            self.shelf.keep(key, record.value)
        return kept[0]

    async def get(self, key: bytes) -> Record | None:
        """The record of the highest version that the nodes nearest to its place have."""
        place, best = place_of_record(key), list[Record]()

        def take(value: bytes) -> None:
            version = self.shelf.version(key, value)
            if version is not None and (not best or version > best[0].version):
                best[:] = [Record(value, version)]

        take(self.shelf.at(place))
        await self._look_up(place, take, lambda: bool(best))
        return best[0] if best else None

    async def _look_up(
        self, place: bytes, take: Callable[[bytes], None], found: Callable[[], bool] | None = None
    ) -> list[Peer]:
        """The nodes nearest to a place that answer, the nearest first; fewer where `found` says that it is enough."""
        request = KadRequest(target=place, addresses=self._own_addresses())

        async def one(peer: Peer) -> Reply | None:
            reply = await self._ask(peer, request)
            if reply is not None and reply.record:
                take(reply.record)
            return reply

        known = self.table.nearest(place)
        start = known if len(known) >= NEAREST else [*known, *self._bootstrap]
        look_up = LookUp(self._host.node_id, place, one, self._subnet)
        with trio.move_on_after(LOOK_UP):
            if found is not None:
                await look_up.run(start, ENOUGH)
            if found is None or not found():
                await look_up.run(start, NEAREST)
        return look_up.nearest()

    def _own_addresses(self) -> list[str]:
        """Where a server listens; a client tells nobody."""
        addresses = self._host.addresses() if self._serves else ()
        return [text.partition("/p2p/")[0] for text in addresses if "/p2p-circuit" not in text][:MAX_ADDRESSES]

    async def _ask(self, peer: Peer, request: KadRequest) -> Reply | None:
        """A node's answer; who answers is known from then on, who does not is forgotten. Whoever is known is asked
        where it was reached, too, so that nobody makes it forgotten by telling of it wrongly."""
        addresses = tuple(dict.fromkeys((*self.table.known(peer.id), *peer.addresses)))
        try:
            with trio.fail_after(PATIENCE):
                net = await self._host.open(peer.id, (), PROTOCOL, addresses)
                reply = await ask(net, request)
        except Exception as error:
            # Whatever a stranger's bytes provoke in whichever library costs that stranger's answer, and nothing else.
            self._log.debug("a node of the DHT did not answer", node=peer.id, reason=type(error).__name__)
            self.table.remove(peer.id)
            return None
        self._answered(Peer(peer.id, addresses), net)
        return reply

    def _answered(self, peer: Peer, net: INetStream) -> None:
        """Know a node where it was reached, and at what else was told of the same IP address: no other is passed on."""
        where = reached_at(net, peer.addresses)
        if where:
            told = tuple(dict.fromkeys((where, *peer.addresses)))
            self.table.add(Peer(peer.id, of_host(told, host_of(net))))

    # -- servers that ask

    def _claimed(self, peer: Peer, host: str) -> None:
        """A server that asks says where it listens: it is dialled there, once in a while, and if it answers it is
        known."""
        now, addresses = trio.current_time(), of_host(peer.addresses, host)
        if not addresses or peer.id in self.table or self._waiting >= CLAIMS_WAITING:
            return
        if now - self._claims.get(peer.id, -CLAIM_AGAIN) < CLAIM_AGAIN:
            return
        self._claims.pop(peer.id, None)
        self._claims[peer.id] = now
        if len(self._claims) > CLAIMS:
            self._claims.popitem(last=False)
        self._waiting += 1
        self._host.start_soon(self._prove, Peer(peer.id, addresses))

    async def _prove(self, peer: Peer) -> None:
        """Dial a server anew, whatever connection there is, and ask it who is near this node."""
        try:
            async with self._proving:
                with trio.fail_after(PATIENCE):
                    connection = await self._host.connect(peer.id, peer.addresses, self._host.connections(peer.id))
                    net = await open_stream(connection, TProtocol(PROTOCOL))
                    await ask(net, KadRequest(target=place_of_node(self._host.node_id)))
        except Exception as error:
            self._log.debug("a server of the DHT was not reached", node=peer.id, reason=type(error).__name__)
            return
        finally:
            self._waiting -= 1
        self._answered(peer, net)


def _peers(addresses: Sequence[str]) -> list[Peer]:
    """Addresses that end in `/p2p/`, by the node that they name."""
    found: dict[NodeId, list[str]] = {}
    for text in addresses:
        parsed = parse_dial(text)
        if parsed.peer is not None:
            found.setdefault(NodeId(parsed.peer), []).append(str(parsed._replace(peer=None)))
    return [Peer(node, tuple(told)) for node, told in found.items()]
