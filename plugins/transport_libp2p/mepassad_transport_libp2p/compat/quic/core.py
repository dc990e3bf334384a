"""aioquic's state machine of one connection, with the certificates of libp2p and windows that bind the peer."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from aioquic._buffer import Buffer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import (
    CONNECTION_LIMIT_FRAME_CAPACITY,
    MAX_STREAM_DATA_FRAME_CAPACITY,
    Limit,
    QuicConnection,
    QuicConnectionError,
    QuicNetworkPath,
    QuicReceiveContext,
)
from aioquic.quic.packet import QuicErrorCode, QuicFrameType, pull_quic_header
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream
from cryptography import x509
from libp2p.crypto.keys import KeyPair

from mepassad_transport_libp2p.compat.certificates import own_certificate

WINDOW = 1024 * 1024
"""Bytes that a peer may send on one stream before they are read, as over Yamux."""

MAX_PIECES = 512
"""Pieces of one stream that may wait for what comes before them; a window of full packets has fewer, whichever of them
are lost. aioquic passes all of them for each piece that comes: who scatters bytes without limit would stop the node."""

MAX_HELLO_PIECES = 32
"""The same of a handshake, which a stranger begins and which fits a few packets."""


class Core(QuicConnection):
    """A connection that opens its windows as the application reads, and of which both ends show a certificate.

    aioquic opens a window as soon as bytes arrive, so that a slow reader's memory fills; and its server asks for no
    certificate. Not needed once aioquic has a call for either.
    """

    def __init__(self, configuration: QuicConfiguration, max_streams: int, first_id: bytes | None = None) -> None:
        """`max_streams`: that the peer may have open; `first_id`: the id a client chose for the server."""
        super().__init__(configuration=configuration, original_destination_connection_id=first_id)
        self.unread: Callable[[], int] = lambda: 0  # bytes handed to streams that nobody has read
        for limit, value in ((self._local_max_streams_bidi, max_streams), (self._local_max_streams_uni, 0)):
            limit.value = limit.sent = value

    def _initialize(self, peer_cid: bytes) -> None:
        super()._initialize(peer_cid)
        self.tls._request_client_certificate = not self._is_client

    def refuse(self, datagram: bytes, place: Any) -> None:
        """Answer the first datagram of a newcomer with a no, of which nothing but the header is looked at."""
        header = pull_quic_header(Buffer(data=datagram), host_cid_length=len(self.host_cid))
        path = QuicNetworkPath(place)
        path.bytes_received = len(datagram)
        self._network_paths, self._version = [path], header.version
        self._initialize(header.destination_cid)
        self._peer_cid.cid = header.source_cid
        self.close(QuicErrorCode.CONNECTION_REFUSED, QuicFrameType.PADDING)

    def _handle_crypto_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        stream = self._crypto_streams[context.epoch]
        super()._handle_crypto_frame(context, frame_type, buf)
        self._check_pieces(stream, MAX_HELLO_PIECES, frame_type)

    def _handle_stream_frame(self, context: QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        begin = buf.tell()
        stream_id = buf.pull_uint_var()
        buf.seek(begin)
        super()._handle_stream_frame(context, frame_type, buf)
        if (stream := self._streams.get(stream_id)) is not None:
            self._check_pieces(stream, MAX_PIECES, frame_type)

    @staticmethod
    def _check_pieces(stream: QuicStream, most: int, frame_type: int) -> None:
        if len(stream.receiver._ranges) > most:
            raise QuicConnectionError(QuicErrorCode.INTERNAL_ERROR, frame_type, "too many pieces out of order")

    def shown(self) -> list[x509.Certificate]:
        """The certificates that the peer showed."""
        leaf = self.tls._peer_certificate
        return [] if leaf is None else [leaf, *self.tls._peer_certificate_chain]

    def taken(self, stream_id: int, size: int) -> bool:
        """The application took so many bytes of a stream. Whether the peer should be told that it may send more."""
        stream = self._streams.get(stream_id)
        if stream is None or stream.receiver.is_finished:
            return False
        stream.max_stream_data_local += size
        return self._is_due(stream)

    @property
    def received(self) -> int:
        """Bytes of streams that have come since the beginning, gaps included."""
        return self._local_max_data.used

    @property
    def held(self) -> int:
        """Bytes of streams that are here and unread: out of order yet, or handed to streams."""
        return sum(len(stream.receiver._buffer) for stream in self._streams.values()) + self.unread()

    def unsent(self, stream_id: int) -> int:
        """Bytes of a stream that the peer has not acknowledged."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else stream.sender._buffer_stop - stream.sender._buffer_start

    def knows(self, stream_id: int) -> bool:
        """Whether a stream is not over in both directions."""
        return stream_id in self._streams

    def stop(self, stream_id: int) -> None:
        """Want no more of a stream."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.receiver.is_finished:
            self.stop_stream(stream_id, 0)

    @staticmethod
    def _is_due(stream: QuicStream) -> bool:
        """Whether a window has moved by enough to be worth a frame."""
        return stream.max_stream_data_local - stream.max_stream_data_local_sent >= WINDOW // 2

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        """Move the window of the connection by what was read, where aioquic doubles it; let streams be opened for those
        that ended, as aioquic does."""
        data, streams = self._local_max_data, self._local_max_streams_bidi
        data.value = max(data.value, data.used + self.configuration.max_data - self.held)
        if data.value - data.sent >= self.configuration.max_data // 2:
            self._write_limit(builder, data)
        if streams.sent - streams.used < streams.value - streams.sent:
            self._write_limit(builder, streams)

    def _write_limit(self, builder: QuicPacketBuilder, limit: Limit) -> None:
        buffer = builder.start_frame(
            limit.frame_type,
            capacity=CONNECTION_LIMIT_FRAME_CAPACITY,
            handler=self._on_connection_limit_delivery,
            handler_args=(limit,),
        )
        buffer.push_uint_var(limit.value)
        limit.sent = limit.value

    def _write_stream_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream) -> None:
        if not self._is_due(stream):
            return
        buffer = builder.start_frame(
            QuicFrameType.MAX_STREAM_DATA,
            capacity=MAX_STREAM_DATA_FRAME_CAPACITY,
            handler=self._on_max_stream_data_delivery,
            handler_args=(stream,),
        )
        buffer.push_uint_var(stream.stream_id or 0)
        buffer.push_uint_var(stream.max_stream_data_local)
        stream.max_stream_data_local_sent = stream.max_stream_data_local


def configuration(keys: KeyPair, client: bool, idle_timeout: float, max_data: int) -> QuicConfiguration:
    """What both ends agree on. `idle_timeout`: seconds of silence that end a connection; `max_data`: bytes that a peer
    may send on all streams of a connection before they are read."""
    certificate, key = own_certificate(keys)
    settings: dict[str, Any] = {
        "alpn_protocols": ["libp2p"],
        "certificate": certificate,
        "private_key": key,
        "is_client": client,
        "idle_timeout": idle_timeout,
        "max_data": max_data,
        "max_stream_data": WINDOW,
        # Whom a certificate names is checked by `peer_of`: no authority signs those of libp2p.
        "verify_mode": ssl.CERT_NONE,
    }
    return QuicConfiguration(**settings)
