"""Cures of circuit relays: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hosts import Cured, cured, echoes, until
from libp2p.abc import IHost, INetConn
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, PeerId, Status, StopMessage
from libp2p.relay.circuit_v2.protocol import CircuitV2Protocol
from libp2p.relay.circuit_v2.resources import RelayLimits as StockLimits
from libp2p.tools.anyio_service import background_trio_service
from mepassad_transport_libp2p.compat.circuit import (
    HOP,
    MAX_MESSAGE,
    STOP,
    circuit_address,
    is_relayed,
    open_stream,
    receive,
    send,
)
from mepassad_transport_libp2p.compat.relay_client import RelayClient
from mepassad_transport_libp2p.compat.relay_server import RelayLimits, RelayServer
from relaying import relayed
from stock import in_trio, info, stock

from mepassad.api import Unreachable

STOCK_LIMITS = StockLimits(duration=3600, data=1 << 30, max_circuit_conns=100, max_reservations=100)


@in_trio
async def test_a_relay_joins_two_nodes_and_both_can_speak() -> None:
    async with relayed(2) as them:
        a, b = them.hosts
        place = await them.clients[b.id].reserve(them.relay.id)
        assert [str(address).rpartition("/p2p/")[2] for address in place.addresses] == [str(them.relay.id)]
        there = await them.dial(a, b)
        (back,) = b.swarm.get_connections(a.id)
        assert await echoes(there, b"x" * 300_000)
        assert await echoes(back)
        assert is_relayed(there)
        assert there.get_transport_addresses() == [circuit_address(them.relay.id, b.id)]
        assert back.get_transport_addresses() == [circuit_address(them.relay.id, a.id)]


@asynccontextmanager
async def stock_relay() -> AsyncIterator[tuple[IHost, CircuitV2Protocol]]:
    async with stock() as relay:
        protocol = CircuitV2Protocol(relay, limits=STOCK_LIMITS, allow_hop=True)
        async with background_trio_service(protocol):
            await protocol.event_started.wait()
            yield relay, protocol


async def one_of_two_ends(a: Cured, c: Cured, b: Cured, relay: ID) -> INetConn:
    """The circuit from `c` to `b`, after that from `a` to `b` has ended."""
    clients = [RelayClient(host.host, host.swarm) for host in (a, c, b)]
    for client in clients:
        client.start()
    await clients[2].reserve(relay)
    first, second = await clients[0].dial(relay, b.id), await clients[1].dial(relay, b.id)
    assert await echoes(first)
    assert await echoes(second)
    await a.swarm.drop(first)
    await until(lambda: not b.swarm.get_connections(a.id))
    return second


@in_trio
async def test_a_stock_relay_cuts_another_circuit_when_one_to_the_same_node_ends() -> None:
    async with stock_relay() as (relay, _), cured(3) as (a, b, c):
        for host in (a, b, c):
            await host.connect(relay)
        second = await one_of_two_ends(a, c, b, relay.get_id())
        await until(lambda: second.is_closed)


@in_trio
async def test_a_circuit_lives_on_when_another_to_the_same_node_ends() -> None:
    async with relayed(3) as them:
        a, b, c = them.hosts
        second = await one_of_two_ends(a, c, b, them.relay.id)
        await until(lambda: them.server.circuits == 1)
        assert await echoes(second)


@in_trio
async def test_a_stock_relay_reserves_in_anothers_name() -> None:
    async with stock_relay() as (relay, protocol), cured(2) as (a, b):
        for host in (a, b):
            await host.connect(relay)
        stream = await open_stream(a.swarm.get_connections(relay.get_id())[0], HOP)
        await send(stream, HopMessage(type=HopMessage.RESERVE, peer=PeerId(id=b.id.to_bytes())))
        assert (await receive(stream, HopMessage)).status == Status.OK
        assert protocol.resource_manager.has_reservation(b.id)


@in_trio
async def test_a_node_reserves_for_itself_only() -> None:
    async with relayed(2) as them:
        a, b = them.hosts
        request = HopMessage(type=HopMessage.RESERVE, peer=PeerId(id=b.id.to_bytes()))
        assert await them.ask(a, request) == Status.OK
        assert them.server.reserved() == (a.id,)


async def stop_status(relay: Cured, host: Cured, caller: bytes, protocol: TProtocol = STOP) -> Status.ValueType:
    """What a host answers to a circuit that a relay brings."""
    (connection,) = relay.swarm.get_connections(host.id)
    stream = await open_stream(connection, protocol)
    await send(stream, StopMessage(type=StopMessage.CONNECT, peer=PeerId(id=caller)))
    return (await receive(stream, StopMessage)).status


@in_trio
async def test_circuits_of_relays_that_were_not_asked_are_refused() -> None:
    async with relayed(1) as them:
        (b,) = them.hosts
        assert await stop_status(them.relay, b, them.relay.id.to_bytes()) == Status.PERMISSION_DENIED
        await them.reserve(b)
        assert await stop_status(them.relay, b, them.relay.id.to_bytes()) == Status.OK
        them.clients[b.id].release(them.relay.id)
        assert await stop_status(them.relay, b, them.relay.id.to_bytes()) == Status.PERMISSION_DENIED


@in_trio
async def test_a_relay_cannot_say_that_somebody_else_calls() -> None:
    async with relayed(2) as them:
        a, b = them.hosts
        await them.reserve(b)
        invite = them.server._invite

        async def lie(connection: INetConn, source: ID) -> object:
            return await invite(connection, ID(b"\x00\x24\x08\x01\x12\x20" + bytes(32)))

        them.server._invite = lie  # type: ignore[assignment,method-assign]
        with suppress(Unreachable):
            await them.dial(a, b)
        await until(lambda: not them.server.circuits and not b.swarm.get_connections(a.id))


JUNK = [b"", b"\x00", b"\xff" * 30, b"\x05hello", b"\x04\x08\x63\x12\x00", (MAX_MESSAGE + 1).to_bytes(2, "little") * 9]


@pytest.mark.parametrize("protocol", [HOP, STOP])
def test_junk_ends_its_own_stream_only(protocol: TProtocol) -> None:
    async def main() -> None:
        async with relayed(2) as them:
            a, b = them.hosts
            await them.reserve(b)
            circuit = await them.dial(a, b)
            for junk in [*JUNK, b"\x09\x08\x01\x12\x05\x0a\x03abc", bytes([9]) + bytes(range(9))]:
                receiver = them.relay if protocol == HOP else b
                sender = b if protocol == HOP else them.relay
                (connection,) = sender.swarm.get_connections(receiver.id)
                stream = await open_stream(connection, protocol)
                await stream.write(junk)
                await stream.close()
                with suppress(StreamError):
                    while await stream.read(100):
                        pass
            assert await echoes(circuit)
            assert them.server.reserved() == (b.id,)

    in_trio(main)()


@in_trio
async def test_a_relay_does_not_serve_over_another_relay() -> None:
    async with relayed(2) as them:
        a, b = them.hosts
        await them.reserve(b)
        RelayServer(b.host, RelayLimits(), b.addresses).start()
        stream = await open_stream(await them.dial(a, b), HOP)
        await send(stream, HopMessage(type=HopMessage.RESERVE))
        assert (await receive(stream, HopMessage)).status == Status.PERMISSION_DENIED


@in_trio
async def test_a_stock_node_is_reached_through_a_cured_relay() -> None:
    async with relayed(1) as them, stock() as other:
        (a,) = them.hosts
        protocol = CircuitV2Protocol(other)
        async with background_trio_service(protocol):
            await protocol.event_started.wait()
            await other.connect(type(info(other))(them.relay.id, them.relay.addresses()))
            stream = await other.new_stream(them.relay.id, [HOP])
            await send(stream, HopMessage(type=HopMessage.RESERVE, peer=PeerId(id=other.get_id().to_bytes())))
            assert (await receive(stream, HopMessage)).status == Status.OK
            connection = await them.clients[a.id].dial(them.relay.id, other.get_id())
            ping = await open_stream(connection, TProtocol("/ipfs/ping/1.0.0"))
            await ping.write(bytes(range(32)))
            assert await ping.read(32) == bytes(range(32))
