"""Cures of hole punching: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

import inspect
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing
from hosts import Cured, cured, echoes, until
from libp2p.abc import INetConn
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.dcutr import DCUtRProtocol
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from libp2p.transport.quic import connection as quic
from mepassad_transport_libp2p.address import parse_dial
from mepassad_transport_libp2p.compat import punch, source_port
from mepassad_transport_libp2p.compat.circuit import open_stream, receive, send
from mepassad_transport_libp2p.compat.identify import Seen, observed, parse_seen
from mepassad_transport_libp2p.compat.punch import DCUTR, MAX_ADDRESSES, Puncher, is_public
from mepassad_transport_libp2p.compat.relay_client import RelayClient
from mepassad_transport_libp2p.compat.relay_server import RelayLimits, RelayServer
from multiaddr import Multiaddr  # type: ignore[import-untyped]
from stock import in_trio

from mepassad.api import Unreachable

QUIC = "/ip4/127.0.0.1/udp/0/quic-v1"


def listening(host: Cured) -> Seen:
    """Where a host listens."""
    seen = parse_seen(host.addresses()[0].to_bytes())
    assert seen is not None
    return seen


@in_trio
async def test_tcp_is_dialled_from_the_port_that_listens() -> None:
    async with cured(2) as (server, client):
        connection = await source_port.dial_from_listener(client.swarm, listening(server), server.id)
        assert await echoes(connection)
        (seen,) = server.swarm.get_connections(client.id)
        assert observed(seen.muxed_conn) == client.addresses()[0]


@in_trio
async def test_a_node_that_listens_nowhere_dials_from_no_port() -> None:
    async with cured(1) as (server,), cured(1, first=2, listen=()) as (client,):
        with pytest.raises(OSError, match="does not listen on tcp"):
            await source_port.dial_from_listener(client.swarm, listening(server), server.id)


def test_the_port_that_listens_is_found_by_carrier_and_kind_of_host() -> None:
    bound = ("/ip4/0.0.0.0/tcp/1", "/ip6/::/tcp/2", "/ip4/0.0.0.0/udp/3/quic-v1", "/ip6/::1/udp/4/quic-v1")
    listener = SimpleNamespace(get_addrs=lambda: tuple(map(Multiaddr, bound)))
    swarm: Any = SimpleNamespace(listeners={"all": listener})
    for there, here in (
        ("/ip4/192.0.2.9/tcp/9", ("0.0.0.0", 1)),
        ("/ip6/2001:db8::9/tcp/9", ("::", 2)),
        ("/dns6/relay.example/tcp/9", ("::", 2)),
        ("/ip4/192.0.2.9/udp/9/quic-v1", ("0.0.0.0", 3)),
        ("/ip6/2001:db8::9/udp/9/quic-v1", ("::1", 4)),
        ("/ip4/192.0.2.9/tcp/9/ws", None),
        ("/dns/relay.example/tcp/9", None),
    ):
        assert source_port.listens_at(swarm, parse_dial(there)) == here


@in_trio
async def test_a_listener_that_is_closed_is_none_of_the_ports_that_listen() -> None:
    async with cured(1, listen=(QUIC, "/ip4/127.0.0.1/tcp/0")) as (host,):
        assert [one.carrier for one in source_port.bound(host.swarm)] == ["quic", "tcp"]
        for listener in host.swarm.listeners.values():
            await listener.close()
        await until(lambda: source_port.bound(host.swarm) == [])
        assert host.node.addresses() == ()


def test_stock_dials_quic_from_any_port_and_never_as_responder() -> None:
    with open(quic.__file__, encoding="utf-8") as source:
        assert "await self._socket.bind((bind_addr, 0))" in source.read()
    assert "not supported for pre-multiplexed" in inspect.getsource(Swarm.dial_addr_as_responder)


@in_trio
async def test_quic_is_dialled_from_the_port_that_listens() -> None:
    async with cured(2, listen=(QUIC,)) as (server, client):
        connection = await source_port.dial_from_listener(client.swarm, listening(server), server.id)
        assert await echoes(connection)
        (seen,) = server.swarm.get_connections(client.id)
        assert observed(seen.muxed_conn) == client.addresses()[0]
        back = await source_port.dial_from_listener(server.swarm, listening(client), client.id)
        assert await echoes(back)


def test_stock_sprays_from_a_socket_of_its_own() -> None:
    assert "sock = trio.socket.socket(" in inspect.getsource(DCUtRProtocol._spam_udp_for_hole_punch)


@in_trio
async def test_packets_that_open_a_nat_leave_from_the_quic_listener() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        target.bind(("127.0.0.1", 0))
        there = Seen("127.0.0.1", "udp", target.getsockname()[1])
        target.setblocking(False)
        async with cured(1, listen=(QUIC,)) as (host,), trio.open_nursery() as nursery:
            nursery.start_soon(source_port.spray, host.swarm, there)
            for _ in range(2):
                await trio.lowlevel.wait_readable(target)
                packet, sender = target.recvfrom(1000)
                assert len(packet) == source_port.SPRAY_SIZE
                assert sender[1] == listening(host).port
            nursery.cancel_scope.cancel()


class Punching:
    """Two hosts that are connected through a relay, with their punchers."""

    def __init__(self, a: Cured, b: Cured, relayed: INetConn, allowed: Any) -> None:
        self.a, self.b, self.relayed = a, b, relayed
        self.punchers = [Puncher(one.host, one.swarm, lambda one=one: [listening(one)], allowed) for one in (a, b)]
        for puncher in self.punchers:
            puncher.start()


@asynccontextmanager
async def punching(allowed: Any = lambda seen: True) -> AsyncIterator[Punching]:
    async with cured(3) as (relay, a, b):
        RelayServer(relay.host, RelayLimits(), relay.addresses).start()
        clients = [RelayClient(host.host, host.swarm) for host in (a, b)]
        for host, client in zip((a, b), clients, strict=True):
            client.start()
            await host.connect(relay)
        await clients[1].reserve(relay.id)
        await clients[0].dial(relay.id, b.id)
        await until(lambda: bool(b.swarm.get_connections(a.id)))
        yield Punching(a, b, b.swarm.get_connections(a.id)[0], allowed)


async def nowhere(puncher: Puncher, there: Seen, peer: ID) -> None:
    """No plain dial gets through, as behind most NATs."""


def test_two_nodes_behind_a_relay_come_to_a_direct_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Puncher, "_dial_plainly", nowhere)
    dialled: list[tuple[Seen, bool]] = []
    dial = source_port.dial_from_listener

    async def watched(swarm: Swarm, there: Seen, peer: ID, respond: bool = False) -> INetConn:
        dialled.append((there, respond))
        if respond:  # without a NAT both dials would arrive, and nobody would begin the handshake
            await trio.sleep_forever()
        return await dial(swarm, there, peer, respond)

    monkeypatch.setattr(punch.source_port, "dial_from_listener", watched)

    async def main() -> None:
        async with punching() as them:
            connection = await them.punchers[1].punch(them.relayed)
            assert await echoes(connection)
            assert observed(connection.muxed_conn) == them.a.addresses()[0]
            assert (listening(them.b), False) in dialled
            assert them.punchers[0].direct(them.b.id) is not None

    in_trio(main)()


def test_where_the_other_sides_dial_does_not_get_through_both_dial_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialled: list[tuple[Seen, bool]] = []

    async def refused(swarm: Swarm, there: Seen, peer: ID, respond: bool = False) -> INetConn:
        dialled.append((there, respond))
        raise OSError("refused")

    monkeypatch.setattr(punch.source_port, "dial_from_listener", refused)
    monkeypatch.setattr(punch, "ROUND", 0.5)
    monkeypatch.setattr(Puncher, "_dial_plainly", nowhere)

    async def main() -> None:
        async with punching() as them:
            with pytest.raises(Unreachable, match="No hole"):
                await them.punchers[1].punch(them.relayed)
            assert dialled.count((listening(them.a), True)) > 1
            assert dialled.count((listening(them.b), False)) > 1
            assert await echoes(them.relayed)

    in_trio(main)()


@in_trio
async def test_who_drives_gets_through_by_a_plain_dial_where_the_other_side_is_open() -> None:
    async with punching() as them:
        them.punchers[0]._seen = them.punchers[1]._seen = lambda: [listening(them.a)]
        direct = await them.punchers[1].punch(them.relayed)
        assert await echoes(direct)


@in_trio
async def test_nothing_is_dialled_at_the_wish_of_a_peer_that_is_not_admitted() -> None:
    async with punching() as them:
        them.punchers[0]._admits = lambda peer: False
        with pytest.raises(Unreachable, match="did not join"):
            await them.punchers[1].punch(them.relayed)


@in_trio
async def test_nor_at_that_of_one_with_whom_it_was_tried_often_enough() -> None:
    async with punching() as them:
        them.punchers[0]._may_try = lambda peer: False  # type: ignore[method-assign]
        with pytest.raises(Unreachable, match="did not join"):
            await them.punchers[1].punch(them.relayed)


def test_with_one_peer_there_are_so_many_tries_and_later_one_more_and_more_on_another_network() -> None:
    async def main() -> None:
        puncher, one, other = Puncher(None, None, list), ID(b"one"), ID(b"other")  # type: ignore[arg-type]
        assert sum(puncher._may_try(one) for _ in range(100)) == punch.TRIES
        assert puncher._may_try(other)
        await trio.sleep(punch.AGAIN)
        assert [puncher._may_try(one) for _ in range(2)] == [True, False]
        puncher.network_changed()
        assert puncher._may_try(one)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@in_trio
async def test_private_addresses_that_a_peer_names_are_not_dialled() -> None:
    async with punching(is_public) as them:
        with pytest.raises(Unreachable, match="did not join"):
            await them.punchers[1].punch(them.relayed)
        for host in ("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.0.1", "fe80::1", "100.64.0.1", "::1"):
            assert not is_public(Seen(host, "tcp", 1))
        assert is_public(Seen("1.1.1.1", "udp", 1))


def test_of_a_peers_addresses_a_few_are_dialled_each_once() -> None:
    puncher = Puncher(None, None, list)  # type: ignore[arg-type]
    told = [Seen(f"1.1.1.{number}", "tcp", 1).address().to_bytes() for number in (1, 1, *range(2, 20))]
    found = puncher._addresses(HolePunch(type=HolePunch.CONNECT, ObsAddrs=[*told]))
    assert [seen.host for seen in found] == ["1.1.1.1", "1.1.1.2", "1.1.1.3"]
    assert len(told) > MAX_ADDRESSES
    for junk in (HolePunch(type=HolePunch.SYNC, ObsAddrs=told), HolePunch(type=HolePunch.CONNECT, ObsAddrs=[b"\xff"])):
        with pytest.raises(ValueError, match="no address"):
            puncher._addresses(junk)


@in_trio
async def test_junk_ends_its_own_stream_only() -> None:
    async with punching() as them:
        for junk in (b"", b"\xff" * 20, b"\x05hello", b"\x02\x08\x64"):
            stream = await open_stream(them.relayed, DCUTR)
            await stream.write(junk)
            await stream.close()
        await until(lambda: not them.punchers[0]._punching)
        assert await echoes(them.relayed)


@in_trio
async def test_one_is_not_asked_twice_at_a_time_nor_over_a_direct_connection() -> None:
    async with punching() as them:
        first = await open_stream(them.relayed, DCUTR)
        await send(first, them.punchers[1]._connect())
        await receive(first, HolePunch)
        with pytest.raises(Unreachable):
            await them.punchers[1].punch(them.relayed)
        await first.reset()
        direct = await them.b.connect(them.a)
        with pytest.raises(Unreachable):
            await them.punchers[1].punch(direct)


@in_trio
async def test_stock_tells_the_port_that_listens_instead_of_the_one_that_was_seen() -> None:
    seen = Multiaddr("/ip4/198.51.100.1/tcp/50000")
    host: Any = SimpleNamespace(
        get_addrs=lambda: [Multiaddr("/ip4/192.168.1.2/tcp/4001")],
        _observed_addr_manager=SimpleNamespace(addrs=lambda min_observers: [seen]),
    )
    told = await DCUtRProtocol(host)._get_observed_addrs()
    assert [str(Multiaddr(encoded)) for encoded in told] == ["/ip4/198.51.100.1/tcp/4001"]


def test_stock_takes_any_number_of_any_addresses() -> None:
    private = Multiaddr("/ip4/10.0.0.1/tcp/22").to_bytes()
    assert len(DCUtRProtocol(SimpleNamespace())._decode_observed_addrs([private] * 100)) == 100  # type: ignore[arg-type]
