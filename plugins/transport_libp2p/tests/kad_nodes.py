"""Nodes of the DHT in trio itself, for tests: servers and clients on loopback, which all know the first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio
from hosts import Cured, cured
from mepassad_transport_libp2p.kad import Kad
from mepassad_transport_libp2p.kad_table import Subnet
from mepassad_transport_libp2p.kad_wire import subnet

from mepassad.api import Rejected

KEY = b"/good/alice"


def check(key: bytes, value: bytes) -> int:
    """Values are `good:` and their version."""
    if not value.startswith(b"good:") or not key.startswith(b"/good/"):
        raise Rejected("not good")
    return int(value.split(b":")[1])


class Node(NamedTuple):
    """A host and its part in the DHT."""

    host: Cured
    kad: Kad


@asynccontextmanager
async def dht(servers: int, clients: int = 0, subnet: Subnet = subnet) -> AsyncIterator[list[Node]]:
    """Nodes of a DHT; each has looked who is near."""
    async with trio.open_nursery() as nursery, cured(servers + clients) as hosts:
        first = hosts[0].node.addresses()
        nodes = []
        for number, host in enumerate(hosts):
            bootstrap = () if number == 0 else first[:1]
            kad = Kad(host.node, bootstrap, number < servers, host.log, subnet)
            kad.shelf.check = check
            nodes.append(Node(host, kad))
            nursery.start_soon(kad.run)
        for node in nodes:
            await node.kad.refresh()
        yield nodes
        nursery.cancel_scope.cancel()
