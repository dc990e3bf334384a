"""Cures of the DHT: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from hosts import Cured, cured, until
from libp2p.abc import IHost, INetConn, INetStream
from libp2p.custom_types import TProtocol
from libp2p.kad_dht import value_store
from libp2p.kad_dht.common import PROTOCOL_ID as STOCK_PROTOCOL
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.kad_dht.pb.kademlia_pb2 import Message, Record
from libp2p.kad_dht.provider_store import ProviderStore
from libp2p.kad_dht.routing_table import RoutingTable
from libp2p.kad_dht.value_store import ValueStore
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.protocol_muxer.exceptions import MultiselectClientError
from libp2p.records.utils import InvalidRecordType
from libp2p.records.validator import NamespacedValidator, Validator
from libp2p.tools.anyio_service import background_trio_service
from libp2p.utils.varint import read_varint_prefixed_bytes_limited
from mepassad_transport_libp2p.compat import kad
from mepassad_transport_libp2p.compat.circuit import open_stream, send
from mepassad_transport_libp2p.compat.kad import BoundedProviders, OwnFirst, PrivateKad, ProvenTable
from stock import LOOPBACK, in_trio, stock

KEY = "/good/alice"


class Good(Validator):
    """Values begin with `good:`; the last in order is the best."""

    def validate(self, key: str, value: bytes) -> None:
        if not value.startswith(b"good:"):
            raise ValueError("not good")

    def select(self, key: str, values: list[bytes]) -> int:
        return max(range(len(values)), key=values.__getitem__)


@asynccontextmanager
async def dht(servers: int, clients: int = 0) -> AsyncIterator[list[tuple[Cured, PrivateKad]]]:
    """Nodes of a DHT, all of which know the first."""
    async with cured(servers + clients) as hosts, AsyncExitStack() as stack:
        modes = [DHTMode.SERVER] * servers + [DHTMode.CLIENT] * clients
        nodes = [PrivateKad(host.host, mode, {"good": Good()}) for host, mode in zip(hosts, modes, strict=True)]
        for node in nodes:
            await stack.enter_async_context(background_trio_service(node))
        for host, node in zip(hosts[1:], nodes[1:], strict=True):
            await host.connect(hosts[0])
            host.host.get_peerstore().add_addrs(hosts[0].id, hosts[0].addresses(), 600)
            assert await node.add_peer(hosts[0].id)
        for node in nodes:
            await node.refresh_routing_table()
        yield list(zip(hosts, nodes, strict=True))


@in_trio
async def test_a_value_put_by_one_is_got_by_another_and_clients_are_in_no_table() -> None:
    async with dht(4, clients=1) as nodes:
        (_, put), (_, get) = nodes[1], nodes[4]
        await put.put_value(KEY, b"good:1")
        assert get.value_store.get(KEY.encode()) is None
        assert await get.get_value(KEY) == b"good:1"
        for host, node in nodes:
            servers = {other.id for other, _ in nodes[:4] if other is not host}
            assert set(node.routing_table.get_peer_ids()) == servers


@in_trio
async def test_bad_values_and_unknown_namespaces_are_not_put() -> None:
    async with dht(2) as ((_, one), _):
        with pytest.raises(ValueError, match="not good"):
            await one.put_value(KEY, b"evil")
        with pytest.raises(InvalidRecordType):
            await one.put_value("/other/alice", b"good:1")


def test_stock_takes_keys_of_namespaces_that_nobody_validates() -> None:
    NamespacedValidator({"good": Good()}).validate("/other/alice", b"evil")


async def put(host: Cured, peer: ID, key: bytes, value: bytes) -> bool:
    """Whether a node takes a value from a peer that does not look at it first."""
    stream = await open_stream(host.swarm.get_connections(peer)[0], kad.PROTOCOL)
    await send(stream, Message(type=Message.PUT_VALUE, key=key, record=Record(key=key, value=value)))
    return await answered(stream)


async def pings(connection: INetConn, protocol: TProtocol) -> bool:
    """Whether the other end serves one more stream of the DHT."""
    try:
        stream = await open_stream(connection, protocol)
        await send(stream, Message(type=Message.PING))
    except (MultiselectClientError, StreamError):
        return False
    return await answered(stream)


async def answered(stream: INetStream) -> bool:
    """Whether an answer comes before the end."""
    try:
        return bool(await read_varint_prefixed_bytes_limited(stream, kad.MAX_MESSAGE))
    except (StreamError, ValueError):
        return False


@in_trio
async def test_values_from_others_are_looked_at_before_they_are_kept() -> None:
    async with dht(2) as ((server, node), (cheat, _)):
        assert await put(cheat, server.id, KEY.encode(), b"good:2")
        longest = b"good:".ljust(kad.MAX_VALUE - 100, b"x")
        assert await put(cheat, server.id, b"/good/long", longest)
        for key, value in (
            (KEY.encode(), b"evil"),
            (KEY.encode(), b"good:1"),  # worse than what is there
            (b"/other/alice", b"good:3"),
            (b"alice", b"good:3"),
            (b"/good/\xff", b"good:3"),
            (b"/good/longer", longest + bytes(200)),
        ):
            assert not await put(cheat, server.id, key, value)
        assert sorted(node.value_store.store) == [KEY.encode(), b"/good/long"]


@in_trio
async def test_junk_ends_its_own_stream_only() -> None:
    async with dht(2) as ((server, node), (peer, _)):
        for junk in (b"\xff" * 20, b"\x05hello", b"\x02\x08\x09", b"\xff\xff\xff\x7f", b"\x03ab"):
            stream = await open_stream(peer.swarm.get_connections(server.id)[0], kad.PROTOCOL)
            await stream.write(junk)
            await stream.close()
            assert not await answered(stream)
        assert await put(peer, server.id, KEY.encode(), b"good:1")
        assert node.manager.is_running


@in_trio
async def test_a_stock_dht_speaks_ipfs_whatever_its_prefix() -> None:
    async with stock() as host:
        KadDHT(host, DHTMode.SERVER, protocol_prefix="/mepassa")
        assert "/mepassa/kad/1.0.0" not in host.get_mux().get_protocols()


@in_trio
async def test_the_dht_is_our_own() -> None:
    async with dht(1) as ((host, _),):
        served = host.host.get_mux().get_protocols()
        assert TProtocol("/mepassa/kad/1") in served
        assert STOCK_PROTOCOL == kad.PROTOCOL or STOCK_PROTOCOL not in served


STRANGER = ID(b"\x00\x24\x08\x01\x12\x20" + bytes(32))


@in_trio
async def test_a_stock_routing_table_takes_whomever_an_answer_names() -> None:
    async with stock() as host:
        assert await RoutingTable(host.get_id(), host).add_peer(PeerInfo(STRANGER, [LOOPBACK]))


@in_trio
async def test_a_routing_table_takes_connected_servers_only_and_asks_a_client_once() -> None:
    async with dht(1, clients=1) as ((host, node), (client, _)):
        table = node.routing_table
        assert not await table.add_peer(PeerInfo(STRANGER, [LOOPBACK]))
        assert isinstance(table, ProvenTable)
        assert not await table.add_peer(PeerInfo(client.id, client.addresses()))
        assert list(table._clients) == [client.id]
        (connection,) = host.swarm.get_connections(client.id)
        await host.swarm.drop(connection)
        await until(lambda: not client.swarm.get_connections(host.id))
        client.host.set_stream_handler(kad.PROTOCOL, node.handle_stream)  # it becomes a server
        await host.connect(client)
        assert await table.add_peer(PeerInfo(client.id, client.addresses()))


def keeps_its_own(store: ValueStore) -> bool:
    """Whether a store of three still has the node's own value when strangers have filled it."""
    store.put(b"own", b"value")
    for number in range(5):
        store.put_record(bytes([number]), Record(timeReceived="2999-01-01T00:00:00Z"))
    return b"own" in store.store and len(store.store) == 3


