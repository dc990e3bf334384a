"""Cure: TLS of py-libp2p wrote its private key to a file for each connection, and set up OpenSSL by guessed offsets.

Stock 0.8.1 also ends a stream that comes in more than 100 small pieces, and makes a certificate without a peer's key
a peer of whoever asks. This is its own TLS 1.3, over pyOpenSSL, which aioquic needs anyway. Not needed once
`TLSTransport` makes its context once and in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio
from libp2p.abc import IRawConnection, ISecureConn, ISecureTransport
from libp2p.connection_types import ConnectionType
from libp2p.crypto.keys import KeyPair
from libp2p.custom_types import TProtocol
from libp2p.io.abc import EncryptedMsgReadWriter
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.peer.id import ID
from libp2p.security.exceptions import HandshakeFailure
from libp2p.security.secure_session import SecureSession
from multiaddr import Multiaddr  # type: ignore[import-untyped]
from OpenSSL import SSL

from mepassad_transport_libp2p.compat.certificates import own_certificate, peer_of

PROTOCOL_ID = TProtocol("/tls/1.0.0")
ALPN = b"libp2p"
MAX_RECORD = 16 * 1024
"""Bytes that a TLS record carries (RFC 8446, section 5.1)."""

MAX_READ = 64 * 1024


class LastingTLS(ISecureTransport):
    """TLS 1.3 in which both ends show a certificate that names their peer id (libp2p specs, tls/tls.md)."""

    def __init__(self, keys: KeyPair) -> None:
        self._keys = keys
        self._own = ID.from_pubkey(keys.public_key)
        self._context = _context(keys)

    async def secure_inbound(self, conn: IRawConnection) -> ISecureConn:
        """Secure a connection of a newcomer. Raises HandshakeFailure."""
        return await self._secure(conn, None)

    async def secure_outbound(self, conn: IRawConnection, peer_id: ID) -> ISecureConn:
        """Secure a connection to a peer. Raises HandshakeFailure, `OtherPeer`."""
        return await self._secure(conn, peer_id)

    async def _secure(self, conn: IRawConnection, expected: ID | None) -> ISecureConn:
        channel = Channel(SSL.Connection(self._context), conn, expected is not None)
        await channel.handshake()
        peer, key = peer_of(channel.shown(), expected)
        return SecureSession(
            local_peer=self._own,
            local_private_key=self._keys.private_key,
            remote_peer=peer,
            remote_permanent_pubkey=key,
            is_initiator=expected is not None,
            conn=channel,
        )


def _context(keys: KeyPair) -> SSL.Context:
    certificate, key = own_certificate(keys)
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    # Whom a certificate names is checked by `peer_of`: no authority signs those of libp2p.
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_protos([ALPN])
    context.set_alpn_select_callback(lambda _, offered: ALPN if ALPN in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
    return context


class Channel(EncryptedMsgReadWriter):
    """The bytes of one TLS connection over a raw one."""

    def __init__(self, tls: SSL.Connection, raw: IRawConnection, client: bool) -> None:
        self._tls = tls
        self._raw = raw
        self._writing = trio.Lock()
        if client:
            tls.set_connect_state()
        else:
            tls.set_accept_state()

    async def handshake(self) -> None:
        """Raises HandshakeFailure."""
        try:
            await self._until_done(self._tls.do_handshake)
            await self._flush()
        except (SSL.Error, ConnectionClosedError) as error:
            raise HandshakeFailure("the TLS handshake failed") from error

    def shown(self) -> list[Any]:
        """The certificates that the peer showed."""
        leaf = self._tls.get_peer_certificate(as_cryptography=True)
        chain = self._tls.get_peer_cert_chain(as_cryptography=True) or ()  # of a client, without its leaf
        return [leaf, *(other for other in chain if other != leaf)]

    async def read_msg(self) -> bytes:
        """What has arrived; b"" at the end. Raises ConnectionClosedError."""
        try:
            return bytes(await self._until_done(lambda: self._tls.recv(MAX_READ)))
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as error:
            raise ConnectionClosedError("TLS broke") from error

    async def write_msg(self, msg: bytes) -> None:
        """Send bytes. Raises ConnectionClosedError."""
        async with self._writing:
            for start in range(0, len(msg), MAX_RECORD):
                try:
                    self._tls.send(msg[start : start + MAX_RECORD])
                except SSL.Error as error:
                    raise ConnectionClosedError("TLS broke") from error
            await self._send_pending()

    async def _until_done(self, act: Callable[[], Any]) -> Any:
        """What `act` gives, once what it needs has arrived."""
        while True:
            try:
                return act()
            except SSL.WantReadError:
                await self._flush()
                data = await self._raw.read(MAX_READ)
                if not data:
                    raise ConnectionClosedError("The connection ended within TLS.") from None
                self._tls.bio_write(data)

    async def _flush(self) -> None:
        async with self._writing:
            await self._send_pending()

    async def _send_pending(self) -> None:
        """Send what OpenSSL has ready; nobody else may send meanwhile."""
        ready = bytearray()
        try:
            while True:
                ready += self._tls.bio_read(MAX_READ)
        except SSL.WantReadError:
            pass
        if ready:
            await self._raw.write(bytes(ready))

    async def close(self) -> None:
        """Close the raw connection."""
        await self._raw.close()

    def encrypt(self, data: bytes) -> bytes:
        """Unused: records are made by `write_msg`."""
        raise NotImplementedError

    decrypt = encrypt

    def get_remote_address(self) -> tuple[str, int] | None:
        """Where the peer is."""
        return self._raw.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        """Where the peer is, as a multiaddr."""
        return self._raw.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        """As the raw connection's."""
        return self._raw.get_connection_type()
