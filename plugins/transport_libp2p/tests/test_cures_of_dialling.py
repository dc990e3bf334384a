"""Cures of dialling, of sockets and of logs: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

import logging
import socket

import anyio
import pytest
import trio
import trio.testing
from libp2p.network.connection import swarm_connection
from libp2p.peer.peerinfo import PeerInfo
from mepassad_transport_libp2p.compat import tcp
from mepassad_transport_libp2p.compat.tcp import notice_death
from multiaddr import Multiaddr  # type: ignore[import-untyped]
from running import Running
from stock import in_trio, info, stock

from mepassad.api import OtherNode, Unreachable
from mepassad.testing.transport_node import ECHO, assert_echoes


@in_trio
async def test_a_stock_connect_waits_250_ms_for_nothing() -> None:
    async with stock() as server, stock() as client:
        started = trio.current_time()
        await client.connect(info(server))
        assert trio.current_time() - started >= 0.25


async def test_a_connection_takes_milliseconds(running: Running) -> None:
    took: list[float] = []
    async with running(1) as (server,):
        for _ in range(5):
            async with running(2, listen=()) as (_, client):
                started = anyio.current_time()
                await client.open(server)
                took.append(anyio.current_time() - started)
    assert min(took) < 0.1


def dead_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@in_trio
async def test_a_stock_host_tries_one_tcp_address_of_a_peer_only() -> None:
    async with stock() as server, stock() as client:
        dead = Multiaddr(f"/ip4/127.0.0.1/tcp/{dead_port()}")
        with pytest.raises(Exception, match="unable to connect"):
            await client.connect(PeerInfo(server.get_id(), [dead, *server.get_transport_addrs()]))


async def test_an_address_where_another_node_answers_tells_which_and_is_not_used(running: Running) -> None:
    async with running(3) as (a, b, c):
        moved = [address.rpartition("/p2p/")[0] for address in c.transport.addresses()]
        with pytest.raises(OtherNode, match="did not answer with the key of this node") as told:
            await a.transport.open(b.id, moved, ECHO)
        assert told.value.data == {"node": c.id}
        assert a.transport.connected() == ()
        await assert_echoes(await a.transport.open(b.id, [*moved, *b.transport.addresses()], ECHO))


async def test_all_addresses_of_a_peer_are_tried_and_a_failure_is_not_held_against_it(running: Running) -> None:
    async with running(2) as (a, b):
        dead = f"/ip4/127.0.0.1/tcp/{dead_port()}"
        with pytest.raises(Unreachable, match=r"did not answer \(connection refused\)"):
            await a.transport.open(b.id, [dead], ECHO)
        await assert_echoes(await a.transport.open(b.id, [dead, dead, *b.transport.addresses()], ECHO))


async def test_an_address_that_swallows_everything_delays_the_next_by_a_moment_only(running: Running) -> None:
    with socket.socket() as swallowing:
        swallowing.bind(("127.0.0.1", 0))
        swallowing.listen()
        silent = f"/ip4/127.0.0.1/tcp/{swallowing.getsockname()[1]}"
        async with running(2) as (a, b):
            with anyio.fail_after(5):
                await assert_echoes(await a.transport.open(b.id, [silent, *b.transport.addresses()], ECHO))


async def test_dialling_ends_in_time(running: Running) -> None:
    with socket.socket() as swallowing:
        swallowing.bind(("127.0.0.1", 0))
        swallowing.listen()
        silent = f"/ip4/127.0.0.1/tcp/{swallowing.getsockname()[1]}"
        async with running(2, dial_timeout=0.3) as (a, b):
            with anyio.fail_after(10), pytest.raises(Exception, match="nobody answered in time"):
                await a.transport.open(b.id, [silent], ECHO)


def test_stock_connections_log_on_the_root_logger() -> None:
    with open(swarm_connection.__file__, encoding="utf-8") as source:
        assert "    logging.warning(" in source.read()


async def test_connections_log_below_their_own_name(running: Running) -> None:
    async with running(1):
        assert isinstance(vars(swarm_connection)["logging"], logging.Logger)


@in_trio
async def test_stock_sockets_do_not_notice_a_dead_peer() -> None:
    async with stock() as server:
        raw = await tcp.TCP().dial(server.get_transport_addrs()[0])  # type: ignore[attr-defined]
        sock = raw.stream.stream.socket  # type: ignore[attr-defined]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
        await raw.close()


async def test_sockets_notice_a_dead_peer_and_are_all_closed_at_the_end(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets: list[trio.socket.SocketType] = []

    def note(sock: trio.socket.SocketType, timeout: float) -> None:
        notice_death(sock, timeout)
        sockets.append(sock)

    monkeypatch.setattr(tcp, "notice_death", note)
    async with running(2, dead_peer_timeout=20.0) as (a, b):
        await a.open(b)
        assert len(sockets) == 2
        for sock in sockets:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 17  # silent where pings come oftener
    assert all(sock.fileno() == -1 for sock in sockets)
