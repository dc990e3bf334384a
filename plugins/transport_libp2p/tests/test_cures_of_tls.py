"""The cure of TLS works; a `…stock…` test that fails means that it may go."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from libp2p.connection_types import ConnectionType
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import KeyPair
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.security.exceptions import HandshakeFailure
from libp2p.security.tls.transport import TLSTransport
from mepassad_transport_libp2p.compat import tls
from mepassad_transport_libp2p.compat.certificates import OtherPeer, own_certificate, peer_of
from mepassad_transport_libp2p.compat.tls import LastingTLS
from OpenSSL import SSL
from running import Running
from stock import in_trio

from mepassad.api import OtherNode
from mepassad.testing.certificates import END, START
from mepassad.testing.transport_node import ECHO, Node, assert_echoes

ANA, BRUNO = create_new_key_pair(b"a" * 32), create_new_key_pair(b"b" * 32)
BRUNO_ID = ID.from_pubkey(BRUNO.public_key)


class Pipe:
    """One end of a pipe in memory, that gives its bytes in pieces."""

    def __init__(self, stream: Any, piece: int = 65536) -> None:
        self.stream, self.piece = stream, piece

    async def read(self, n: int | None = None) -> bytes:
        return bytes(await self.stream.receive_some(min(n or self.piece, self.piece)))

    async def write(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def close(self) -> None:
        await self.stream.aclose()

    def get_remote_address(self) -> tuple[str, int] | None:
        return ("192.0.2.1", 1)


def pipe(piece: int = 65536) -> tuple[RawConnection, RawConnection]:
    ends = trio.testing.memory_stream_pair()
    client, server = (Pipe(end, piece) for end in ends)
    return RawConnection(client, True), RawConnection(server, False)  # type: ignore[arg-type]


async def session(client: Any, server: Any, piece: int = 65536) -> list[Any]:
    """Both ends of a connection that Ana makes to Bruno."""
    ends: list[Any] = [None, None]
    ours, theirs = pipe(piece)

    async def accept() -> None:
        ends[1] = await server.secure_inbound(theirs)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(accept)
            ends[0] = await client.secure_outbound(ours, BRUNO_ID)
    return ends


@in_trio
async def test_a_stock_tls_writes_its_key_to_a_file_for_each_connection() -> None:
    written: list[str] = []
    make = tempfile.NamedTemporaryFile

    def note(*args: Any, **kwargs: Any) -> Any:
        written.append("a file")
        return make(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "NamedTemporaryFile", note)
        await session(TLSTransport(ANA), TLSTransport(BRUNO))
        assert written
        written.clear()
        await session(LastingTLS(ANA), LastingTLS(BRUNO))
        assert not written


async def in_small_pieces(kind: type[Any]) -> bytes:
    """What arrives of 4,000 bytes that come one by one."""
    client, server = await session(kind(ANA), kind(BRUNO))
    raw = getattr(server.conn, "_raw", None) or server.conn.stream_writer.raw_connection
    raw.stream.piece = 1
    received: list[bytes] = []

    async def read() -> None:
        try:
            received.append(await server.read(4000))
        except ConnectionClosedError:
            received.append(b"")

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await client.write(bytes(4000))
    return received[0]


@in_trio
async def test_a_stock_tls_ends_a_stream_that_comes_in_many_small_pieces() -> None:
    assert await in_small_pieces(TLSTransport) == b""


@in_trio
async def test_a_stream_may_come_in_any_pieces() -> None:
    assert await in_small_pieces(LastingTLS) == bytes(4000)


@in_trio
async def test_ours_and_the_stock_one_understand_each_other() -> None:
    for client, server in ((LastingTLS(ANA), TLSTransport(BRUNO)), (TLSTransport(ANA), LastingTLS(BRUNO))):
        ours, theirs = await session(client, server)
        assert theirs.get_remote_peer() == ID.from_pubkey(ANA.public_key)
        await ours.write(b"hello" * 20_000)
        assert await theirs.read(100_000) == b"hello" * 20_000


@in_trio
async def test_a_large_transfer_passes_in_both_directions_at_once() -> None:
    ends = await session(LastingTLS(ANA), LastingTLS(BRUNO), piece=3000)

    async def read(end: Any) -> None:
        assert await end.read(1_000_000) == bytes(1_000_000)

    async with trio.open_nursery() as nursery:
        for end in ends:
            nursery.start_soon(read, end)
            nursery.start_soon(end.write, bytes(1_000_000))
    assert ends[0].get_connection_type() is ConnectionType.DIRECT
    assert [str(address) for address in ends[0].get_transport_addresses()] == ["/ip4/192.0.2.1/tcp/1"]


@in_trio
async def test_another_peer_is_refused_and_named() -> None:
    carla = create_new_key_pair(b"c" * 32)
    with pytest.RaisesGroup(OtherPeer) as refused:
        await session(LastingTLS(ANA), LastingTLS(carla))
    (other,) = refused.value.exceptions
    assert isinstance(other, OtherPeer)
    assert other.found == ID.from_pubkey(carla.public_key)


def web_certificate(keys: KeyPair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate as anybody can make one, without the key of a peer."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(START).not_valid_after(END)
    return builder.sign(key, hashes.SHA256()), key


@in_trio
async def test_a_certificate_without_the_key_of_a_peer_is_refused_by_both_ends() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tls, "own_certificate", web_certificate)
        client, server = LastingTLS(ANA), LastingTLS(BRUNO)
    for ends in ((client, LastingTLS(BRUNO)), (LastingTLS(ANA), server)):
        with pytest.RaisesGroup(HandshakeFailure, flatten_subgroups=True):
            await session(*ends)


@in_trio
async def test_a_client_without_a_certificate_is_refused() -> None:
    client, server = pipe()
    bare = SSL.Context(SSL.TLS_METHOD)
    channel = tls.Channel(SSL.Connection(bare), client, True)
    with pytest.RaisesGroup(HandshakeFailure):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(LastingTLS(BRUNO).secure_inbound, server)
            await channel.handshake()


@in_trio
async def test_older_tls_is_refused() -> None:
    client, server = pipe()
    old = SSL.Context(SSL.TLS_METHOD)
    old.set_max_proto_version(SSL.TLS1_2_VERSION)
    channel = tls.Channel(SSL.Connection(old), client, True)
    with pytest.RaisesGroup(HandshakeFailure, allow_unwrapped=True, flatten_subgroups=True):
        with trio.fail_after(30):
            await server_refuses(server, channel)


async def server_refuses(server: RawConnection, channel: tls.Channel) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.handshake)
        try:
            await LastingTLS(BRUNO).secure_inbound(server)
        finally:
            nursery.cancel_scope.cancel()


def test_a_chain_of_certificates_names_nobody() -> None:
    certificate, _ = own_certificate(ANA)
    assert peer_of([certificate])[0] == ID.from_pubkey(ANA.public_key)
    for chain in ([], [certificate, certificate]):
        with pytest.raises(HandshakeFailure):
            peer_of(chain)


def without_noise(node: Node) -> None:
    """Let a node offer TLS alone."""
    security = node.transport._host._swarm.upgrader.security_multistream  # type: ignore[attr-defined]
    del security.transports["/noise"], security.multiselect.handlers["/noise"]


async def test_a_peer_that_speaks_tls_only_is_served_and_dialled(running: Running) -> None:
    async with running(3) as (a, b, c):
        without_noise(a)
        await assert_echoes(await a.open(b))
        await assert_echoes(await c.open(a))
        moved = [address.rpartition("/p2p/")[0] for address in c.transport.addresses()]
        await drop_all(a)
        with pytest.raises(OtherNode) as told:
            await a.transport.open(b.id, moved, ECHO)
        assert told.value.data == {"node": c.id}


async def drop_all(node: Node) -> None:
    swarm, guest = node.transport._host._swarm, node.transport._guest  # type: ignore[attr-defined]
    for connection in swarm.get_connections():
        await guest.call(swarm.drop, connection)
