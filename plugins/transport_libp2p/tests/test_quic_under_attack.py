"""What a malicious QUIC peer, or a stranger who has shown no key yet, does to a node and to others: next to nothing."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from aioquic.quic.packet import QuicErrorCode
from malice import Malice, crypto, stream
from mepassad_transport_libp2p.compat.quic.core import MAX_HELLO_PIECES, MAX_PIECES, Core
from raw import MULTISTREAM, message
from running import Running

from mepassad.testing.transport_node import HOLD, Held, Node, assert_echoes, until

LISTEN = ("/ip4/127.0.0.1/udp/0/quic-v1",)


def cores(node: Node) -> list[Core]:
    """The connections of a node's listener."""
    (listener,) = node.transport._host._swarm.listeners.values()  # type: ignore[attr-defined]
    return list({id(one): one._core for one in listener.endpoint._connections.values()}.values())


def core_of(node: Node, peer: Malice) -> Core:
    """The connection of a node to a peer that it knows."""
    host: Any = node.transport._host  # type: ignore[attr-defined]
    (found,) = host._swarm.get_connections(host.reaching.target(peer.id))
    core: Core = found.muxed_conn._core
    return core


async def said(node: Node) -> Core:
    """The only connection of a node, once there is one and its first datagram was taken."""
    await until(lambda: len(cores(node)) == 1 and cores(node)[0]._network_paths != [])
    return cores(node)[0]


def pieces(of: Core, number: int | None = None) -> int:
    """How many pieces of a stream, or of the first handshake, wait for what comes before."""
    found: Any = of._crypto_streams if number is None else of._streams
    return len(next(iter(found.values())).receiver._ranges) if number is None else len(found[number].receiver._ranges)


async def test_a_hello_in_many_pieces_out_of_order_is_ended_at_its_limit(running: Running) -> None:
    async with running(2, listen=LISTEN, handshake_timeout=60.0) as (a, b):
        with Malice(b) as stranger:
            stranger.flush(1)
            node = await said(b)
            before = pieces(node)
            scattered = [crypto(10_000 + 2 * number, b"x") for number in range(MAX_HELLO_PIECES + 1 - before)]
            stranger.send(*scattered[:-1])
            await until(lambda: pieces(node) == MAX_HELLO_PIECES)
            assert node._close_event is None
            stranger.send(scattered[-1])
            assert (await stranger.end()).error_code == QuicErrorCode.INTERNAL_ERROR
        await assert_echoes(await a.open(b))


async def test_a_stream_in_many_pieces_out_of_order_ends_its_connection_at_the_limit(running: Running) -> None:
    async with running(2, listen=LISTEN) as (a, b):
        healthy = await a.open(b)
        with Malice(b) as peer:
            await peer.shake_hands()
            node = core_of(b, peer)
            scattered = [stream(0, 10 + 2 * number, b"x") for number in range(MAX_PIECES + 1)]
            peer.send(*scattered[:-1])
            await until(lambda: 0 in node._streams and pieces(node, 0) == MAX_PIECES)
            assert node._close_event is None
            peer.send(scattered[-1])
            assert (await peer.end()).error_code == QuicErrorCode.INTERNAL_ERROR
        await until(lambda: peer.id in b.lost)
        await assert_echoes(healthy)


async def test_who_is_refused_at_the_door_is_not_looked_at(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []
    look = Core.receive_datagram

    def note(core: Core, data: bytes, addr: Any, now: float) -> None:
        looked.append(core.original_destination_connection_id)
        look(core, data, addr, now)

    async with running(1, listen=LISTEN, max_connects_per_second=1, connects_burst=1, handshake_timeout=60.0) as (a,):
        monkeypatch.setattr(Core, "receive_datagram", note)
        for number in range(10):
            with Malice(a, number) as stranger:
                stranger.flush()
        await until(lambda: a.transport.stats()["refused_rate"] >= 8)
        assert 1 <= len(set(looked)) <= 2
        await until(lambda: len(cores(a)) == len(set(looked)))


async def test_a_newcomer_for_whom_there_is_no_room_is_told_so_at_once(running: Running) -> None:
    async with running(2, listen=LISTEN, max_connections=1) as (a, b):
        healthy = await a.open(b)
        with Malice(b) as stranger:
            stranger.flush()
            assert (await stranger.end()).error_code == QuicErrorCode.CONNECTION_REFUSED
        assert b.transport.stats()["refused_full"] == 1
        await assert_echoes(healthy)


async def test_a_stream_that_comes_byte_by_byte_takes_no_more_memory_than_its_bytes(running: Running) -> None:
    async with running(1, listen=LISTEN, read_high_water=1024) as (a,):
        held = Held(a)
        with Malice(a) as peer:
            await peer.shake_hands()
            start = message(MULTISTREAM) + message(HOLD)
            peer.send(*[stream(0, at, (start + bytes(4096))[at : at + 1000]) for at in range(0, 5000, 1000)])
            await until(lambda: held.streams != [])
            node, offset = core_of(a, peer), len(start) + 4096
            await until(lambda: node.received == offset)
            tracemalloc.start()
            try:
                for _ in range(200):
                    peer.send(*[stream(0, offset + number, b"x") for number in range(78)])
                    offset += 78
                    await until(lambda: node.received == offset)  # noqa: B023
                assert tracemalloc.get_traced_memory()[0] < 200 * 78 * 10
            finally:
                tracemalloc.stop()
