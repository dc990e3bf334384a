"""Cures of swarm, host and peer store: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

from contextlib import suppress

import anyio
import pytest
import trio
import trio.testing
from hosts import Cured, cured, echoes
from hosts import until as until_trio
from inside import drop, within
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.config import ConnectionConfig
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.peer.peerstore import PeerStore
from mepassad_transport_libp2p.compat.peerstore import LastingPeerStore
from multiaddr import Multiaddr  # type: ignore[import-untyped]
from running import Running
from stock import LOOPBACK, in_trio, info, stock

from mepassad.api import Unreachable
from mepassad.testing.transport_node import ECHO, Node, assert_echoes, until


@in_trio
async def test_a_stock_swarm_refuses_newcomers_for_good_after_as_many_as_it_may_have() -> None:
    limits = ConnectionConfig(
        max_connections=3, high_watermark=3, low_watermark=0, min_connections=0, max_connections_per_peer=1
    )
    served = 0
    async with stock(connection_config=limits) as server:
        for _ in range(5):
            async with stock() as client:
                try:
                    await client.connect(info(server))
                    await client.new_stream(server.get_id(), [TProtocol("/ipfs/ping/1.0.0")])
                    served += 1
                except Exception:
                    continue
    assert served == 3


async def test_a_node_serves_newcomers_however_many_came_and_went(running: Running) -> None:
    async with running(2, max_connections=3) as (a, b):
        tasks: list[int] = []
        for _ in range(12):
            await assert_echoes(await a.open(b))
            await drop(a, b)
            await until(lambda: not b.transport.connected() and not a.transport.connected())
            tasks.append(await within(b, count_tasks))
        assert min(tasks[9:]) <= min(tasks[:3]) + 2  # the least: what is being closed still counts for a moment


async def count_tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def test_more_than_256_peers_are_served_at_once(running: Running) -> None:
    async with running(1) as (server,):
        host, guest = server.transport._host, server.transport._guest  # type: ignore[attr-defined]
        assert host._swarm._resource_manager is None
        clients = 260

        async def crowd() -> int:
            async with trio.open_nursery() as nursery:
                hold, door = trio.Event(), trio.CapacityLimiter(32)  # who come in at once; all stay
                ready = [trio.Event() for _ in range(clients)]
                for event in ready:
                    nursery.start_soon(visit, server, event, hold, door)
                for event in ready:
                    await event.wait()
                connected = len(host._swarm.connections)
                hold.set()
            return connected

        with anyio.fail_after(60):
            assert await guest.call(crowd) == clients


async def visit(server: Node, ready: trio.Event, leave: trio.Event, door: trio.CapacityLimiter) -> None:
    """Connect as a new peer when there is room at the door, speak to the echo handler, and stay until told."""
    limits = ConnectionConfig(max_connections_per_peer=1, min_connections=0, low_watermark=0)
    address = Multiaddr(server.transport.addresses()[0].split("/p2p/")[0])
    async with stock(connection_config=limits) as client:
        peer = ID.from_base58(server.id)
        async with door:
            await client.connect(PeerInfo(peer, [address]))
            stream = await client.new_stream(peer, [TProtocol(ECHO)])
            await stream.write(b"hello")
            assert await stream.read(5) == b"hello"
        ready.set()
        await leave.wait()
        await client.disconnect(peer)


async def fail(stream: object) -> None:
    raise ValueError("a mistake in a handler")


@in_trio
async def test_a_stock_host_dies_of_one_failing_handler() -> None:
    async def serve_one() -> None:
        async with stock() as server, stock() as client:
            server.set_stream_handler(TProtocol("/fail/1"), fail)
            await client.connect(info(server))
            await client.new_stream(server.get_id(), [TProtocol("/fail/1")])
            await trio.sleep_forever()

    with pytest.RaisesGroup(ValueError, flatten_subgroups=True):
        await serve_one()


async def test_a_failing_handler_in_trio_ends_its_own_stream_only(running: Running) -> None:
    async with running(2) as (a, b):
        b.transport._host._host.set_stream_handler(TProtocol("/fail/1"), fail)  # type: ignore[attr-defined]
        healthy = await a.open(b)
        with suppress(Unreachable):  # when it failed before its protocol was agreed on
            assert await (await a.open(b, "/fail/1")).read() == b""
        await assert_echoes(healthy)


async def test_a_failing_task_of_a_connection_does_not_end_the_node(running: Running) -> None:
    async with running(2) as (a, b):
        healthy = await a.open(b)
        b.transport._host._swarm.manager.run_task(fail, None)  # type: ignore[attr-defined]
        await assert_echoes(healthy)
        await until(lambda: any(line[1] == "connection task failed" for line in b.log.lines))


@in_trio
async def test_a_stock_host_offers_plaintext() -> None:
    async with stock(noise=False) as host:
        offered = host.get_network().upgrader.security_multistream.transports  # type: ignore[attr-defined]
        assert "/plaintext/2.0.0" in offered


def ids(count: int) -> list[ID]:
    return [ID(b"\x00\x24\x08\x01\x12\x20" + number.to_bytes(32, "big")) for number in range(count)]


def has_own_key(store: PeerStore, own: ID) -> bool:
    """Whether the store still knows the key of `own` after 1,500 strangers passed."""
    store.add_key_pair(own, create_new_key_pair(bytes(32)))
    for stranger in ids(1500):
        store.add_addrs(stranger, [LOOPBACK], 600)
    store._cleanup_expired_records()
    return own in store.peer_ids()


OWN = ID.from_pubkey(create_new_key_pair(bytes(32)).public_key)


def test_a_stock_peer_store_forgets_the_nodes_own_key() -> None:
    assert not has_own_key(PeerStore(), OWN)


def test_the_peer_store_keeps_the_nodes_own_key_and_stays_bounded() -> None:
    store = LastingPeerStore(OWN)
    assert has_own_key(store, OWN)
    assert len(store.peer_ids()) <= 1001


@in_trio
async def test_a_stock_host_keeps_strangers_that_left() -> None:
    async with stock() as server:
        async with stock() as client:
            await client.connect(info(server))
            await client.disconnect(server.get_id())
        with trio.move_on_after(0.2):
            while server.get_network().connections:
                await trio.sleep(0.01)
        assert len(server.get_peerstore().peer_ids()) == 2


def kept(host: Cured) -> dict[str, int]:
    """How many things each collection of a host holds."""
    parts = (host.node, host.host, host.swarm, host.swarm.auto_connector, host.swarm.peerstore)
    return {
        f"{type(part).__name__}.{name}": len(value)
        for part in parts
        for name, value in vars(part).items()
        if isinstance(value, dict | set | list)
    }


@in_trio
async def test_a_node_keeps_nothing_of_strangers_that_left() -> None:
    async with cured(1) as (server,):
        before = kept(server)
        tasks = trio.lowlevel.current_statistics().tasks_living
        for number in range(10):
            async with cured(1, first=2 + number, listen=()) as (stranger,):
                assert await echoes(await stranger.connect(server))
        await until_trio(lambda: kept(server) == before)
        await until_trio(lambda: trio.lowlevel.current_statistics().tasks_living <= tasks)


def test_a_node_that_can_be_dialled_is_not_forgotten() -> None:
    store, (peer, other) = LastingPeerStore(OWN), ids(2)
    store.add_addrs(peer, [LOOPBACK], 600)
    store.add_protocols(other, ["/echo/1"])
    store.add_key_pair(OWN, create_new_key_pair(bytes(32)))
    for one in (peer, other, OWN, ids(3)[2]):
        store.forget_stranger(one)
    assert set(store.peer_ids()) == {peer, OWN}
