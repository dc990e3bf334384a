"""A relay and hosts that are connected to it, for tests of circuits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from hosts import Cured, cured
from libp2p.abc import INetConn
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status
from mepassad_transport_libp2p.compat.circuit import (
    HOP,
    open_stream,
    receive,
    send,
)
from mepassad_transport_libp2p.compat.relay_client import RelayClient
from mepassad_transport_libp2p.compat.relay_server import RelayLimits

Settings = Mapping[str, int]


class Relayed:
    """A relay, and hosts that are connected to it, each with its client."""

    def __init__(self, relay: Cured, hosts: list[Cured], limits: RelayLimits) -> None:
        self.relay = relay
        self.hosts = hosts
        self.server = relay.node.relay(limits)
        self.clients = {host.id: RelayClient(host.host, host.swarm) for host in hosts}

    async def start(self) -> None:
        self.server.start()
        for host in self.hosts:
            self.clients[host.id].start()
            await host.connect(self.relay)

    async def reserve(self, host: Cured) -> None:
        await self.clients[host.id].reserve(self.relay.id)

    async def dial(self, host: Cured, peer: Cured) -> INetConn:
        return await self.clients[host.id].dial(self.relay.id, peer.id)

    async def ask(self, host: Cured, request: HopMessage) -> Status.ValueType:
        """The status of the relay's answer to a request, whatever it holds."""
        (connection,) = host.swarm.get_connections(self.relay.id)
        stream = await open_stream(connection, HOP)
        await send(stream, request)
        return (await receive(stream, HopMessage)).status


@asynccontextmanager
async def relayed(
    count: int, settings: Mapping[str, int] = MappingProxyType({}), **limits: int
) -> AsyncIterator[Relayed]:
    """`settings` of all hosts."""
    async with cured(count + 1, **settings) as (relay, *hosts):
        them = Relayed(relay, hosts, RelayLimits(**limits))
        await them.start()
        yield them
