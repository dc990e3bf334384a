"""The cure of QUIC works; a `…stock…` test that fails means that it may go."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any

import anyio
import pytest
import trio
from aioquic._buffer import Buffer
from aioquic.quic.packet import pull_quic_header
from inside import drop
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamError
from mepassad_transport_libp2p.compat.quic.core import WINDOW
from mepassad_transport_libp2p.compat.quic.endpoint import Endpoint
from running import Running
from stock import QUIC, in_trio, info, stock

from mepassad.api import OtherNode, Unreachable
from mepassad.testing.transport_node import ECHO, HOLD, TIMEOUT, Held, Node, assert_echoes, fill, until

LISTEN = ("/ip4/127.0.0.1/udp/0/quic-v1",)


def port_of(node: Node) -> int:
    return int(node.transport.addresses()[0].split("/")[4])


def host_of(node: Node) -> Any:
    return node.transport._host  # type: ignore[attr-defined]


def endpoint_of(node: Node) -> Endpoint:
    """The socket that a node listens on."""
    found: Endpoint = next(iter(host_of(node)._swarm.listeners.values())).endpoint
    return found


def connection(node: Node, peer: Node) -> Any:
    """The newest connection of a node to a peer."""
    host = host_of(node)
    return host._swarm.get_connections(host.reaching.target(peer.id))[-1]


def held_by(node: Node, peer: Node) -> Any:
    """The only stream of `HOLD` between two nodes, as one of them has it."""
    (net,) = [net for net in connection(node, peer).get_streams() if net.get_protocol() == HOLD]
    return net


@in_trio
async def test_a_stock_listener_remembers_connections_that_are_gone() -> None:
    async with stock(listen=QUIC) as server, stock(listen=QUIC) as client:
        for _ in range(2):
            await client.connect(info(server))
            await client.disconnect(server.get_id())
        await trio.sleep(0.5)
        (listener,) = server.get_network().listeners.values()  # type: ignore[attr-defined]
        assert len(listener._registry._connection_primary_cid) == 2


@in_trio
async def test_a_stock_stream_loses_what_a_slow_reader_has_not_read() -> None:
    async with stock(listen=QUIC) as server, stock(listen=QUIC) as client:
        streams: list[Any] = []

        async def slow(stream: Any) -> None:
            streams.append(stream)
            await trio.sleep_forever()

        server.set_stream_handler(TProtocol("/slow/1"), slow)
        await client.connect(info(server))
        stream = await client.new_stream(server.get_id(), [TProtocol("/slow/1")])
        sender = stream.muxed_conn._quic._streams[int(stream.muxed_stream.stream_id)].sender
        logging.getLogger("libp2p").setLevel(logging.ERROR)
        try:
            with trio.move_on_after(TIMEOUT / 2):
                while sender._buffer_start <= 3 << 20:  # bytes that were acknowledged
                    await stream.write(b"x" * 65536)
        finally:
            logging.getLogger("libp2p").setLevel(logging.NOTSET)
        assert len(streams[0].muxed_stream._receive_buffer) <= 2 << 20 < sender._buffer_start


async def test_a_peer_that_was_just_left_is_reached_again_and_nothing_is_kept_of_it(running: Running) -> None:
    async with running(2, listen=LISTEN) as (a, b):
        tasks: list[int] = []
        for _ in range(30):
            await assert_echoes(await a.open(b))
            await drop(a, b)
            tasks.append(await a.transport._guest.call(count_tasks))  # type: ignore[attr-defined]
        await until(lambda: not endpoint_of(b)._connections and not b.transport.connected())
        assert max(tasks[20:]) <= max(tasks[5:10]) + 10


async def count_tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def test_what_a_slow_reader_has_not_read_is_bounded_and_not_lost(running: Running) -> None:
    async with running(2, listen=LISTEN, write_high_water=65536, read_high_water=65536) as (a, b):
        held = Held(b)
        stream = await a.open(b, HOLD)
        written = await fill(stream, 8 * WINDOW)
        net = held_by(b, a)
        assert net.muxed_stream.unread + held.streams[0].unread <= WINDOW + 65536  # type: ignore[attr-defined]
        held.release.set()
        await stream.close()
        await until(lambda: bool(held.received))
        assert len(held.received[0]) == written


async def test_a_peer_that_overruns_its_window_loses_its_connection_and_nobody_else(running: Running) -> None:
    async with running(3, listen=LISTEN) as (a, b, c):
        Held(b)
        healthy, stream = await c.open(b), await a.open(b, HOLD)
        inner = connection(a, b).muxed_conn._core._streams[held_by(a, b).muxed_stream.stream_id]
        inner.max_stream_data_remote = 64 * WINDOW  # what the peer allows is of no interest to this one
        for _ in range(4 * WINDOW // 65536):
            if stream._broken:  # type: ignore[attr-defined]
                break
            stream.write(bytes(65536))
        with anyio.fail_after(TIMEOUT):
            assert await stream.read() == b""
        await assert_echoes(healthy)


async def test_streams_beyond_those_that_may_be_open_wait_and_are_not_kept(running: Running) -> None:
    async with running(3, listen=LISTEN, max_streams_per_peer=2) as (a, b, c):
        healthy = await c.open(b)
        await a.open(b)

        async def flood() -> None:
            for _ in range(100):
                stream = await connection(a, b).new_stream()
                await stream.write(b"\x13")

        await a.transport._guest.call(flood)  # type: ignore[attr-defined]
        await assert_echoes(healthy)
        assert len(connection(b, a).muxed_conn._streams) <= 4


async def test_junk_datagrams_are_dropped_and_a_newcomer_served(running: Running) -> None:
    async with running(2, listen=LISTEN, handshake_timeout=0.5) as (a, b):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", port_of(b)))
            for junk in (b"", b"\0", os.urandom(1200), bytes(1200), b"\xff" * 1200, b"GET / HTTP/1.1\r\n\r\n"):
                stranger.send(junk)
            for version in (b"\0\0\0\x01", b"\x6b\x33\x43\xcf"):
                for first in (b"\xc0", b"\xd0", b"\xe0", b"\xf0"):
                    stranger.send(
                        first + version + b"\x08" + os.urandom(8) + b"\x08" + os.urandom(8) + os.urandom(1180)
                    )
                    stranger.send(first + version + b"\x08" + os.urandom(8))
                    stranger.send(first + version + b"\xff" + os.urandom(1300))
        await assert_echoes(await a.open(b))
        await until(lambda: len(set(endpoint_of(b)._connections.values())) == 1)
        assert {level for level, *_ in b.log.lines} <= {"debug"}


def fail(*_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("call", ["receive_datagram", "datagrams_to_send"])
async def test_a_failure_of_one_connection_ends_no_other(running: Running, call: str) -> None:
    async with running(3, listen=LISTEN) as (a, b, c):
        doomed, healthy = await a.open(b), await c.open(b)
        setattr(connection(b, a).muxed_conn._core, call, fail)
        doomed.write(b"hello")
        await until(lambda: b.lost == [a.id])
        await assert_echoes(healthy)
        await assert_echoes(await c.open(b))


async def test_a_goodbye_that_fails_ends_the_connection_and_no_other(running: Running) -> None:
    async with running(3, listen=LISTEN) as (a, b, c):
        await a.open(b)
        healthy = await c.open(b)
        connection(b, a).muxed_conn._core.close = fail
        await drop(b, a)
        await until(lambda: b.lost == [a.id])
        await assert_echoes(healthy)


async def test_an_unknown_version_is_answered_with_those_we_speak(running: Running) -> None:
    async with running(1, listen=LISTEN) as (a,):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(TIMEOUT)
            stranger.connect(("127.0.0.1", port_of(a)))
            stranger.send(b"\xc0\x0a\x0a\x0a\x0a\x08" + bytes(8) + b"\x08" + bytes(8) + bytes(1200))
            answer = await anyio.to_thread.run_sync(stranger.recv, 2048)
        assert 1 in pull_quic_header(Buffer(data=answer), host_cid_length=8).supported_versions


async def test_of_too_many_handshakes_the_oldest_is_dropped_and_silent_ones_in_time(running: Running) -> None:
    async with running(2, listen=LISTEN, handshake_timeout=1.0, max_handshakes=3) as (a, b):
        sockets = [await begin(a, b) for _ in range(5)]
        await until(lambda: 0 < len(set(endpoint_of(b)._connections.values())) <= 3)
        await assert_echoes(await a.open(b))
        await until(lambda: len(set(endpoint_of(b)._connections.values())) == 1)
        for sock in sockets:
            sock.close()


async def begin(node: Node, peer: Node) -> socket.socket:
    """Say hello to a peer as a client would, and then nothing."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port_of(peer)))
    host = host_of(node)
    client = next(item for item in host._swarm.transport_manager.get_transports() if "quic-v1" in item.protocols())

    async def hello() -> None:
        mute = Endpoint(sock, client._own, client._client, 1, lambda peer, size: None)
        first = mute.connect(sock.getpeername(), host.reaching.target(peer.id))
        await first.flush()

    await node.transport._guest.call(hello)  # type: ignore[attr-defined]
    return sock