async def of(host: IHost, kind: type[ValueStore]) -> bool:
    return keeps_its_own(kind(host=host, local_peer_id=host.get_id()))


def test_a_stock_store_evicts_the_nodes_own_values(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with stock() as host:
            assert not await of(host, ValueStore)

    monkeypatch.setattr(value_store, "MAX_VALUE_STORE_SIZE", 3)
    in_trio(main)()


def test_a_store_keeps_the_nodes_own_values_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with cured(1) as (host,):
            assert await of(host.host, OwnFirst)

    monkeypatch.setattr(kad, "MAX_VALUES", 3)
    in_trio(main)()


def provided(providers: ProviderStore, keys: int) -> int:
    """Of how many keys the providers are kept when a stranger provides so many."""
    for number in range(keys):
        providers.add_provider(number.to_bytes(4, "big"), PeerInfo(STRANGER, [LOOPBACK]))
    return len(providers.providers)


@in_trio
async def test_stock_keeps_the_providers_of_any_number_of_keys() -> None:
    async with stock() as host:
        assert provided(ProviderStore(host), kad.MAX_PROVIDED + 1) == kad.MAX_PROVIDED + 1


@in_trio
async def test_the_keys_whose_providers_are_kept_are_bounded() -> None:
    async with cured(1) as (host,):
        providers = BoundedProviders(host.host)
        assert provided(providers, kad.MAX_PROVIDED + 1) == kad.MAX_PROVIDED
        assert bytes(4) not in providers.providers


@in_trio
async def test_a_stock_dht_is_stopped_by_twelve_silent_streams() -> None:
    async with stock() as host, cured(1) as (peer,):
        server = KadDHT(host, DHTMode.SERVER)
        connection = await peer.connect(host)
        protocol = next(known for known in host.get_mux().get_protocols() if known and "/kad/" in known)
        for _ in range(12):
            await open_stream(connection, protocol)
        await until(lambda: server._inbound_limiter.available_tokens == 0)
        assert not await pings(connection, protocol)


def test_silent_streams_are_few_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with dht(2) as ((server, node), (peer, _)):
            monkeypatch.setattr(kad, "TIMEOUT", 1.0)
            (connection,) = peer.swarm.get_connections(server.id)
            await until(lambda: not node._streams)
            silent = [await open_stream(connection, kad.PROTOCOL) for _ in range(kad.MAX_STREAMS_PER_PEER)]
            await until(lambda: node._streams[peer.id] == kad.MAX_STREAMS_PER_PEER)
            assert not await pings(connection, kad.PROTOCOL)
            assert not await answered(silent[0])
            await until(lambda: not node._streams)
            assert await pings(connection, kad.PROTOCOL)

    in_trio(main)()
