"""What bench/floor_circuit.py measures, with this project's transport and relay in place of the library's.

Run: python -m bench.circuit
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from mepassad_transport_libp2p.compat.relay_server import RelayLimits
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.host import Host

from bench.floor import PROTOCOL
from bench.floor_circuit import answer, measure, run
from mepassad.api import Secret
from mepassad.api.types import NodeId
from mepassad.testing.component import Lines


@asynccontextmanager
async def running(*bootstrap: str, listen: tuple[str, ...] = ()) -> AsyncIterator[Host]:
    """A host of a fresh key; one with a bootstrap node has a place there."""
    host = Host(Config(listen=listen, bootstrap=bootstrap, relay_after_ms=0), Secret(os.urandom(32)), Lines())
    async with trio.open_nursery() as nursery:
        await nursery.start(host.run)
        await host.listen()
        while bootstrap and not host.relays.addresses():
            await trio.sleep(0.01)
        yield host
        nursery.cancel_scope.cancel()


async def lend() -> None:
    """The relay: prints its address."""
    async with running(listen=("/ip4/127.0.0.1/tcp/0",)) as host:
        host.relay(RelayLimits()).start()
        print(host.addresses()[0], flush=True)
        await trio.sleep_forever()


async def listen(relay: str) -> None:
    """The listener: prints its id."""
    async with running(relay) as host:
        host.serve(PROTOCOL, lambda peer, stream: answer(stream))
        print(host.node_id, flush=True)
        await trio.sleep_forever()


async def dial(relay: str, peer: str) -> None:
    """The dialler: measures and prints."""
    async with running() as host:
        await measure(await host.open(NodeId(peer), [f"{relay}/p2p-circuit/p2p/{peer}"], PROTOCOL))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    if sys.argv[1:]:
        roles: dict[str, Callable[..., Awaitable[None]]] = {"lend": lend, "listen": listen}
        trio.run(roles[sys.argv[1]], *sys.argv[2:])
    else:
        run("bench.circuit", dial)
