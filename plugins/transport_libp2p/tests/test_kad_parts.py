"""The parts of the DHT by themselves: whom a table knows, what a shelf keeps, what bytes say, how a look-up goes."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Sequence

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from kad_nodes import check
from mepassad_transport_libp2p import kad_shelf
from mepassad_transport_libp2p.kad_lookup import MOST, PARALLEL, SUBNET_ASKED, LookUp
from mepassad_transport_libp2p.kad_pb2 import KadNode, KadReply, KadRequest
from mepassad_transport_libp2p.kad_shelf import Shelf
from mepassad_transport_libp2p.kad_table import SUBNET_OF_BUCKET, SUBNET_OF_TABLE, Table
from mepassad_transport_libp2p.kad_wire import (
    MAX_ADDRESSES,
    NEAREST,
    Peer,
    Reply,
    believed,
    distance,
    of_host,
    pack_reply,
    parse_reply,
    parse_request,
    place_of_node,
    place_of_record,
    subnet,
)

from mepassad.api.node_id import node_id_from_key
from mepassad.api.types import NodeId

OWN = node_id_from_key(bytes(32))
PUBLIC = "/ip4/8.8.{}.{}/tcp/4001"


def node(number: int) -> NodeId:
    return node_id_from_key(number.to_bytes(32, "big"))


def peer(number: int, address: str = "") -> Peer:
    return Peer(node(number), (address or f"/ip4/{1 + number % 9}.{number >> 8 & 255}.{number & 255}.1/tcp/4001",))


# -- the table


def test_a_table_knows_the_nearest_and_not_itself() -> None:
    table = Table(OWN)
    assert not table.add(Peer(OWN, ("/ip4/8.8.8.8/tcp/1",)))
    assert not table.add(Peer(node(1), ()))
    peers = [peer(number) for number in range(1, 10)]
    assert all(map(table.add, peers))
    place = place_of_node(node(5))
    assert table.nearest(place)[0].id == node(5)
    assert table.nearest(place, 3) == sorted(peers, key=lambda one: distance(place, place_of_node(one.id)))[:3]
    table.remove(node(5))
    assert node(5) not in table
    assert len(table) == 8


def test_a_bucket_is_bounded_and_newcomers_displace_nobody() -> None:
    table = Table(OWN)
    for number in range(1, 3000):
        table.add(peer(number))
    far = [one for one in range(1, 3000) if distance(place_of_node(OWN), place_of_node(node(one))) >> 255]
    known = [one for one in far if node(one) in table]
    assert known == far[:NEAREST]
    assert table.add(peer(known[0], "/ip4/9.9.9.9/tcp/1"))  # whoever is known may move


def test_of_one_subnet_few_are_known_and_private_addresses_are_none() -> None:
    table = Table(OWN)
    for number in range(1, 500):
        table.add(peer(number, PUBLIC.format(8, number % 250 + 1)))
    assert len(table) == SUBNET_OF_TABLE
    buckets = [place_of_node(one.id)[0] >> 7 for one in table.nearest(bytes(32), 500)]
    assert buckets.count(1 - (place_of_node(OWN)[0] >> 7)) == SUBNET_OF_BUCKET
    for number in range(1000, 1100):
        table.add(peer(number, f"/ip4/10.0.0.{number % 100}/tcp/1"))
    assert len(table) > SUBNET_OF_TABLE + NEAREST


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/ip4/8.8.8.8/tcp/1", "8.8.8.0/24"),
        ("/ip6/2600:1:2:3::1/udp/1/quic-v1", "2600:1:2::/48"),
        ("/ip4/10.0.0.1/tcp/1", None),
        ("/ip4/127.0.0.1/tcp/1", None),
        ("/dns4/example.org/tcp/1", None),
        ("junk", None),
    ],
)
def test_the_subnet_of_an_address(address: str, found: str | None) -> None:
    assert subnet(address) == found


# -- what others tell


def test_addresses_are_believed_when_they_are_public_or_of_the_tellers_own_kind() -> None:
    told = [
        "/ip4/8.8.8.8/tcp/1", "/ip4/10.1.2.3/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip4/169.254.169.254/tcp/80",
        "/ip4/0.0.0.0/tcp/1", "/dns4/example.org/tcp/1", "/ip4/8.8.8.8/tcp/1/p2p/" + OWN, "/ip4/224.0.0.1/tcp/1",
    ]  # fmt: skip
    assert believed(told, "9.9.9.9") == ("/ip4/8.8.8.8/tcp/1",)
    assert believed(told, "192.168.0.9") == ("/ip4/8.8.8.8/tcp/1", "/ip4/10.1.2.3/tcp/1")
    assert believed(told, "127.0.0.1") == ("/ip4/8.8.8.8/tcp/1", "/ip4/127.0.0.1/tcp/1")
    assert believed(told, "") == ("/ip4/8.8.8.8/tcp/1",)
    assert believed(["/ip4/8.8.8.8/tcp/1"] * 9, "9.9.9.9") == ("/ip4/8.8.8.8/tcp/1",) * MAX_ADDRESSES


def test_a_server_is_dialled_at_the_ip_address_that_it_came_from_and_at_no_other() -> None:
    told = ["/ip4/8.8.8.8/tcp/1", "/ip4/8.8.4.4/tcp/1", "/ip4/8.8.8.8/udp/1/quic-v1", "/dns4/8.8.8.8/tcp/1"]
    assert of_host(told, "8.8.8.8") == ("/ip4/8.8.8.8/tcp/1", "/ip4/8.8.8.8/udp/1/quic-v1")
    assert of_host(told, "::ffff:8.8.4.4") == ("/ip4/8.8.4.4/tcp/1",)
    assert of_host(told, "") == ()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_are_refused(raw: bytes) -> None:
    for parse in (parse_request, lambda raw: parse_reply(raw, "127.0.0.1")):
        with contextlib.suppress(ValueError):
            parse(raw)


@pytest.mark.parametrize(
    "request_",
    [
        KadRequest(),
        KadRequest(target=bytes(31)),
        KadRequest(target=bytes(32), record=b"x", key=b"y"),
        KadRequest(record=b"x"),
        KadRequest(key=b"x"),
        KadRequest(target=bytes(32), addresses=["/x"] * 9),
    ],
)
def test_a_request_asks_for_one_place_or_brings_one_record(request_: KadRequest) -> None:
    with pytest.raises(ValueError, match=r"request"):
        parse_request(request_.SerializeToString())


def test_an_answer_names_so_many_nodes_and_what_is_no_node_spoils_it() -> None:
    reply = Reply(tuple(peer(number) for number in range(NEAREST)), b"record", True)
    assert parse_reply(pack_reply(reply), "9.9.9.9") == reply
    with pytest.raises(ValueError, match="too many"):
        parse_reply(pack_reply(reply._replace(nodes=(*reply.nodes, peer(99)))), "9.9.9.9")
    with pytest.raises(ValueError, match="32 bytes"):
        parse_reply(KadReply(nodes=[KadNode(id=bytes(31))]).SerializeToString(), "9.9.9.9")


# -- the shelf


def test_a_shelf_keeps_the_highest_version_of_what_is_valid_and_nothing_before_it_knows_what_that_is() -> None:
    shelf, key = Shelf(bytes(32)), b"/good/x"
    assert not shelf.keep(key, b"good:1")
    shelf.check = check
    assert not shelf.keep(key, b"evil")
    assert not shelf.keep(b"/other/x", b"good:1")
    assert shelf.keep(key, b"good:2")
    assert shelf.keep(key, b"good:2")
    assert not shelf.keep(key, b"good:1")
    assert shelf.at(place_of_record(key)) == b"good:2"
    assert shelf.keep(key, b"good:3")


def test_a_full_shelf_gives_up_what_is_farthest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kad_shelf, "MAX_RECORDS", 10)
    shelf = Shelf(bytes(32))
    shelf.check = check
    keys = [f"/good/{number}".encode() for number in range(50)]
    for key in keys:
        shelf.keep(key, b"good:1")
    near = sorted(keys, key=lambda key: distance(bytes(32), place_of_record(key)))[:10]
    assert len(shelf) == 10
    assert all(shelf.at(place_of_record(key)) for key in near)


def test_what_is_past_its_life_is_not_handed_out_and_is_tidied_up() -> None:
    shelf = Shelf(bytes(32))
    shelf.check = check
    keys = [f"/good/{number}".encode() for number in range(100)]
    for key in keys:
        assert shelf.keep(key, b"good:1")
    shelf.check = lambda key, value: check(b"/gone/", value)
    assert shelf.at(place_of_record(keys[0])) == b""
    for _ in range(3):
        shelf.tidy()
    assert len(shelf) == 0


# -- looking up


class World:
    """Nodes that know those near them, and some others; `asked` in order."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self.peers = {node(number): peer(number) for number in range(1, count + 1)}
        self.dead: set[NodeId] = set()
        self.slow: set[NodeId] = set()
        self.lie: Callable[[Peer], Reply | None] = lambda one: None
        self.asked: list[NodeId] = []
        self._random = random.Random(seed)

    def sorted(self, place: bytes) -> list[Peer]:
        return sorted(self.peers.values(), key=lambda one: distance(place, place_of_node(one.id)))

    async def run(self, place: bytes, wanted: int, start: Sequence[Peer]) -> list[Peer]:
        async def ask(one: Peer) -> Reply | None:
            self.asked.append(one.id)
            await trio.lowlevel.checkpoint()
            if one.id in self.slow:
                await trio.sleep(5)
            there = self.peers.get(one.id, one).addresses
            if one.id in self.dead | self.slow or not set(there) & set(one.addresses):
                return None
            knows = [*self.sorted(place_of_node(one.id))[:30], *self._random.sample(list(self.peers.values()), 10)]
            near = sorted(knows, key=lambda other: distance(place, place_of_node(other.id)))
            return self.lie(one) or Reply(tuple(near[:NEAREST]))

        look_up = LookUp(OWN, place, ask, subnet)
        await look_up.run(start, wanted)
        return look_up.nearest()


