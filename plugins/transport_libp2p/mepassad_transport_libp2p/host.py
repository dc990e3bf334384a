"""The libp2p host of a node, in trio: it listens, dials, opens streams, and tells who is connected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from contextlib import suppress
from typing import Any

import trio
from libp2p.abc import INetConn, INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.ping import ID as PING
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr  # type: ignore[import-untyped]
from multiaddr.utils import get_network_addrs  # type: ignore[import-untyped]

from mepassad.api import AddressRefused, Secret, Unreachable
from mepassad.api.context import Log
from mepassad.api.transport import Reachability
from mepassad.api.types import NodeId
from mepassad_transport_libp2p import compat
from mepassad_transport_libp2p.address import parse_announce, parse_dial, parse_listen, reachable
from mepassad_transport_libp2p.carriers import carriers, upgrader
from mepassad_transport_libp2p.climbing import Climbing
from mepassad_transport_libp2p.compat.containment import ContainedHost
from mepassad_transport_libp2p.compat.ends import remote_host
from mepassad_transport_libp2p.compat.peerstore import LastingPeerStore
from mepassad_transport_libp2p.compat.pings import SparingYamux
from mepassad_transport_libp2p.compat.punch import Puncher
from mepassad_transport_libp2p.compat.relay_client import RelayClient
from mepassad_transport_libp2p.compat.relay_server import RelayLimits, RelayServer
from mepassad_transport_libp2p.compat.source_port import bound
from mepassad_transport_libp2p.compat.swarm import LastingSwarm
from mepassad_transport_libp2p.compat.tcp import check_free
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.liveness import Liveness
from mepassad_transport_libp2p.mappings import Mappings
from mepassad_transport_libp2p.reaching import Dead, Reaching, give_up, known_id
from mepassad_transport_libp2p.relays import NARROW, Relays
from mepassad_transport_libp2p.standing import Standing
from mepassad_transport_libp2p.stream import Libp2pStream
from mepassad_transport_libp2p.unread import Ledger, Unread
from mepassad_transport_libp2p.watcher import Watcher

IDLE_INTERVAL = 5.0
"""Seconds between two looks at which connections are idle."""


class Host:
    """One node on libp2p. Everything but the constructor and `addresses` runs in trio."""

    def __init__(self, config: Config, seed: Secret, log: Log) -> None:
        compat.apply()
        keys = create_new_key_pair(bytes(seed))
        own = ID.from_pubkey(keys.public_key)
        self.streams: set[Libp2pStream] = set()
        store = LastingPeerStore(own)
        store.add_key_pair(own, keys)
        self.node_id = NodeId(str(own))
        self._config, self._log = config, log
        carried = carriers(keys, config, log, self._admit)
        self._swarm = LastingSwarm(own, store, upgrader(keys, self._admit), carried, config, log)
        self._host = ContainedHost(
            self._swarm,
            log=log,
            max_streams_per_peer=config.max_streams_per_peer,
            disable_identify_address_discovery=True,
        )
        self.ledger = Ledger(self._swarm, self.streams, log)
        self._unread = Unread(config, self.ledger.count, self._cut)
        self.client = RelayClient(self._host, self._swarm)
        self.reaching = Reaching(self._swarm, self._host, self.client, config, self.node_id)
        self.reaching.spawn = self.start_soon
        self._liveness = Liveness(self._swarm, self._answers, config, log)
        self._swarm.doubt = lambda connection: self.start_soon(self._liveness.probe, connection)
        self.relays = Relays(self.reaching, self.client, Mappings(self._swarm, config), config, log)
        self._swarm.register_notifee(Watcher(lambda node: None, lambda node: self.relays.hurry()))
        self._contacts: Collection[NodeId] = ()
        self._nursery: trio.Nursery | None = None
        self.climbing = Climbing(self._swarm, log)
        self._learn_standing()
        self.prefer(())

    def _learn_standing(self) -> None:
        """Who tells whom: as whom servers see this node, whether others come in, and so where it can be reached."""
        self.standing = Standing(self._swarm, lambda: (*get_network_addrs(4), *get_network_addrs(6)))
        self._host.learnt, self.climbing.came = self.standing.learnt, self.standing.came
        self.relays.needed = self._relays_needed
        self.relays.wanted = self._want
        climbing = self.climbing
        climbing.puncher = Puncher(self._host, self._swarm, self.standing.seen, admits=climbing.admits)
        climbing.spawn = self.start_soon
        self._swarm.register_notifee(climbing)

    def _relays_needed(self) -> int:
        """At how many relays to have a place: one also where others come in, for those whose firewalls let out to the
        port 443 only, unless this node listens there."""
        if not self.standing.public:
            return self._config.relays
        narrow = any(address.carrier != "quic" and address.port == NARROW for address in bound(self._swarm))
        return 0 if narrow else min(1, self._config.relays)

    async def run(self, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Live until cancelled, then say goodbye to all peers at once."""
        async with background_trio_service(self._swarm), trio.open_nursery() as self._nursery:
            self._swarm.use(self._nursery)
            await self._swarm.event_background_nursery_created.wait()
            self.client.start()
            self.climbing.puncher.start()
            task_status.started()
            self._nursery.start_soon(self._liveness.keep)
            try:
                while True:
                    self._swarm.door.tidy()
                    self._swarm.crowd.look()
                    await self._liveness.close_idle(self.climbing.idle())
                    await trio.sleep(IDLE_INTERVAL)
            finally:
                await self._goodbye()

    def watch(self, seen: Callable[[NodeId], None], lost: Callable[[NodeId], None]) -> None:
        """Be told when a peer's first connection comes up and its last one ends."""
        self._swarm.register_notifee(Watcher(seen, lost))

    def prefer(self, nodes: Collection[NodeId]) -> None:
        """Keep places and ways for these nodes: those of contacts."""
        self._contacts = nodes
        self._want()
        self.climbing.prefer({found for node in nodes if (found := known_id(node)) is not None})

    def _want(self) -> None:
        """Keep places and ways for the nodes of contacts, for those of `bootstrap`, and for relays that serve us."""
        named = {parse_dial(address).peer for address in self._config.bootstrap}
        nodes = {found for node in {*self._contacts, *named} if (found := known_id(node)) is not None}
        self._swarm.crowd.wanted = {*nodes, *self.relays.nodes()}

    def relay(self, limits: RelayLimits) -> RelayServer:
        """What lends paths between the peers of this host, once it is started."""
        addresses = lambda: [Multiaddr(text.split("/p2p/")[0]) for text in self.addresses()]  # noqa: E731
        server = RelayServer(self._host, limits, addresses, self._network_of)
        self._swarm.crowd.served = server.holds
        self._unread.spare = lambda peer: server.carried.relieve(peer, self.ledger)
        return server

    def _network_of(self, connection: INetConn) -> Hashable:
        """The subnet that a connection comes from; on loopback, where all are of one, the peer."""
        subnet, exempt = self._swarm.door.subnet(remote_host(connection.muxed_conn))
        return connection.muxed_conn.peer_id if exempt else subnet

    async def renew(self) -> None:
        """The network changed: close what cannot work any more at once, and what does not in a moment."""
        self.standing.network_changed()
        self.relays.network_changed()
        self.climbing.puncher.network_changed()
        for connection in await self._liveness.renew():
            self.start_soon(self._liveness.probe, connection)

    def reachability(self) -> Reachability:
        """Whether others can reach this node."""
        return self.standing.reachability()

    def stats(self) -> dict[str, int]:
        """Numbers of connections."""
        return {**self._swarm.stats(), **self.relays.stats()}

    def serve(self, protocol: str, handler: Callable[[NodeId, NetStream], Awaitable[None]]) -> None:
        """Call a trio handler for each incoming stream of a protocol; the stream lives until it returns."""

        async def handle(net: INetStream) -> None:
            if isinstance(net, NetStream):
                await handler(NodeId(str(net.muxed_conn.peer_id)), net)

        self._host.set_stream_handler(TProtocol(protocol), handle)

    def start_soon(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Run a trio function that never raises in the background, as long as the host runs."""
        if self._nursery is None:
            raise Unreachable("The transport has not started.")
        self._nursery.start_soon(function, *args)

    async def listen(self) -> None:
        """Listen on all configured addresses; from then on have places at relays. Raises `AddressRefused`."""
        for text in self._config.listen:
            address = parse_listen(text)
            if check_free(address) and not await self._swarm.listen(Multiaddr(str(address))):
                raise AddressRefused(f"Cannot listen on {address}.")
        self.start_soon(self.relays.keep)  # not before: relays are dialled from the ports that listen

    def addresses(self) -> tuple[str, ...]:
        """Where this node can be dialled: what is to be announced first, loopback last."""
        announced = [parse_announce(text) for text in self._config.announce]
        found = reachable(bound(self._swarm), get_network_addrs(4), get_network_addrs(6))
        return tuple(str(address._replace(peer=self.node_id)) for address in dict.fromkeys((*announced, *found)))

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str, heard: Sequence[str] = ()) -> NetStream:
        """A negotiated stream; see `Reaching.open`. Raises `Unreachable`."""
        return await self.reaching.open(peer, addresses, protocol, heard)

    def connections(self, peer: NodeId) -> Sequence[INetConn]:
        """The live connections to a peer. Raises `Unreachable` for what is no id."""
        return self.reaching.live(self.reaching.target(peer))

    async def connect(self, peer: NodeId, addresses: Sequence[str], besides: Sequence[INetConn] = ()) -> INetConn:
        """A live connection to a peer, and none of `besides`. Raises `Unreachable`."""
        return await self.reaching.connect(peer, addresses, besides)

    async def _answers(self, connection: INetConn) -> bool:
        """Whether the peer answers on a connection, be it that it does not serve pings."""
        if isinstance(connection.muxed_conn, SparingYamux):  # a sixth of the bytes of a stream for it
            with suppress(Exception):  # the connection is over, as its reader finds out
                await connection.muxed_conn.answered()
            return True
        try:
            net = await self.reaching.negotiate(connection, PING)
        except Dead:
            return False
        except Unreachable:
            return True
        with suppress(Exception):  # it has answered, whatever becomes of the stream
            await net.close()
            await give_up(net)
        return True

    def _admit(self, peer: ID, size: int) -> None:
        """Bytes of a peer come in. Raises `TooMuchUnread`."""
        self._unread.admit(peer, size)

    def _cut(self, peer: ID) -> None:
        """End all that a peer has here, at once."""
        self.ledger.cut(peer)
        for connection in self._swarm.get_connections(peer):
            self.start_soon(self._swarm.drop, connection)

    async def _goodbye(self) -> None:
        """Close all connections at once, in bounded time."""
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for connection in self._swarm.get_connections():
                    nursery.start_soon(self._swarm.drop, connection)
            async with trio.open_nursery() as nursery:  # after: QUIC says goodbye through its listener's socket
                for listener in self._swarm.listeners.values():
                    nursery.start_soon(listener.close)
