"""What both sides of circuit relay v2 share: bounded messages, streams of one connection, a circuit as a connection.

https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md; the messages are the library's protobufs.
"""

from __future__ import annotations

from typing import TypeVar

import trio
from google.protobuf.message import Message
from libp2p.abc import INetConn, INetStream
from libp2p.custom_types import TProtocol
from libp2p.io.abc import ReadWriteCloser
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.id import ID
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator
from libp2p.utils.varint import encode_varint_prefixed, read_varint_prefixed_bytes_limited
from multiaddr import Multiaddr  # type: ignore[import-untyped]

HOP = TProtocol("/libp2p/circuit/relay/0.2.0/hop")
STOP = TProtocol("/libp2p/circuit/relay/0.2.0/stop")

MAX_MESSAGE = 4096
"""Bytes of a message about circuits or hole punching (the specification's limit of the latter)."""

MAX_ADDRESSES = 16
"""Addresses that a relay tells of itself, and that are believed."""

TIMEOUT = 15.0
"""Seconds for one message to come or to go."""

AnyMessage = TypeVar("AnyMessage", bound=Message)


async def receive(stream: ReadWriteCloser, kind: type[AnyMessage]) -> AnyMessage:
    """One message with its length before it. Raises what junk, silence (TooSlowError) and a lost stream raise."""
    with trio.fail_after(TIMEOUT):
        data = await read_varint_prefixed_bytes_limited(stream, MAX_MESSAGE)
    message = kind()
    message.ParseFromString(data)
    return message


async def send(stream: ReadWriteCloser, message: Message) -> None:
    """Send one message with its length before it."""
    with trio.fail_after(TIMEOUT):
        await stream.write(encode_varint_prefixed(message.SerializeToString()))


async def open_stream(connection: INetConn, protocol: TProtocol) -> INetStream:
    """A negotiated stream on this very connection. Raises what a lost connection and a refusal raise."""
    stream = await connection.new_stream()
    agreed = False
    try:
        communicator = MultiselectCommunicator(stream)
        stream.set_protocol(await MultiselectClient().select_one_of([protocol], communicator, round(TIMEOUT)))
        agreed = True
    finally:
        if not agreed:
            await give_up(stream)
    return stream


async def give_up(*streams: INetStream) -> None:
    """Reset streams, even while being cancelled, in bounded time."""
    with trio.CancelScope(shield=True):
        for stream in streams:
            with trio.move_on_after(1):
                await stream.reset()


def is_relayed(connection: INetConn) -> bool:
    """Whether a connection runs over a relay."""
    return any("/p2p-circuit" in str(address) for address in connection.get_transport_addresses())


def circuit_address(relay: ID, peer: ID) -> Multiaddr:
    """The address of a peer behind a relay."""
    return Multiaddr(f"/p2p/{relay}/p2p-circuit/p2p/{peer}")


class Circuit(ReadWriteCloser):
    """The stream of a circuit, to be secured and multiplexed like a socket."""

    def __init__(self, stream: INetStream) -> None:
        self._stream = stream

    async def read(self, n: int | None = None) -> bytes:
        """Up to `n` bytes; none at the end."""
        try:
            return await self._stream.read(n)
        except StreamEOF:
            return b""

    async def write(self, data: bytes) -> None:
        """Send all of `data`."""
        await self._stream.write(data)

    async def close(self) -> None:
        """End this direction; the relay ends the other."""
        await self._stream.close()

    def get_remote_address(self) -> tuple[str, int] | None:
        """None: the relay's own address says nothing of the peer."""
        return None