def test_a_look_up_finds_the_nearest_of_many_in_few_questions() -> None:
    world, place = World(600), place_of_record(b"x")
    found = trio.run(world.run, place, NEAREST, [peer(1)])
    assert found[:NEAREST] == world.sorted(place)[:NEAREST]
    assert len(world.asked) == len(set(world.asked)) <= 40


def test_the_dead_are_passed_over() -> None:
    world, place = World(300), place_of_record(b"x")
    world.dead = {one.id for one in world.sorted(place)[:5]}
    found = trio.run(world.run, place, 8, [peer(number) for number in range(1, 6)])
    assert found[:8] == world.sorted(place)[5:13]


def test_nobody_is_found_where_nobody_is_known() -> None:
    assert trio.run(World(3).run, bytes(32), 8, []) == []


def test_liars_who_name_each_other_without_end_are_asked_a_bounded_number_of_times() -> None:
    world, made = World(10), iter(range(10_000, 10**9))
    world.lie = lambda one: Reply(tuple(peer(next(made)) for _ in range(NEAREST)))
    trio.run(world.run, place_of_record(b"x"), NEAREST, [peer(1)])
    assert len(world.asked) <= MOST


def test_of_one_subnet_few_are_asked_so_that_it_does_not_hide_the_others() -> None:
    world, place = World(200), place_of_record(b"x")
    ground = sorted(range(10**5, 10**5 + 4000), key=lambda number: distance(place, place_of_node(node(number))))
    crowd = [peer(number, PUBLIC.format(8, index + 1)) for index, number in enumerate(ground[:NEAREST])]
    evil = {one.id for one in crowd}
    world.lie = lambda one: Reply(tuple(crowd)) if one.id in evil else None
    found = trio.run(world.run, place, 8, [*crowd, peer(1)])
    assert len([one for one in found if one.id in evil]) == SUBNET_ASKED
    assert set(world.sorted(place)[:4]) <= set(found)


