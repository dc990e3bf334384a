"""Cured hosts in trio itself, without the bridge and the daemon's side, for tests of what they do among themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trio
from libp2p.abc import IHost, INetConn, INetStream
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.peer.id import ID
from mepassad_transport_libp2p.compat.circuit import open_stream
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.host import Host
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api import Secret
from mepassad.testing.component import Lines

ECHO = TProtocol("/test/trio-echo/1")


class Cured:
    """A cured host that echoes, on a loopback port."""

    def __init__(self, number: int, **settings: Any) -> None:
        config = Config(**{"listen": ("/ip4/127.0.0.1/tcp/0",), **settings})
        self.log = Lines()
        self.node = Host(config, Secret(number.to_bytes(32, "big")), self.log)
        self.host = self.node._host
        self.swarm = self.node._swarm
        self.id: ID = self.host.get_id()
        self.host.set_stream_handler(ECHO, echo)

    def addresses(self) -> list[Multiaddr]:
        """Where it listens, without its id."""
        return [Multiaddr(text.split("/p2p/")[0]) for text in self.node.addresses()]

    async def connect(self, other: Cured | IHost) -> INetConn:
        """A connection to another host on its first address."""
        peer, addresses = target(other)
        return await self.swarm.dial_addr(addresses[0], peer)


def target(host: Cured | IHost) -> tuple[ID, Sequence[Multiaddr]]:
    """The id of a host, and where it listens."""
    if isinstance(host, Cured):
        return host.id, host.addresses()
    return host.get_id(), host.get_transport_addrs()


@asynccontextmanager
async def cured(count: int, first: int = 1, **settings: Any) -> AsyncIterator[list[Cured]]:
    """Cured hosts that run and listen."""
    async with trio.open_nursery() as nursery:
        hosts = [Cured(first + number, **settings) for number in range(count)]
        for one in hosts:
            await nursery.start(one.node.run)
            await one.node.listen()
        yield hosts
        nursery.cancel_scope.cancel()


async def echo(stream: INetStream) -> None:
    """Send everything back."""
    try:
        while data := await stream.read(64 * 1024):
            await stream.write(data)
    except StreamEOF:
        await stream.close()


async def read_exactly(stream: INetStream, size: int) -> bytes:
    """`size` bytes."""
    data = b""
    while len(data) < size:
        data += await stream.read(size - len(data))
    return data


async def echoes(connection: INetConn, data: bytes = b"hello") -> bool:
    """Whether the other end of a connection sends back what it is sent."""
    stream = await open_stream(connection, ECHO)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.write, data)
        answer = await read_exactly(stream, len(data))
    await stream.close()
    return answer == data


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    with trio.fail_after(30):
        while not condition():
            await trio.sleep(0.005)
