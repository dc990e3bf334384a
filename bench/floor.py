"""The floor: what bare py-libp2p takes for the same frames. FROZEN: never change this file, results are compared to it.

Two processes on loopback with py-libp2p as it comes (TCP, Noise, Yamux), storing nothing: 1,142-byte frames, about
what a 200-byte text becomes on the wire. Ping-pong gives a one-way time (half a round trip), then frames go one way, 1,
8 or 28 to a write, until the other side says that it has the last. JSON lines on stdout. Run: python bench/floor.py
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time

import trio
from libp2p import new_host
from libp2p.abc import IHost, INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from multiaddr import Multiaddr  # type: ignore[import-untyped]

PROTOCOL = TProtocol("/mepassa/bench/floor/1")
FRAME = 1142
WARM_UP, ROUND_TRIPS, FRAMES = 100, 1000, 5000
PER_WRITE = (1, 8, 28)
LOOPBACK = [Multiaddr("/ip4/127.0.0.1/tcp/0")]


def make_host() -> IHost:
    keys = create_new_key_pair()
    noise = Noise(keys, noise_privkey=create_noise_key_pair().private_key)
    return new_host(key_pair=keys, sec_opt={NOISE: noise}, muxer_opt={TProtocol(YAMUX): Yamux}, listen_addrs=LOOPBACK)


class Reader:
    """Reads exact numbers of bytes from a stream."""

    def __init__(self, stream: INetStream) -> None:
        self._stream, self._rest = stream, bytearray()

    async def take(self, size: int) -> bytes:
        while len(self._rest) < size:
            data = await self._stream.read(65536)
            if not data:
                raise EOFError
            self._rest += data
        taken = bytes(self._rest[:size])
        del self._rest[:size]
        return taken


async def answer(stream: INetStream) -> None:
    """The listener's half."""
    reader = Reader(stream)
    for _ in range(WARM_UP + ROUND_TRIPS):
        await stream.write(await reader.take(FRAME))
    for _ in PER_WRITE:
        for _ in range(FRAMES):
            await reader.take(FRAME)
        await stream.write(b".")


async def listen() -> None:
    """The listener: prints its address, serves until it is killed."""
    host = make_host()
    host.set_stream_handler(PROTOCOL, answer)
    async with host.run(LOOPBACK):
        print(host.get_addrs()[0], flush=True)
        await trio.sleep_forever()


async def dial(address: str) -> None:
    """The dialler: measures and prints."""
    host = make_host()
    async with host.run(LOOPBACK):
        info = info_from_p2p_addr(Multiaddr(address))
        await host.connect(info)
        stream = await host.new_stream(info.peer_id, [PROTOCOL])
        reader, frame = Reader(stream), b"x" * FRAME
        times = []
        for _ in range(WARM_UP + ROUND_TRIPS):
            begin = time.perf_counter()
            await stream.write(frame)
            await reader.take(FRAME)
            times.append((time.perf_counter() - begin) / 2)
        times = sorted(times[WARM_UP:])
        tell("one-way p50", times[len(times) // 2] * 1e3, "ms")
        tell("one-way p99", times[len(times) * 99 // 100] * 1e3, "ms")
        for count in PER_WRITE:
            begin = time.perf_counter()
            for sent in range(0, FRAMES, count):
                await stream.write(frame * min(count, FRAMES - sent))
            await reader.take(1)
            tell(f"frames, {count} a write", FRAMES / (time.perf_counter() - begin), "/s")


def tell(name: str, value: float, unit: str) -> None:
    print(json.dumps({"bench": "floor", "name": name, "value": round(value, 3), "unit": unit}), flush=True)


def main() -> None:
    """Both processes: this one dials, a child listens."""
    child = subprocess.Popen([sys.executable, __file__, "listen"], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        trio.run(dial, child.stdout.readline().strip())
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    if sys.argv[1:] == ["listen"]:
        trio.run(listen)
    else:
        main()