def test_who_names_others_at_wrong_addresses_does_not_hide_them() -> None:
    world, place = World(200), place_of_record(b"x")
    wrong = [Peer(one.id, tuple(f"/ip4/99.{n}.0.1/tcp/9" for n in range(MAX_ADDRESSES))) for one in world.sorted(place)]
    world.lie = lambda one: Reply(tuple(wrong[:NEAREST])) if one.id == node(1) else None
    found = trio.run(world.run, place, 8, [peer(1), peer(2)])
    assert found[:8] == world.sorted(place)[:8]


def test_who_answers_slowly_or_never_holds_up_nobody() -> None:
    world, place, clock = World(300), place_of_record(b"x"), trio.testing.MockClock(autojump_threshold=0)
    world.slow = {one.id for one in world.sorted(place)[:12]}
    began = clock.current_time()
    found = trio.run(world.run, place, 8, [peer(number) for number in range(1, 6)], clock=clock)
    assert found[:8] == world.sorted(place)[12:NEAREST]
    assert (
        clock.current_time() - began <= 12 / PARALLEL + 6
    )  # without places for others it would be three times five seconds


def test_those_who_tell_of_nodes_that_are_nowhere_are_asked_for_the_others_last() -> None:
    world, place = World(200), place_of_record(b"x")
    ground = sorted(range(10**5, 10**5 + 6000), key=lambda number: distance(place, place_of_node(node(number))))
    nowhere = [peer(number) for number in ground[:80]]
    world.dead = {one.id for one in nowhere}
    lies = {node(liar): nowhere[20 * liar - 20 : 20 * liar] for liar in range(1, 5)}
    world.lie = lambda one: Reply(tuple(lies[one.id])) if one.id in lies else None
    found = trio.run(world.run, place, 8, [peer(number) for number in range(1, 7)])
    assert found[:8] == [one for one in world.sorted(place) if one.id not in lies][:8]
