"""Reaching a node: over a connection that lives, by dialling it, or over relays; and a stream of a protocol on that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio
from libp2p.abc import INetConn, INetStream
from libp2p.custom_types import TProtocol
from libp2p.host.basic_host import BasicHost
from libp2p.network.stream.net_stream import NetStream
from libp2p.peer.id import ID
from libp2p.protocol_muxer.exceptions import MultiselectClientError
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator

from mepassad.api import AddressRefused, Unreachable
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.address import Address, parse_circuit, parse_dial
from mepassad_transport_libp2p.compat.circuit import is_relayed
from mepassad_transport_libp2p.compat.relay_client import RelayClient
from mepassad_transport_libp2p.compat.source_port import listens_at
from mepassad_transport_libp2p.compat.swarm import LastingSwarm
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.dial import dial
from mepassad_transport_libp2p.liveness import meet
from mepassad_transport_libp2p.race import Race

MAX_RELAYS = 4
"""Relays over which one node is tried."""


class Reaching:
    """Makes connections, and streams on them. Runs in trio."""

    def __init__(self, swarm: LastingSwarm, host: BasicHost, client: RelayClient, config: Config, own: NodeId) -> None:
        """`spawn`, set before anything is reached, runs what goes on in the background."""
        self._swarm, self._host, self._client, self._config, self._own = swarm, host, client, config, own
        self._dials: dict[ID, trio.Lock] = {}
        self.spawn: Callable[..., None]

    async def open(self, peer: NodeId, addresses: Sequence[str], protocol: str, heard: Sequence[str] = ()) -> NetStream:
        """A negotiated stream, over a live connection or a new one. `heard`: addresses that anybody may have made up.
        Raises `Unreachable`."""
        live = self.live(self.target(peer))
        if live:
            try:
                return await self.negotiate(live[-1], protocol)
            except Dead:
                # The peer may have restarted, or moved to another network; what it is reached by otherwise may live.
                live = [one for one in live if is_relayed(one) or not is_relayed(live[-1])]
        connection = await self.connect(peer, addresses, live, heard)
        try:
            return await self.negotiate(connection, protocol)
        except Dead:
            raise Unreachable(f"The node {peer} does not answer on its new connection.") from None

    def live(self, peer: ID) -> list[INetConn]:
        """The connections to a peer, the best last: direct ones after relayed ones, each oldest first."""
        connections = [one for one in self._swarm.get_connections(peer) if not one.is_closed]
        return sorted(connections, key=lambda connection: not is_relayed(connection))

    async def connect(
        self, peer: NodeId, addresses: Sequence[str], besides: Sequence[INetConn] = (), heard: Sequence[str] = ()
    ) -> INetConn:
        """A live connection to a peer, and none of `besides`. Raises `Unreachable`."""
        target = self.target(peer)
        lock = self._dials.setdefault(target, trio.Lock())
        try:
            async with lock:
                live = [connection for connection in self.live(target) if connection not in besides]
                if live:
                    return live[-1]
                told, rumoured, relays = _dialable(peer, addresses), _dialable(peer, heard), _relays(peer, addresses)
                return await meet(self._swarm, target, lambda: self._reach(target, told, rumoured, relays))
        finally:
            if not lock.locked():
                self._dials.pop(target, None)

    async def _reach(
        self, peer: ID, told: Sequence[Address], heard: Sequence[Address], relays: dict[str, list[Address]]
    ) -> INetConn:
        """Dial a peer, and after `relay_after_ms`, or once that failed, over its relays too. Raises `Unreachable`.

        Where a relay is faster, dialling goes on: what comes of it is used from then on.
        """
        if not relays:
            return await dial(self._swarm, peer, told, heard, self._config.dial_timeout)
        race = Race(self.spawn)
        try:
            if told or heard:
                race.start(lambda: dial(self._swarm, peer, told, heard, self._config.dial_timeout), lasting=True)
                with trio.move_on_after(self._config.relay_after_ms / 1000):
                    await race.settled()
            if race.made is None:
                for relay, addresses in relays.items():
                    race.start(self._over(NodeId(relay), addresses, peer))
                await race.settled()
        except trio.Cancelled:
            race.cancel(lasting=True)
            raise
        finally:
            race.cancel()
        if race.made is None:
            raise race.failure or Unreachable(f"The node {peer} cannot be reached now.")
        return race.made

    def _over(self, relay: NodeId, addresses: Sequence[Address], peer: ID) -> Callable[[], Awaitable[INetConn]]:
        """What connects to a peer over a relay, to which it connects first if need be."""

        async def dialling() -> INetConn:
            try:
                with trio.fail_after(self._config.dial_timeout):
                    await self.serve_from(relay, addresses)
                    return await self._client.dial(self.target(relay), peer)
            except trio.TooSlowError:
                raise Unreachable(f"The relay {relay} did not answer in time.") from None

        return dialling

    async def serve_from(self, server: NodeId, addresses: Sequence[Address]) -> INetConn:
        """A direct connection to a node that serves us, which leaves, where it can, from the port that listens: so the
        server sees, and keeps open, the way by which others come. Raises `Unreachable`."""
        target = self.target(server)
        lock = self._dials.setdefault(target, trio.Lock())
        try:
            async with lock:
                live = [connection for connection in self.live(target) if not is_relayed(connection)]
                if live:
                    return live[-1]
                source = lambda address: listens_at(self._swarm, address)  # noqa: E731
                return await dial(self._swarm, target, addresses, (), self._config.dial_timeout, source)
        finally:
            if not lock.locked():
                self._dials.pop(target, None)

    def target(self, peer: NodeId) -> ID:
        """The peer's id as libp2p knows it. Raises `Unreachable` for ourselves and for what is no id."""
        if peer == self._own:
            raise Unreachable("This is the node itself.")
        target = known_id(peer)
        if target is None:
            raise Unreachable("This is no node id.")
        return target

    async def negotiate(self, connection: INetConn, protocol: str) -> NetStream:
        """Open a stream of a protocol on one connection. Raises `Unreachable` if refused, `Dead` without an answer."""
        timeout = self._config.handshake_timeout
        with trio.move_on_after(timeout):
            try:
                net = await connection.new_stream()
            except Exception as error:
                raise Dead from error
            agreed = False
            try:
                communicator = MultiselectCommunicator(net)
                choices = [TProtocol(protocol)]
                net.set_protocol(
                    await self._host.multiselect_client.select_one_of(choices, communicator, round(timeout) + 1)
                )
                agreed = True
            except MultiselectClientError as error:
                if connection.is_closed:
                    raise Dead from error
                raise Unreachable(f"The node does not serve {protocol} now.") from None
            finally:
                if not agreed:
                    await give_up(net)
            assert isinstance(net, NetStream)  # noqa: S101 a swarm makes no other
            return net
        raise Dead


class Dead(Exception):
    """A connection that was believed alive does not answer."""


def known_id(node: str | None) -> ID | None:
    """A node id as libp2p knows it, or None where it is none."""
    try:
        return ID.from_base58(node or "")
    except Exception:
        return None


def _dialable(peer: NodeId, addresses: Sequence[str]) -> list[Address]:
    """The addresses that parse and do not name another node."""
    found = []
    for text in addresses:
        try:
            address = parse_dial(text)
        except AddressRefused:
            continue
        if address.peer in (None, peer):
            found.append(address)
    return found


def _relays(peer: NodeId, addresses: Sequence[str]) -> dict[str, list[Address]]:
    """Relays by their id, with their addresses, behind which the node is said to be."""
    found: dict[str, list[Address]] = {}
    for circuit in filter(None, map(parse_circuit, addresses)):
        relay = circuit.relay
        if relay.peer and circuit.peer in (None, peer) and (relay.peer in found or len(found) < MAX_RELAYS):
            found.setdefault(relay.peer, []).append(relay)
    return found


async def give_up(net: INetStream) -> None:
    """Reset a stream that was not agreed on, even while being cancelled."""
    with trio.CancelScope(shield=True), trio.move_on_after(1):
        await net.reset()
