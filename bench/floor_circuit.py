"""The floor of a relay: bare py-libp2p over a circuit of bare py-libp2p, with the frames and batching of floor.py.

Three processes on loopback: a relay, a listener with a place there, and a dialler, which measures. JSON lines on
stdout. Run: python -m bench.floor_circuit
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio
from libp2p.abc import IHost, INetStream
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.relay.circuit_v2.config import RelayConfig, RelayRole
from libp2p.relay.circuit_v2.protocol import PROTOCOL_ID as HOP
from libp2p.relay.circuit_v2.protocol import CircuitV2Protocol
from libp2p.relay.circuit_v2.resources import RelayLimits
from libp2p.relay.circuit_v2.transport import CircuitV2Transport
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from bench.floor import FRAME, LOOPBACK, PER_WRITE, PROTOCOL, Reader, make_host

WARM_UP, ROUND_TRIPS, FRAMES = 50, 300, 1400
LIMITS = RelayLimits(duration=1 << 30, data=1 << 60, max_circuit_conns=10_000, max_reservations=10_000)


@asynccontextmanager
async def circuits(host: IHost, relay: bool) -> AsyncIterator[CircuitV2Transport]:
    """What a host needs for circuits, while it runs."""
    async with host.run(LOOPBACK):
        protocol = CircuitV2Protocol(host, limits=LIMITS, allow_hop=relay)
        async with background_trio_service(protocol):
            await protocol.event_started.wait()
            role = RelayRole.HOP if relay else RelayRole.STOP
            yield CircuitV2Transport(host, protocol, RelayConfig(roles=role, limits=LIMITS))


async def answer(stream: INetStream) -> None:
    """The listener's half."""
    reader = Reader(stream)
    for _ in range(WARM_UP + ROUND_TRIPS):
        await stream.write(await reader.take(FRAME))
    for _ in PER_WRITE:
        await reader.take(FRAMES * FRAME)
        await stream.write(b".")


async def lend() -> None:
    """The relay: prints its address."""
    host = make_host()
    async with circuits(host, relay=True):
        print(host.get_addrs()[0], flush=True)
        await trio.sleep_forever()


async def listen(relay: str) -> None:
    """The listener: prints its id."""
    host = make_host()
    host.set_stream_handler(PROTOCOL, answer)
    async with circuits(host, relay=False) as transport, trio.open_nursery() as nursery:
        info = info_from_p2p_addr(Multiaddr(relay))
        await host.connect(info)
        stream = await host.new_stream(info.peer_id, [HOP])
        assert await transport.reserve(stream, info.peer_id, nursery)
        print(host.get_id(), flush=True)
        await trio.sleep_forever()


async def dial(relay: str, peer: str) -> None:
    """The dialler: measures and prints."""
    host = make_host()
    async with circuits(host, relay=False) as transport:
        await host.connect(info_from_p2p_addr(Multiaddr(relay)))
        connection = await transport.dial(Multiaddr(f"{relay}/p2p-circuit/p2p/{peer}"))
        stream = await host.new_stream(connection.muxed_conn.peer_id, [PROTOCOL])
        await measure(stream)


async def measure(stream: INetStream) -> None:
    """The dialler's half."""
    reader, frame, times = Reader(stream), b"x" * FRAME, []
    for _ in range(WARM_UP + ROUND_TRIPS):
        begin = time.perf_counter()
        await stream.write(frame)
        await reader.take(FRAME)
        times.append((time.perf_counter() - begin) / 2)
    tell("one-way p50", sorted(times[WARM_UP:])[ROUND_TRIPS // 2] * 1e3, "ms")
    for count in PER_WRITE:
        begin = time.perf_counter()
        for sent in range(0, FRAMES, count):
            await stream.write(frame * min(count, FRAMES - sent))
        await reader.take(1)
        tell(f"frames, {count} a write", FRAMES / (time.perf_counter() - begin), "/s")


def tell(name: str, value: float, unit: str) -> None:
    print(json.dumps({"bench": "circuit", "name": name, "value": round(value, 3), "unit": unit}), flush=True)


def run(module: str, dial: Callable[[str, str], Awaitable[None]]) -> None:
    """All three processes: this one dials; `module` runs the others."""
    command = [sys.executable, "-m", module]
    children: list[subprocess.Popen[str]] = []
    try:
        told: list[str] = []
        for role in ("lend", "listen"):
            children.append(subprocess.Popen([*command, role, *told], stdout=subprocess.PIPE, text=True))
            assert children[-1].stdout is not None
            told.append(children[-1].stdout.readline().strip())
        trio.run(dial, *told)
    finally:
        for child in children:
            child.kill()
            child.wait()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    if sys.argv[1:]:
        roles: dict[str, Callable[..., Awaitable[None]]] = {"lend": lend, "listen": listen}
        trio.run(roles[sys.argv[1]], *sys.argv[2:])
    else:
        run("bench.floor_circuit", dial)
