"""The transport as the daemon sees it, in asyncio. Implements `mepassad.api.transport.Transport`."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from libp2p.network.stream.net_stream import NetStream

from mepassad.api import AddressRefused, Gauge, PluginContext, StreamClosed
from mepassad.api.transport import Handler, Reachability
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.address import Circuit, parse_circuit, parse_dial
from mepassad_transport_libp2p.bootstrap import Bootstrap
from mepassad_transport_libp2p.bridge import Guest
from mepassad_transport_libp2p.compat.circuit import is_relayed
from mepassad_transport_libp2p.host import Host
from mepassad_transport_libp2p.mdns import Mdns
from mepassad_transport_libp2p.remote import reached_at
from mepassad_transport_libp2p.stream import Libp2pStream, StreamGauges

BEFORE_RELAYS = 4
"""Direct addresses that are told before those over relays: contacts keep 8."""


class Libp2pTransport:
    """Streams over libp2p. Use it only between the entering and leaving of its component."""

    name = "libp2p"

    def __init__(self, context: PluginContext, guest: Guest, host: Host) -> None:
        self._context = context
        self._guest = guest
        self._host = host
        self._loop = asyncio.get_running_loop()
        # What trio calls back runs in the daemon's context, not in that of a trio task.
        self._variables = contextvars.copy_context()
        self._streams = host.streams
        config = context.config
        self._gauges = StreamGauges(
            unwritten=Gauge(config.write_high_water, lambda: (stream.unwritten for stream in self._streams)),
            unread=Gauge(config.read_high_water, lambda: (stream.unread for stream in self._streams)),
        )
        self._all_unread = Gauge(config.max_unread, lambda: (sum(host.ledger.count().values()),))
        self._connected: dict[NodeId, None] = {}
        self._watchers: list[tuple[Callable[[NodeId], None], Callable[[NodeId], None]]] = []
        self._bootstrap = Bootstrap(context, self._connect, self._connected)
        self._mdns = Mdns(context, host.node_id, host.addresses)
        host.watch(self._soon(self._seen), self._soon(self._lost))

    async def listen(self) -> None:
        """Listen on all configured addresses, begin to dial the bootstrap nodes, and look for nodes on the local
        networks. Raises `AddressRefused`."""
        await self._guest.call(self._host.listen)
        self._bootstrap.start()
        self._mdns.start()

    def addresses(self) -> tuple[str, ...]:
        """Where this node can be dialled now: directly, and over relays after the first `BEFORE_RELAYS`."""
        direct, relays = self._host.addresses(), self._host.relays.addresses()
        circuits = (str(Circuit(parse_dial(relay), self._host.node_id)) for relay in relays)
        return (*direct[:BEFORE_RELAYS], *circuits, *direct[BEFORE_RELAYS:])

    def can_dial(self, address: str) -> bool:
        """Whether this is an address of a port that can be dialled, or of a relay that has one."""
        if parse_circuit(address) is not None:
            return True
        try:
            parse_dial(address)
        except AddressRefused:
            return False
        return True

    def handle(self, protocol: str, handler: Handler) -> None:
        """Serve incoming streams of a protocol."""
        serve = self._soon(self._serve)

        async def accept(peer: NodeId, net: NetStream) -> None:
            stream = self._stream(peer, protocol, net)
            serve(handler, stream)
            await self._pump(stream, net)

        self._host.serve(protocol, accept)

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str) -> Libp2pStream:
        """A stream to `peer`. Raises `Unreachable`."""
        heard = self._mdns.neighbours.of(peer)
        return await self._guest.call(self._open, peer, tuple(addresses), heard, protocol, discard=Libp2pStream.abort)

    def connected(self) -> tuple[NodeId, ...]:
        """Nodes with a live connection."""
        return tuple(self._connected)

    def tasks(self) -> int:
        """The tasks of trio."""
        return self._guest.tasks()

    def watch(self, seen: Callable[[NodeId], None], lost: Callable[[NodeId], None]) -> None:
        """Be told of first connections and last ends."""
        self._watchers.append((seen, lost))

    def discover(self, found: Callable[[NodeId], None]) -> None:
        """Be told of nodes that were heard on a local network."""
        self._mdns.neighbours.found = found

    def prefer(self, nodes: Collection[NodeId]) -> None:
        """Keep places for these nodes, and the way to them open."""
        self._host.prefer(nodes)

    async def network_changed(self) -> None:
        """Close what lost its address or route; look whether the rest still answers; dial the bootstrap nodes."""
        with suppress(StreamClosed):  # the transport stops, and there is nothing to renew
            await self._guest.call(self._host.renew)
        self._bootstrap.hurry()

    def use_servers(self, addresses: Sequence[str]) -> None:
        """Nodes that may serve as relays."""
        self._host.relays.use(addresses)

    def follow(self, moved: Callable[[], None], climbed: Callable[[NodeId], None]) -> None:
        """Be told of places at relays that come and go, and of nodes that are reached directly at last."""
        self._host.relays.changed = self._soon(moved)
        self._host.climbing.climbed = self._soon(climbed)

    def reachability(self) -> Reachability:
        """Whether others can reach this node."""
        return self._host.reachability()

    def stats(self) -> dict[str, int]:
        """Numbers of connections, of those refused, and of streams; and how full their queues are, in bytes."""
        return {
            **self._host.stats(),
            "streams": len(self._streams),
            **self._gauges.unwritten.show("stream_unwritten"),
            **self._gauges.unread.show("stream_unread"),
            **self._all_unread.show("unread"),
        }

    def leave(self) -> None:
        """Let everybody who waits on a stream know that it is over."""
        self._bootstrap.stop()
        self._mdns.stop()
        for stream in tuple(self._streams):
            stream.broke()

    # -- called in trio -----------------------------------------------------------------------------------------

    async def _open(self, peer: NodeId, addresses: Sequence[str], heard: Sequence[str], protocol: str) -> Libp2pStream:
        net = await self._host.open(peer, addresses, protocol, heard)
        stream = self._stream(peer, protocol, net)
        stream.address = reached_at(net, addresses)
        self._host.start_soon(self._pump, stream, net)
        return stream

    async def _connect(self, peer: NodeId, addresses: Sequence[str]) -> None:
        await self._guest.call(self._host.reaching.serve_from, peer, [parse_dial(text) for text in addresses])

    def _stream(self, peer: NodeId, protocol: str, net: NetStream) -> Libp2pStream:
        route = "relayed" if net.swarm_conn is not None and is_relayed(net.swarm_conn) else "direct"
        stream = Libp2pStream(peer, protocol, self._context.config, self._gauges, route)
        self._streams.add(stream)
        return stream

    async def _pump(self, stream: Libp2pStream, net: NetStream) -> None:
        try:
            await stream.pump(net)
        finally:
            self._streams.discard(stream)

    def _soon(self, function: Callable[..., None]) -> Callable[..., None]:
        """The function, called from trio, runs soon on the daemon's loop; calls keep their order."""

        def call(*args: object) -> None:
            self._loop.call_soon(function, *args, context=self._variables)

        return call

    # -- called back on the daemon's loop -----------------------------------------------------------------------

    def _seen(self, peer: NodeId) -> None:
        self._connected[peer] = None
        for seen, _ in self._watchers:
            seen(peer)

    def _lost(self, peer: NodeId) -> None:
        self._connected.pop(peer, None)
        self._bootstrap.wake()
        for _, lost in self._watchers:
            lost(peer)

    def _serve(self, handler: Handler, stream: Libp2pStream) -> None:
        self._context.tasks.start_soon(self._run, handler, stream)

    async def _run(self, handler: Handler, stream: Libp2pStream) -> None:
        """Run a handler; its end, or its exception, ends its stream only."""
        try:
            await handler(stream)
            await stream.close()
        except StreamClosed:
            stream.abort()
        except Exception as error:
            stream.abort()
            self._context.log.warning("a stream handler failed", protocol=stream.protocol, error=type(error).__name__)
        except BaseException:
            stream.abort()
            raise
