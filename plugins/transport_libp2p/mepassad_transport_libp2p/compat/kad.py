"""Cure: a Kademlia DHT that is our own, holds what is valid, and knows none but peers that serve it.

Stock 0.8.1 speaks /ipfs/kad/1.0.0 whatever its prefix, takes keys of namespaces nobody validates, puts clients and
whomever an answer names into its routing table, keeps up to 50 GB, evicts the node's own values for a stranger's, and
lets 12 silent streams stop it for good. Not needed once `KadDHT` does none of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import trio
from libp2p.abc import IHost, INetConn, INetStream
from libp2p.custom_types import TProtocol
from libp2p.kad_dht import common, kad_dht, peer_routing, provider_store, value_store
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.kad_dht.peer_routing import PeerRouting
from libp2p.kad_dht.provider_store import ProviderStore
from libp2p.kad_dht.routing_table import RoutingTable
from libp2p.kad_dht.value_store import ValueStore
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.records.validator import NamespacedValidator, Validator

from mepassad_transport_libp2p.compat.circuit import TIMEOUT, give_up, open_stream

PROTOCOL = TProtocol("/mepassa/kad/1")

MAX_VALUE = 16 * 1024
"""Bytes of a record that is kept."""

MAX_VALUES = 4096
"""Records that are kept; the oldest of others' give way first."""

MAX_PROVIDED = 4096
"""Keys of which the providers are kept; the oldest give way."""

MAX_MESSAGE = 256 * 1024
"""Bytes of a message."""

MAX_STREAMS = 64
"""Streams of the DHT that are served at once."""

MAX_STREAMS_PER_PEER = 4
"""Streams of the DHT that one peer has served at once."""


def apply() -> None:
    """Give the library's modules our protocol and limits."""
    for module in (common, kad_dht, peer_routing, provider_store, value_store):
        for name, value in (
            ("PROTOCOL_ID", PROTOCOL),
            ("MAX_DHT_MESSAGE_SIZE", MAX_MESSAGE),
            ("MAX_RECORD_SIZE", MAX_VALUE),
            ("MAX_VALUE_STORE_SIZE", MAX_VALUES),
        ):
            if hasattr(module, name):
                setattr(module, name, value)


class ProvenTable(RoutingTable):
    """A routing table of peers that are connected and serve the DHT."""

    def __init__(self, own: ID, host: IHost) -> None:
        super().__init__(own, host)
        self._clients: dict[ID, INetConn] = {}
        self._asking: set[ID] = set()

    async def add_peer(self, peer_obj: PeerInfo | ID, *, skip_server_mode_check: bool = False) -> bool:
        """Add a peer if it proves to serve the DHT; whether it is in the table. The flag has no effect."""
        peer = peer_obj.peer_id if isinstance(peer_obj, PeerInfo) else peer_obj
        if not self.peer_in_table(peer) and not await self._serves(peer):
            return False
        return await super().add_peer(peer_obj, skip_server_mode_check=True)

    async def _serves(self, peer: ID) -> bool:
        """Whether a connected peer takes streams of the DHT; asked once on each connection that says no."""
        connections = self.host.get_network().get_connections(peer)
        if not connections or peer in self._asking or self._clients.get(peer) is connections[-1]:
            return False
        self._asking.add(peer)  # the peer asks the same of us meanwhile
        try:
            with trio.fail_after(TIMEOUT):
                await give_up(await open_stream(connections[-1], PROTOCOL))
        except Exception:
            self._clients = {one: known for one, known in self._clients.items() if not known.is_closed}
            self._clients[peer] = connections[-1]
            return False
        finally:
            self._asking.discard(peer)
        return True


class OwnFirst(ValueStore):
    """A store of values that evicts others' before the node's own."""

    def _evict_if_full(self) -> None:
        while len(self.store) >= MAX_VALUES:
            others = (key for key in self.store if key not in self.local_keys)  # the oldest first
            del self.store[next(others, next(iter(self.store)))]


class BoundedProviders(ProviderStore):
    """A store of providers that does not grow without end."""

    def add_provider(self, key: bytes, provider: PeerInfo) -> None:
        """Note that a peer provides a key."""
        if key not in self.providers and len(self.providers) >= MAX_PROVIDED:
            del self.providers[next(iter(self.providers))]
        super().add_provider(key, provider)


class PrivateKad(KadDHT):
    """mepassa's own DHT. `validators`: by namespace; a key is taken only if its namespace is among them."""

    def __init__(self, host: IHost, mode: DHTMode, validators: Mapping[str, Validator]) -> None:
        apply()
        namespaces = NamespacedValidator(dict(validators), strict_validation=True)
        super().__init__(host, mode, validator=namespaces, validator_changed=True, strict_validation=True)
        self.routing_table = ProvenTable(self.local_peer_id, host)
        self.peer_routing = PeerRouting(host, self.routing_table)
        self.value_store = OwnFirst(host=host, local_peer_id=self.local_peer_id)
        self.provider_store = BoundedProviders(host=host, peer_routing=self.peer_routing)
        self._inbound_limiter = trio.CapacityLimiter(MAX_STREAMS)
        self._streams: Counter[ID] = Counter()

    async def handle_stream(self, stream: INetStream) -> None:
        """Serve one stream, for a bounded time, if its peer has not too many."""
        peer = stream.muxed_conn.peer_id
        if self._streams[peer] >= MAX_STREAMS_PER_PEER:
            await give_up(stream)
            return
        self._streams[peer] += 1
        try:
            with trio.move_on_after(TIMEOUT) as served:
                await super().handle_stream(stream)
            if served.cancelled_caught:
                await give_up(stream)
        finally:
            self._streams -= Counter([peer])  # drops what is zero
