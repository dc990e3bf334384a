"""Cures of identify and AutoNAT: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
import trio
from hosts import Cured, cured, echoes, until
from libp2p.abc import IHost, INetStream
from libp2p.host.autonat.autonat import AutoNATService
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.identity.identify.identify import identify_handler_for
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_sync
from mepassad_transport_libp2p.compat import identify
from mepassad_transport_libp2p.compat.identify import MAX_OBSERVERS, Observations, Seen, parse_seen
from mepassad_transport_libp2p.compat.quic.connection import Connection
from mepassad_transport_libp2p.compat.reachability import Nat, nat
from multiaddr import Multiaddr  # type: ignore[import-untyped]
from stock import in_trio, stock

PEER = ID(b"\x00\x24\x08\x01\x12\x20" + bytes(32))


class QuicStream:
    """A stream on a QUIC connection from 192.0.2.1, port 4001; what is written to it is kept."""

    def __init__(self) -> None:
        self.muxed_conn = Connection.__new__(Connection)
        self.muxed_conn.peer_id = PEER
        self.muxed_conn._place = ("192.0.2.1", 4001)
        self.written = b""

    def get_remote_address(self) -> tuple[str, int] | None:
        return self.muxed_conn.get_remote_address()

    async def write(self, data: bytes) -> None:
        self.written += data

    async def close(self) -> None:
        pass


async def told_over_quic(handler: Any) -> str:
    """As whom a handler of identify says that it sees the peer of a QUIC connection."""
    stream = QuicStream()
    await handler(stream)
    encoded = read_varint_prefixed_bytes_sync(BytesIO(stream.written))
    message = Identify()
    message.ParseFromString(encoded)
    return str(Multiaddr(message.observed_addr))


def handler_of(host: IHost) -> Any:
    return host.get_mux().handlers[IDENTIFY]


@in_trio
async def test_a_stock_identify_says_tcp_of_what_came_over_quic() -> None:
    async with stock() as host:
        assert await told_over_quic(identify_handler_for(host)) == "/ip4/192.0.2.1/tcp/4001"


@in_trio
async def test_identify_says_how_it_sees_a_peer() -> None:
    async with cured(1) as (host,):
        assert await told_over_quic(handler_of(host.host)) == "/ip4/192.0.2.1/udp/4001/quic-v1"


@in_trio
async def test_an_ip4_address_on_an_ip6_socket_is_told_as_ip4() -> None:
    muxed = QuicStream().muxed_conn
    muxed._remote_addr = ("::ffff:192.0.2.1", 4001)
    assert str(identify.observed(muxed)) == "/ip4/192.0.2.1/udp/4001/quic-v1"


def local_port(connection: Any) -> int:
    """The port from which a connection was dialled."""
    part = connection.muxed_conn
    while not isinstance(part, RawConnection):
        names = ("secured_conn", "conn", "read_writer", "read_write_closer")
        part = next(getattr(part, name) for name in names if hasattr(part, name))
    return int(part.stream.stream.socket.getsockname()[1])  # type: ignore[attr-defined]


@in_trio
async def test_a_node_asks_those_it_dialled_as_whom_they_see_it_but_no_stranger_anything() -> None:
    async with cured(2) as (server, client):
        asked: list[ID] = []
        serve = handler_of(client.host)

        async def note(stream: INetStream) -> None:
            asked.append(stream.muxed_conn.peer_id)
            await serve(stream)

        client.host.set_stream_handler(IDENTIFY, note)
        connection = await client.connect(server)
        await until(lambda: len(client.host.observations.all()) == 1)
        assert client.host.observations.all() == (Seen("127.0.0.1", "tcp", local_port(connection)),)
        assert await echoes(connection)
        assert not asked
        assert server.host.observations.all() == ()
        identity = await identify.ask(connection)
        assert "/ipfs/id/1.0.0" in identity.protocols


async def asked(server: Cured, client: Cured, answer: bytes) -> identify.Identity:
    """What comes of asking a peer that answers so."""

    async def babble(stream: INetStream) -> None:
        await stream.write(answer)
        await stream.close()

    server.host.set_stream_handler(IDENTIFY, babble)
    return await identify.ask(await client.connect(server))


@in_trio
async def test_junk_for_an_answer_is_learnt_from_by_nobody() -> None:
    async with cured(2) as (server, client):
        too_long = encode_varint_prefixed(Identify(agent_version="x" * identify.MAX_MESSAGE).SerializeToString())
        for junk in (b"", b"\xff" * 20, b"\x05hello", b"\x40abc", too_long):
            with pytest.raises(Exception, match=r"(?s).*"):
                await asked(server, client, junk)
        message = Identify(observed_addr=b"\xff\xfe", protocols=["x" * 129, *map(str, range(100))])
        identity = await asked(server, client, encode_varint_prefixed(message.SerializeToString()))
        assert identity.seen is None
        assert identity.protocols == frozenset(map(str, range(identify.MAX_PROTOCOLS - 1)))
        assert client.host.observations.all() == ()
        assert await echoes(await client.connect(server))


@in_trio
async def test_a_peer_that_never_answers_is_given_up() -> None:
    async with cured(2) as (server, client):
        server.host.set_stream_handler(IDENTIFY, lambda stream: trio.sleep_forever())
        connection = await client.connect(server)
        with trio.move_on_after(0.1):
            await identify.ask(connection)
        await until(lambda: len(connection.get_streams()) == 1)  # that of the node's own question


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("/ip4/192.0.2.1/tcp/4001", Seen("192.0.2.1", "tcp", 4001)),
        ("/ip4/192.0.2.1/tcp/4001/ws", Seen("192.0.2.1", "tcp", 4001)),
        ("/ip6/2001:db8::1/udp/4001/quic-v1", Seen("2001:db8::1", "udp", 4001)),
        ("/ip4/0.0.0.0/tcp/4001", None),
        ("/ip4/224.0.0.1/udp/4001/quic-v1", None),
        ("/ip4/192.0.2.1/tcp/0", None),
        ("/ip4/192.0.2.1", None),
        ("/ip4/192.0.2.1/tcp/4001/p2p-circuit", None),
        ("/ip4/192.0.2.1/sctp/4001", None),
        ("/dns4/example.org/tcp/4001", None),
    ],
)
def test_an_observation_is_believed_if_it_is_a_plain_address(text: str, seen: Seen | None) -> None:
    assert parse_seen(Multiaddr(text).to_bytes()) == seen
    if seen and "ws" not in text:
        assert str(seen.address()) == text


@pytest.mark.parametrize("junk", [b"", b"\x00", b"\xff" * 50, b"\x04\x01\x02", bytes(range(200))])
def test_an_observation_that_is_junk_is_none(junk: bytes) -> None:
    assert parse_seen(junk) is None


def test_so_many_observers_are_kept_and_of_each_the_last_word() -> None:
    observations = Observations()
    for number in range(MAX_OBSERVERS + 1):
        observations.note(number, Seen("192.0.2.1", "tcp", 4000))
        observations.note(number, Seen("192.0.2.1", "tcp", number))
    assert [seen.port for seen in observations.all()] == list(range(1, MAX_OBSERVERS + 1))


OWN, A, B = "192.0.2.1", Seen("198.51.100.1", "udp", 4001), Seen("198.51.100.1", "udp", 4002)


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        ([], Nat.UNKNOWN),
        ([A], Nat.UNKNOWN),
        ([A, A], Nat.SAME),
        ([A, A, B], Nat.VARIES),
        ([Seen(OWN, "udp", 4001)], Nat.NONE),
        ([Seen(OWN, "udp", 4001), A], Nat.VARIES),
    ],
)
def test_the_kind_of_nat_shows_in_what_others_see(seen: list[Seen], kind: Nat) -> None:
    assert nat(seen, [OWN, "fe80::1"]) is kind


@in_trio
async def test_a_stock_autonat_calls_whoever_is_connected_reachable() -> None:
    async with stock() as server, cured(1, listen=()) as (client,):
        await client.connect(server)
        nowhere = Multiaddr("/ip4/192.0.2.1/tcp/9").to_bytes()
        await until(lambda: client.id in server.get_network().connections)
        service = AutoNATService(server)  # type: ignore[arg-type]
        assert await service._try_dial(client.id, [nowhere]) == nowhere