async def test_a_peer_that_vanished_is_noticed_and_one_that_idles_is_kept(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(2, listen=LISTEN, dead_peer_timeout=1.0) as (a, b):
        await assert_echoes(await a.open(b))
        await anyio.sleep(1.5)  # kept by pings
        assert (a.lost, b.lost) == ([], [])
        monkeypatch.setattr(Endpoint, "send_now", lambda *_: True)  # the network is gone
        await until(lambda: a.lost == [b.id] and b.lost == [a.id])


async def test_another_node_at_the_address_is_named(running: Running) -> None:
    async with running(3, listen=LISTEN) as (a, b, c):
        moved = [address.rpartition("/p2p/")[0] for address in c.transport.addresses()]
        with pytest.raises(OtherNode) as told:
            await a.transport.open(b.id, moved, ECHO)
        assert told.value.data == {"node": c.id}


async def test_a_newcomer_without_a_certificate_is_refused(running: Running) -> None:
    async with running(2, listen=LISTEN) as (a, b):
        (client,) = [item for item in host_of(a)._swarm.transport_manager.get_transports() if hasattr(item, "_client")]
        client._client.certificate = None
        with pytest.raises(Unreachable):
            await a.open(b)
        assert b.transport.connected() == ()


async def test_one_connection_too_many_is_refused(running: Running) -> None:
    async with running(4, listen=LISTEN, max_connections=2) as (a, b, c, d):
        for stream in [await b.open(a), await c.open(a)]:
            await assert_echoes(stream)
        with pytest.raises(Unreachable):
            await d.open(a)


async def test_a_port_where_nobody_listens_is_known_at_once(running: Running) -> None:
    async with running(2, listen=LISTEN) as (a, b):
        addresses = b.transport.addresses()
        await b.stop()
        with anyio.fail_after(30), pytest.raises(Unreachable):
            await a.transport.open(b.id, addresses, ECHO)


async def test_an_aborted_stream_leaves_nothing_behind(running: Running) -> None:
    async with running(2, listen=LISTEN) as (a, b):
        for _ in range(20):
            stream = await a.open(b)
            stream.write(b"hello")
            stream.abort()
        for node, peer in ((a, b), (b, a)):
            await until(lambda node=node, peer=peer: not connection(node, peer).muxed_conn._streams)  # type: ignore[misc]


async def test_what_a_peer_reset_breaks_and_what_arrived_before_is_lost(running: Running) -> None:
    async with running(2, listen=LISTEN) as (a, b):
        await a.open(b)

        async def reset() -> None:
            stream = await connection(a, b).new_stream()
            await stream.write(b"\x13")
            await stream.reset()
            with pytest.raises(StreamError):
                await stream.read(1)

        await a.transport._guest.call(reset)  # type: ignore[attr-defined]
