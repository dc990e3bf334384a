"""The cure of WebSocket works; a `…stock…` test that fails means that it may go."""

from __future__ import annotations

import asyncio
import gc
import inspect
import socket

import anyio
import psutil  # type: ignore[import-untyped]
import pytest
from libp2p.transport.websocket import listener
from libp2p.transport.websocket.connection import P2PWebSocketConnection
from libp2p.transport.websocket.transport import WebsocketConfig
from mepassad_transport_libp2p.compat import websocket_transport
from mepassad_transport_libp2p.compat.tcp import notice_death
from raw import MULTISTREAM, closed, connect, message
from running import Running
from stock import in_trio
from trio.socket import SocketType
from trio_websocket import serve_websocket  # type: ignore[import-untyped]
from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, Ping, Pong, Request, TextMessage

from mepassad.testing.transport_node import TIMEOUT, Node, assert_echoes

LISTEN = ("/ip4/127.0.0.1/tcp/0/ws",)
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Messages:
    """A WebSocket of trio-websocket with one message of the peer."""

    def __init__(self, size: int) -> None:
        self.size = size

    async def get_message(self) -> bytes:
        return bytes(self.size)


@in_trio
async def test_a_stock_websocket_collects_messages_of_32_mib() -> None:
    assert WebsocketConfig().max_message_size == 32 << 20
    web = P2PWebSocketConnection(Messages(32 << 20))
    assert await web.read(1) == b"\0"
    assert len(web._read_buffer) == (32 << 20) - 1


def test_a_stock_listener_waits_a_minute_for_a_handshake_and_sets_no_keepalive() -> None:
    source = inspect.getsource(listener)
    assert "connect_timeout" not in source
    assert "SO_KEEPALIVE" not in source
    assert "_start_keepalive()" not in source
    assert inspect.signature(serve_websocket).parameters["connect_timeout"].default == 60


async def upgraded(node: Node) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, WSConnection]:
    """A WebSocket to a node, before anything of libp2p was said."""
    reader, writer = await connect(node)
    web = WSConnection(ConnectionType.CLIENT)
    writer.write(web.send(Request(host="localhost", target="/")))
    web.receive_data(await reader.readuntil(b"\r\n\r\n"))
    list(web.events())
    return reader, writer, web


async def next_event(reader: asyncio.StreamReader, web: WSConnection) -> object:
    while True:
        for event in web.events():
            return event
        web.receive_data(await reader.read(65536))


async def newcomer_is_served(a: Node, b: Node) -> None:
    with anyio.fail_after(30):
        await assert_echoes(await a.open(b))


@pytest.mark.parametrize(
    "junk",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000,
        b"GET / HTTP/1.1\r\nHost: " + b"x" * 1_000_000,
        b"\x16\x03\x01" + bytes(4096),
        b"\xff" * 4096,
        message(MULTISTREAM),
        b"",
        UPGRADE + b"\xff" * 100,
        UPGRADE + b"\x82\x05hello",  # not masked
        UPGRADE + b"\x89\xfe\xff\xff" + bytes(70_000),  # a ping too long for a control frame
        UPGRADE + b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" + bytes(100),  # a length with its highest bit set
    ],
)
async def test_junk_is_dropped_and_a_newcomer_served(running: Running, junk: bytes) -> None:
    async with running(2, listen=LISTEN, handshake_timeout=0.5) as (a, b):
        reader, writer = await connect(b)
        writer.write(junk)
        await newcomer_is_served(a, b)
        with anyio.fail_after(TIMEOUT):
            assert await closed(reader)
        writer.close()
        assert {level for level, *_ in b.log.lines} <= {"debug"}


async def test_a_browser_that_asks_for_a_page_gets_an_answer(running: Running) -> None:
    async with running(1, listen=LISTEN) as (a,):
        reader, writer = await connect(a)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with anyio.fail_after(TIMEOUT):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_a_frame_of_a_terabyte_costs_no_memory(running: Running) -> None:
    async with running(2, listen=LISTEN, handshake_timeout=2.0) as (a, b):
        await newcomer_is_served(a, b)
        gc.collect()
        before = psutil.Process().memory_info().rss
        reader, writer, _ = await upgraded(b)
        writer.write(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + bytes(4))
        try:
            for _ in range(64):
                writer.write(bytes(1 << 20))
                await asyncio.wait_for(writer.drain(), 5)
        except (ConnectionError, TimeoutError):
            pass
        await closed(reader)
        writer.close()
        assert psutil.Process().memory_info().rss - before < 16 << 20
        await assert_echoes(await a.open(b))


async def test_a_message_of_text_ends_its_connection(running: Running) -> None:
    async with running(1, listen=LISTEN, handshake_timeout=60.0) as (a,):
        reader, writer, web = await upgraded(a)
        writer.write(web.send(TextMessage("hello")))
        with anyio.fail_after(TIMEOUT):
            assert await closed(reader)
        writer.close()


async def test_bytes_in_any_pieces_are_one_stream_and_a_ping_is_answered(running: Running) -> None:
    async with running(1, listen=LISTEN) as (a,):
        reader, writer, web = await upgraded(a)
        writer.write(web.send(Ping(b"?")))
        hello = message(MULTISTREAM)
        for number in range(len(hello)):
            writer.write(web.send(BytesMessage(hello[number : number + 1])))
        heard: list[object] = []
        with anyio.fail_after(TIMEOUT):
            while len(heard) < 2:
                heard.append(await next_event(reader, web))
        assert Pong(b"?") in heard
        assert any(isinstance(event, BytesMessage) and bytes(event.data) == hello for event in heard)
        writer.close()


async def test_a_slow_handshake_is_dropped_in_time_and_of_too_many_the_oldest(running: Running) -> None:
    async with running(2, listen=LISTEN, handshake_timeout=1.0, max_handshakes=3) as (a, b):
        slow = [await connect(b) for _ in range(5)]
        for _, writer in slow:
            writer.write(UPGRADE[:-2])
        await newcomer_is_served(a, b)
        with anyio.fail_after(TIMEOUT):
            for reader, writer in slow:
                assert await closed(reader)
                writer.close()


async def test_sockets_notice_a_dead_peer_and_are_all_closed_at_the_end(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets: list[SocketType] = []

    def note(sock: SocketType, timeout: float) -> None:
        notice_death(sock, timeout)
        sockets.append(sock)

    monkeypatch.setattr(websocket_transport, "notice_death", note)
    async with running(2, listen=LISTEN, dead_peer_timeout=20.0) as (a, b):
        await a.open(b)
        assert [sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for sock in sockets] == [1, 1]
    assert all(sock.fileno() == -1 for sock in sockets)
