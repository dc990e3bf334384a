"""The DHT among real hosts: records are found by whoever knows their name, and liars change nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hosts import Cured, cured, until
from kad_nodes import KEY, Node, check, dht
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamError
from libp2p.protocol_muxer.exceptions import MultiselectClientError
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited
from mepassad_transport_libp2p import kad_calls
from mepassad_transport_libp2p.compat.circuit import open_stream
from mepassad_transport_libp2p.kad import Kad
from mepassad_transport_libp2p.kad_calls import MAX_STREAMS_PER_PEER, PUTS
from mepassad_transport_libp2p.kad_pb2 import KadReply, KadRequest
from mepassad_transport_libp2p.kad_wire import (
    MAX_REPLY,
    MAX_REQUEST,
    NEAREST,
    PROTOCOL,
    Peer,
    Reply,
    distance,
    pack_reply,
    place_of_node,
    place_of_record,
)
from stock import in_trio

from mepassad.api.directory import Record
from mepassad.api.node_id import node_id_from_key
from mepassad.api.types import NodeId


@in_trio
async def test_a_record_put_by_one_is_got_by_a_client_that_never_met_it() -> None:
    async with dht(6, clients=2) as nodes:
        assert await nodes[6].kad.put(KEY, Record(b"good:1", 1)) == 6
        assert await nodes[7].kad.get(KEY) == Record(b"good:1", 1)
        assert await nodes[7].kad.get(b"/good/bob") is None


@in_trio
async def test_servers_know_each_other_and_nobody_knows_of_clients() -> None:
    async with dht(5, clients=2) as nodes:
        servers = {node.host.node.node_id for node in nodes[:5]}
        await until(lambda: all(len(node.kad.table) == 4 for node in nodes[:5]))
        for node in nodes:
            known = {peer.id for peer in node.kad.table.nearest(bytes(32))}
            assert known == servers - {node.host.node.node_id}
        assert TProtocol(PROTOCOL) not in nodes[6].host.host.get_mux().get_protocols()


@in_trio
async def test_a_bootstrap_node_that_comes_back_without_its_records_gets_them_again() -> None:
    async with dht(1, clients=1) as (server, client):
        node = server.host.node.node_id
        assert await client.kad.put(KEY, Record(b"good:1", 1)) == 1
        server.kad.shelf._drop(place_of_record(KEY))
        client.kad.met(node)  # connected all the time
        client.kad.lost(node)
        client.kad.met(node)
        await until(lambda: server.kad.shelf.at(place_of_record(KEY)) == b"good:1")
        assert client.kad._gone == set()


async def say(node: Node, to: Node, raw: bytes) -> bytes:
    """What a node answers on a stream of its own; b"" where it ends the stream instead."""
    (connection, *_) = node.host.swarm.get_connections(to.host.id)
    try:
        stream = await open_stream(connection, TProtocol(PROTOCOL))
        await stream.write(raw)
        return await read_varint_prefixed_bytes_limited(stream, MAX_REPLY)
    except (StreamError, ValueError, MultiselectClientError):
        return b""


@in_trio
async def test_bad_old_and_foreign_records_of_others_are_not_kept_and_junk_ends_its_own_stream_only() -> None:
    async with dht(2, clients=1) as (server, _, cheat):
        assert server.kad.shelf.keep(KEY, b"good:5")
        for key, value in (
            (KEY, b"evil"),
            (KEY, b"good:4"),
            (b"/other/alice", b"good:9"),
            (b"\xff", b"good:9"),
        ):
            request = KadRequest(key=key, record=value).SerializeToString()
            assert await say(cheat, server, encode_varint_prefixed(request)) == b""  # an answer without anything kept
        for junk in (b"\xff" * 20, b"\x05hello", b"\xff\xff\x7f", encode_varint_prefixed(bytes(MAX_REQUEST + 1))):
            assert await say(cheat, server, junk) == b""
        assert server.kad.shelf.at(place_of_record(KEY)) == b"good:5"
        assert await cheat.kad.get(KEY) == Record(b"good:5", 5)


@in_trio
async def test_of_one_node_so_many_records_are_taken_in_a_minute() -> None:
    async with dht(1, clients=1) as (server, client):
        answers = server.kad._answers
        for number in range(PUTS + 1):
            request = KadRequest(key=b"/good/%d" % number, record=b"good:1")
            assert answers.answer(client.host.node.node_id, request, "127.0.0.1").kept is (number < PUTS)
        request = KadRequest(key=b"/good/other", record=b"good:1")
        assert answers.answer(NodeId("another"), request, "127.0.0.1").kept


def test_silent_streams_are_few_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with dht(1, clients=1) as (server, client):
            monkeypatch.setattr(kad_calls, "PATIENCE", 0.5)
            (connection, *_) = client.host.swarm.get_connections(server.host.id)
            silent = [await open_stream(connection, TProtocol(PROTOCOL)) for _ in range(MAX_STREAMS_PER_PEER)]
            streams = server.kad._answers._streams
            await until(lambda: streams.total() == MAX_STREAMS_PER_PEER)
            request = encode_varint_prefixed(KadRequest(target=place_of_record(KEY)).SerializeToString())
            assert server.kad.shelf.keep(KEY, b"good:1")
            assert not await say(client, server, request)
            await until(lambda: not streams)
            assert await say(client, server, request)
            assert len(silent) == MAX_STREAMS_PER_PEER

    in_trio(main)()


def lying(host: Cured, reply: Callable[[], bytes]) -> None:
    """Let a host serve the DHT with lies."""

    async def serve(node: NodeId, net: INetStream) -> None:
        await read_varint_prefixed_bytes_limited(net, MAX_REQUEST)
        await net.write(encode_varint_prefixed(reply()))
        await net.close()

    host.node.serve(PROTOCOL, serve)


@in_trio
async def test_nodes_that_return_rubbish_or_old_versions_do_not_hide_the_newest() -> None:
    async with dht(5, clients=1) as nodes, cured(4, first=50) as liars:
        lies = (b"\xff" * 40, pack_reply(Reply(record=b"evil")), pack_reply(Reply(record=b"good:1")), b"")
        for liar, lie in zip(liars, lies, strict=True):
            lying(liar, lambda lie=lie: lie)  # type: ignore[misc]
        assert await nodes[1].kad.put(KEY, Record(b"good:7", 7)) >= 4
        client = nodes[5].kad
        for liar in liars:
            addresses = tuple(text.partition("/p2p/")[0] for text in liar.node.addresses())
            client._bootstrap.append(Peer(liar.node.node_id, addresses))
        assert await client.get(KEY) == Record(b"good:7", 7)


@in_trio
async def test_a_server_that_claims_an_address_of_somebody_else_is_not_dialled_there() -> None:
    async with dht(1, clients=1) as (server, client):
        claim = KadRequest(target=bytes(32), addresses=["/ip4/127.0.0.2/tcp/9", "/ip4/8.8.8.8/tcp/9"])
        raw = await say(client, server, encode_varint_prefixed(claim.SerializeToString()))
        assert KadReply.FromString(raw) == KadReply()
        assert server.kad._claims == {}


def of_loopback(address: str) -> str | None:
    """As if loopback were the net: its subnets are /24."""
    return address.rpartition(".")[0]


def id_of(seed: int) -> NodeId:
    """The id of the cured host of that number."""
    key = Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
    return node_id_from_key(key.public_key().public_bytes_raw())


async def eclipse(subnet: Callable[[str], str | None]) -> Record | None:
    """What a client finds when twenty nodes of one subnet sit nearest to a record and name none but each other."""
    place = place_of_record(KEY)
    seeds = sorted(range(1000, 2000), key=lambda seed: distance(place, place_of_node(id_of(seed))))[:NEAREST]
    async with dht(4, subnet=subnet) as nodes, trio.open_nursery() as nursery:
        assert await nodes[1].kad.put(KEY, Record(b"good:1", 1)) >= 3
        nodes[0].kad.shelf._records.clear()  # the one that the client knows leads to the others
        crowd = []
        for seed in seeds:
            liar = Cured(seed, listen=("/ip4/127.0.66.1/tcp/0",))
            await nursery.start(liar.node.run)
            await liar.node.listen()
            crowd.append(Peer(liar.node.node_id, (liar.node.addresses()[0].partition("/p2p/")[0],)))
            lying(liar, lambda: pack_reply(Reply(tuple(crowd))))
        async with cured(1, first=900) as (host,):
            client = Kad(host.node, nodes[0].host.node.addresses()[:1], False, host.log, subnet)
            client.shelf.check = check
            client._bootstrap.append(crowd[0])
            found = await client.get(KEY)
        nursery.cancel_scope.cancel()
        return found


@in_trio
async def test_nodes_of_one_subnet_do_not_eclipse_a_record() -> None:
    assert await eclipse(of_loopback) == Record(b"good:1", 1)


@in_trio
async def test_without_the_limits_they_can() -> None:
    for _ in range(5):  # whether they do depends on who answers first
        if await eclipse(lambda address: None) is None:
            return
    raise AssertionError("nobody was eclipsed, so the limits are not what prevents it")
