"""What strangers cost a relay: many circuits of one network make room, what nobody takes is not held, places stay."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from typing import Any

import pytest
import trio
from hosts import ECHO, Cured, echoes, until
from libp2p.abc import INetConn, INetStream
from libp2p.connection_types import ConnectionType
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, PeerId
from mepassad_transport_libp2p.circuits import MUCH, Carried, Circuits
from mepassad_transport_libp2p.compat.circuit import Circuit, circuit_address, open_stream
from relaying import Relayed, relayed
from stock import in_trio

from mepassad.api import Unreachable

LARGE = 250_000
LASTING: list[object] = []
"""What keeps the circuits of a test."""


def carry(circuits: Circuits, source: str, target: str, network: Hashable) -> Carried | None:
    """A circuit, if there is room for it."""
    if not circuits.make_room(ID(source.encode()), ID(target.encode()), network):
        return None
    lasting = circuits.carry(ID(source.encode()), ID(target.encode()), network)
    LASTING.append(lasting)
    return lasting.__enter__()


@in_trio
async def test_many_circuits_of_one_network_make_room_for_one_of_another_and_the_oldest_goes() -> None:
    circuits = Circuits(most=100, most_per_peer=3)
    first, *_ = [carry(circuits, f"stranger {number}", "ana", "theirs") for number in range(3)]
    assert first is not None
    assert carry(circuits, "stranger 9", "ana", "theirs") is None  # nor does it gain by more keys
    assert carry(circuits, "bruno", "ana", "his") is not None
    assert first.scope.cancel_called
    assert (len(circuits), circuits.gave_way) == (3, 1)
    assert carry(circuits, "carla", "ana", "hers") is not None
    assert carry(circuits, "davi", "ana", "his too") is None  # all networks have as many as he would have


@in_trio
async def test_the_whole_relay_is_shared_out_the_same_way() -> None:
    circuits = Circuits(most=4, most_per_peer=3)
    for number in range(4):
        assert carry(circuits, f"stranger {number}", f"target {number}", "theirs") is not None
    assert carry(circuits, "bruno", "ana", "his") is not None
    assert len(circuits) == 4


@in_trio
async def test_one_node_has_so_many_circuits_and_no_other_gives_way_to_it() -> None:
    circuits = Circuits(most=100, most_per_peer=2)
    for number in range(2):
        assert carry(circuits, "bruno", f"target {number}", "his") is not None
    assert carry(circuits, "bruno", "ana", "another") is None
    assert circuits.gave_way == 0


class Books:
    """What waits on streams that are numbers: that many bytes."""

    def __init__(self) -> None:
        self.cleared: list[int] = []

    def waiting(self, stream: Any) -> int:
        size: int = stream
        return size

    def clear(self, stream: Any) -> None:
        self.cleared.append(stream)


@in_trio
async def test_of_circuits_that_are_not_read_the_half_that_waits_longest_is_ended() -> None:
    circuits, node, made, books = Circuits(100, 100), ID(b"ana"), dict[str, Carried](), Books()
    rows = (("last", None, MUCH), ("first", 2.0, MUCH), ("quick", 1.0, MUCH - 1), ("second", 3.0, MUCH + 3))
    for name, since, size in rows:
        found = carry(circuits, name, "ana", name)
        assert found is not None
        made[name] = found
        found.streams[node] = size  # type: ignore[assignment]
        if since is not None:
            found.blocked[node] = since
    carry(circuits, "begun", "ana", "begun")
    assert circuits.relieve(node, books) == sum(books.cleared) == 2 * MUCH + 3
    assert {name for name, one in made.items() if one.scope.cancel_called} == {"first", "second"}
    assert circuits.relieve(ID(b"bruno"), books) == 0


@in_trio
async def test_over_one_relay_newcomers_come_no_faster_than_from_one_subnet() -> None:
    async with relayed(2, {"connects_burst_per_subnet": 1, "max_connects_per_second_per_subnet": 1}) as them:
        stranger, node = them.hosts
        await them.reserve(node)
        assert await echoes(await them.dial(stranger, node))
        with pytest.raises(Unreachable, match="could not reach the node"):
            await them.dial(stranger, node)
        assert node.swarm.stats()["refused_subnet_rate"] == 1


@in_trio
async def test_who_has_a_place_at_a_relay_keeps_its_connection_there_though_it_says_nothing() -> None:
    async with relayed(2) as them:
        node, stranger = them.hosts
        await them.reserve(node)
        crowd = them.relay.swarm.crowd
        await until(lambda: not [one for one in them.relay.swarm.get_connections() if one.get_streams()])
        crowd.look()
        crowd._now = lambda: trio.current_time() + 1000
        assert [one.muxed_conn.peer_id for one in crowd.overdue()] == [stranger.id]
        leaver = crowd.leaver(wanted=False)
        assert leaver is not None
        assert leaver.muxed_conn.peer_id == stranger.id
        them.server._expiry.clear()
        assert len(crowd.overdue()) == 2


class Deaf(Circuit):
    """A circuit of whose other end nothing is read any more once told so."""

    deaf = False

    async def read(self, n: int | None = None) -> bytes:
        while Deaf.deaf:
            await trio.sleep(0.05)
        return await super().read(n)


async def dial(them: Relayed, stranger: Cured, peer: Cured) -> INetConn:
    """A connection over the relay that may fall deaf."""
    request = HopMessage(type=HopMessage.CONNECT, peer=PeerId(id=peer.id.to_bytes()))
    stream, _ = await them.clients[stranger.id]._ask(them.relay.id, request)
    raw = RawConnection(Deaf(stream), True, ConnectionType.RELAYED, [circuit_address(them.relay.id, peer.id)])
    return await stranger.swarm.upgrade_outbound_raw_conn(raw, peer.id)


async def say(stream: INetStream) -> None:
    with suppress(Exception):
        await stream.write(bytes(LARGE))


@in_trio
async def test_strangers_who_do_not_read_cost_their_own_circuits_and_not_the_node_that_answers_them() -> None:
    Deaf.deaf = False
    async with relayed(5, {"max_unread_per_peer": 2 << 20}) as them, trio.open_nursery() as nursery:
        node, friend, *strangers = them.hosts
        await them.reserve(node)
        good = await them.dial(friend, node)
        direct = node.swarm.get_connections(them.relay.id)
        made = [await dial(them, stranger, node) for stranger in strangers for _ in range(4)]
        streams = [await open_stream(one, ECHO) for one in made for _ in range(4)]
        Deaf.deaf = True
        for stream in streams:
            nursery.start_soon(say, stream)
        await until(lambda: them.server.stats()["gave_way"] > 0)
        assert await echoes(good)
        assert node.swarm.get_connections(them.relay.id) == direct
        nursery.cancel_scope.cancel()


@in_trio
async def test_calls_to_a_node_that_has_no_place_are_counted_apart_from_what_is_refused() -> None:
    async with relayed(2) as them:
        caller, absent = them.hosts
        request = HopMessage(type=HopMessage.CONNECT, peer=PeerId(id=absent.id.to_bytes()))
        await them.ask(caller, request)
        assert (them.server.stats()["no_place"], them.server.stats()["refused"]) == (1, 0)
        await them.ask(caller, HopMessage(type=HopMessage.CONNECT))
        assert (them.server.stats()["no_place"], them.server.stats()["refused"]) == (1, 1)
