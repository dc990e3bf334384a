"""A malicious QUIC peer for tests: it speaks to a node's real socket, and sends any frames it likes."""

from __future__ import annotations

import socket
import time

import anyio
from aioquic.quic import events
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.tls import Epoch
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from mepassad_transport_libp2p.compat.quic.core import Core, configuration

from mepassad.testing.transport_node import TIMEOUT, Node, until

ROOM = 1100
"""Bytes of frames that surely fit one packet."""


def varint(number: int) -> bytes:
    """A number as QUIC writes it (RFC 9000, section 16), always in four bytes."""
    return (number | 0x80000000).to_bytes(4, "big")


def crypto(offset: int, data: bytes) -> bytes:
    """A CRYPTO frame."""
    return b"\x06" + varint(offset) + varint(len(data)) + data


def stream(number: int, offset: int, data: bytes) -> bytes:
    """A STREAM frame with an offset and a length."""
    return b"\x0e" + varint(number) + varint(offset) + varint(len(data)) + data


class Malice:
    """One connection of a client that keeps to the protocol only where told to."""

    def __init__(self, node: Node, number: int = 99) -> None:
        """`number`: of its key."""
        self._node = node
        keys = create_new_key_pair(bytes([number]) * 32)
        self.id = str(ID.from_pubkey(keys.public_key))
        self.core = Core(configuration(keys, True, 30.0, 4 << 20), 128)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", int(node.transport.addresses()[0].split("/")[4])))
        self.socket.setblocking(False)
        self.core.connect(self.socket.getpeername(), time.monotonic())

    def __enter__(self) -> Malice:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    async def shake_hands(self) -> None:
        """Prove its key, and wait until the node has let it in."""
        self.flush()
        while not self.core._handshake_confirmed:
            await self.hear()
            self.flush()
        await until(lambda: self.id in self._node.transport.connected())

    async def hear(self) -> list[events.QuicEvent]:
        """What one more datagram of the node makes happen."""
        with anyio.fail_after(TIMEOUT):
            await anyio.wait_readable(self.socket)
        self.core.receive_datagram(self.socket.recv(65536), self.socket.getpeername(), time.monotonic())
        found = []
        while (event := self.core.next_event()) is not None:
            found.append(event)
        return found

    async def end(self) -> events.ConnectionTerminated:
        """Why the node ends the connection; fails if it does not."""
        while True:
            for event in await self.hear():
                if isinstance(event, events.ConnectionTerminated):
                    return event
            if (ended := self.core._close_event) is not None:
                return ended
            self.flush()

    def flush(self, most: int | None = None) -> None:
        """Send what a client has to send, or that many datagrams of it."""
        for datagram, _ in self.core.datagrams_to_send(time.monotonic())[:most]:
            self.socket.send(datagram)

    def send(self, *frames: bytes) -> None:
        """Send frames in packets of their own, as many in each as fit."""
        packet = b""
        for frame in frames:
            if len(packet) + len(frame) > ROOM:
                self._send(packet)
                packet = b""
            packet += frame
        self._send(packet)

    def _send(self, payload: bytes) -> None:
        core = self.core
        kind, pair = self._now()
        builder = QuicPacketBuilder(
            host_cid=core.host_cid,
            is_client=True,
            max_datagram_size=1280,
            packet_number=core._packet_number,
            peer_cid=core._peer_cid.cid,
            version=core._version,
        )
        builder.start_packet(kind, pair)
        builder.start_frame(payload[0], capacity=len(payload)).push_bytes(payload[1:])
        datagrams, _ = builder.flush()
        core._packet_number = builder.packet_number
        for datagram in datagrams:
            self.socket.send(datagram)

    def _now(self) -> tuple[QuicPacketType, CryptoPair]:
        if self.core._handshake_complete:
            return QuicPacketType.ONE_RTT, self.core._cryptos[Epoch.ONE_RTT]
        return QuicPacketType.INITIAL, self.core._cryptos[Epoch.INITIAL]
