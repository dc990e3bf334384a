"""The DHT among hosts that lie about others, crowd in, answer slowly, or fill what a server keeps."""

from __future__ import annotations

import pytest
import trio
from hosts import cured, until
from kad_nodes import KEY, Node, check, dht
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited
from mepassad_transport_libp2p import kad, kad_calls, kad_shelf
from mepassad_transport_libp2p.compat.circuit import open_stream
from mepassad_transport_libp2p.kad import Kad
from mepassad_transport_libp2p.kad_calls import MAX_STREAMS_PER_PEER
from mepassad_transport_libp2p.kad_pb2 import KadReply, KadRequest
from mepassad_transport_libp2p.kad_shelf import Shelf
from mepassad_transport_libp2p.kad_wire import (
    MAX_REPLY,
    MAX_REQUEST,
    PROTOCOL,
    Peer,
    Reply,
    believed,
    pack_reply,
    place_of_record,
)
from stock import in_trio

from mepassad.api.directory import Record
from mepassad.api.types import NodeId


def where(node: Node) -> str:
    """A node's address without `/p2p`."""
    return node.host.node.addresses()[0].partition("/p2p/")[0]


@in_trio
async def test_of_what_is_told_of_a_node_only_addresses_where_it_was_reached_are_known_and_passed_on() -> None:
    async with dht(2) as (_, told), cured(2, first=70) as (liar, asker):
        real, node = where(told), told.host.node.node_id
        lie = pack_reply(Reply((Peer(node, ("/ip4/127.0.0.99/tcp/9", real, "/ip4/8.8.8.8/tcp/9")),)))

        async def serve(_node: NodeId, net: INetStream) -> None:
            await read_varint_prefixed_bytes_limited(net, MAX_REQUEST)
            await net.write(encode_varint_prefixed(lie))
            await net.close()

        liar.node.serve(PROTOCOL, serve)
        client = Kad(asker.node, liar.node.addresses()[:1], False, asker.log)
        client.shelf.check = check
        await client.get(KEY)
        assert client.table.known(node) == (real,)


@in_trio
async def test_a_known_node_is_not_forgotten_because_somebody_tells_of_it_wrongly() -> None:
    async with dht(2) as (one, other):
        node = other.host.node.node_id
        await until(lambda: node in one.kad.table)
        await one.host.swarm.close_peer(other.host.id)
        wrong = Peer(node, ("/ip4/127.0.0.9/tcp/9",))
        assert await one.kad._ask(wrong, KadRequest(target=bytes(32))) is not None
        assert one.kad.table.known(node) == (where(other),)


def test_what_was_found_counts_although_others_never_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(kad, "LOOK_UP", 1.5)
        async with dht(1) as (server,), cured(6, first=70) as (asker, *silent):
            assert server.kad.shelf.keep(KEY, b"good:1")
            for host in silent:
                host.node.serve(PROTOCOL, lambda node, net: trio.sleep_forever())
            bootstrap = [host.node.addresses()[0] for host in silent]
            client = Kad(asker.node, [*bootstrap, server.host.node.addresses()[0]], False, asker.log)
            client.shelf.check = check
            with trio.fail_after(4):
                assert await client.get(KEY) == Record(b"good:1", 1)

    in_trio(main)()


def test_of_more_streams_than_are_served_the_oldest_ends_so_that_silent_ones_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        monkeypatch.setattr(kad_calls, "MAX_STREAMS", MAX_STREAMS_PER_PEER * 2)
        async with dht(1, clients=3) as (server, *silent, client):
            assert server.kad.shelf.keep(KEY, b"good:1")
            for node in silent:
                (connection, *_) = node.host.swarm.get_connections(server.host.id)
                for _ in range(MAX_STREAMS_PER_PEER):
                    await open_stream(connection, TProtocol(PROTOCOL))
            await until(lambda: len(server.kad._answers._scopes) == kad_calls.MAX_STREAMS)
            (connection, *_) = client.host.swarm.get_connections(server.host.id)
            stream = await open_stream(connection, TProtocol(PROTOCOL))
            await stream.write(encode_varint_prefixed(KadRequest(target=place_of_record(KEY)).SerializeToString()))
            raw = await read_varint_prefixed_bytes_limited(stream, MAX_REPLY)
            assert KadReply.FromString(raw).record == b"good:1"
            await until(lambda: server.kad._answers._streams.total() == kad_calls.MAX_STREAMS - 1)

    in_trio(main)()


def test_who_fills_a_shelf_from_one_network_pushes_out_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kad_shelf, "MAX_RECORDS", 20)
    shelf = Shelf(bytes(32))
    shelf.check = check
    others = [b"/good/other/%d" % number for number in range(8)]
    for number, key in enumerate(others):
        assert shelf.keep(key, b"good:1", f"9.9.{number // 2}.0/24")
    for number in range(200):
        shelf.keep(b"/good/mine/%d" % number, b"good:1", "8.8.8.0/24")
    assert len(shelf) == 20
    assert all(shelf.at(place_of_record(key)) for key in others)
    assert shelf.keep(others[0], b"good:2", "9.9.9.0/24")  # whoever moved is of another network
    shelf.check = lambda key, value: check(b"/gone/", value)
    shelf.tidy()
    assert (len(shelf), shelf._crowds) == (0, {})


@pytest.mark.parametrize("host", ["2002:7f00:1::1", "2002:a00:1::1", "fec0::1", "64:ff9b:1::1", "::ffff:10.0.0.1"])
def test_addresses_that_lead_into_other_networks_are_not_public(host: str) -> None:
    assert believed([f"/ip6/{host}/tcp/1"], "9.9.9.9") == ()
