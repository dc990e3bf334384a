"""The mailbox: deposits and drains at its interface, and through the protocol between two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import anyio

from bench.client import Client
from bench.daemons import Daemon, folder
from bench.results import Line, rounded
from mepassad.api.mailbox import Deposit, Mailbox, Quotas
from mepassad.builtin.mailbox_sqlite.mailbox import open_mailbox

ENVELOPES, BOXES, IN_FLIGHT = 20_000, 100, 256
SIZE = 1585  # bytes of an envelope with an ordinary text
FETCH, FETCHED = 256, 262_144
QUOTAS = Quotas(1 << 20, 1 << 40, 1 << 40, 1 << 40, 1 << 30, 100, 1 << 20, 1, 1 << 20)
TARGETS: dict[str, dict[str, float]] = {
    "deposits, interface": {"at_least": 2000},
    "drained, interface": {"at_least": 3000},
    "deposits, protocol": {"at_least": 800},  # 0.4 of what is wanted of the interface
    "drained, protocol": {"at_least": 1200},
    "first waiting": {"budget": 300},
    "1,000 waiting": {"budget": 2000},
}
_ROOT = Path(__file__).resolve().parents[1]
_CONFIG = """plugins: [transport_libp2p]
roles: [mailbox]
transport_libp2p: {listen: [/ip4/127.0.0.1/tcp/0]}
mailbox: {rate: 1000000, burst: 1000000, box_envelopes: 1000000, box_bytes: 1000000000}
"""

Put = Callable[[bytes, bytes], Awaitable[object]]


def mailbox(count: int = ENVELOPES) -> Iterator[Line]:
    """N envelopes into 100 boxes and out again (20000): at the interface, then over libp2p to a daemon."""
    with folder() as place:
        at_interface = anyio.run(_interface, place, count)
        over_protocol = _protocol(place, count)
    found = {f"{name}, interface": value for name, value in at_interface.items()}
    found |= {f"{name}, protocol": over_protocol.pop(name) for name in at_interface}
    for name, value in found.items():
        yield _line(name, value, "/s")
    for name, value in at_interface.items():
        yield _line(f"{name}, protocol / interface", found[f"{name}, protocol"] / value, "")
    for name, value in over_protocol.items():
        yield _line(name, value, "us" if "CPU" in name else "ms")


def _line(name: str, value: float, unit: str) -> Line:
    return {"bench": "mailbox", "name": name, "value": rounded(value), "unit": unit, **TARGETS.get(name, {})}


async def deposit(put: Put, numbers: Sequence[bytes], count: int) -> float:
    """Put envelopes into boxes, `IN_FLIGHT` at once; how many a second."""
    envelopes = [os.urandom(SIZE) for _ in range(count)]

    async def work(first: int) -> None:
        for at in range(first, count, IN_FLIGHT):
            await put(numbers[at % len(numbers)], envelopes[at])

    begin = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for first in range(IN_FLIGHT):
            tasks.start_soon(work, first)
    return count / (time.perf_counter() - begin)


async def _interface(place: Path, count: int) -> dict[str, float]:
    numbers = [os.urandom(32) for _ in range(BOXES)]
    async with open_mailbox(place / "interface" / "mailbox.db", QUOTAS, cache_mb=16, queue_limit=4096) as box:
        await box.open(b"ana", numbers, int(time.time()), BOXES)
        later = int(time.time()) + 1_000_000
        deposits = await deposit(lambda number, sealed: box.put([Deposit([number], sealed, later)]), numbers, count)
        begin = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            for number in numbers:
                tasks.start_soon(_drain, box, number)
        drained = count / (time.perf_counter() - begin)
        if left := box.stats()["envelopes"]:
            raise RuntimeError(f"{left} envelopes were not drained.")
    return {"deposits": deposits, "drained": drained}


async def _drain(box: Mailbox, number: bytes) -> None:
    while some := await box.fetch(number, 0, FETCH, FETCHED):
        await box.ack(number, [one.id for one in some])


def _protocol(place: Path, count: int) -> dict[str, float]:
    daemon = Daemon(place / "daemon", _CONFIG)
    daemon.start()
    try:
        with closing(Client(daemon.socket)) as client:
            address = client.call("identity.show")["addresses"][0]
        before = daemon.cpu_seconds()
        command = [sys.executable, "-m", "bench.mailbox_client", address, str(count)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT)
        after = daemon.cpu_seconds()
    finally:
        daemon.stop()
    found: dict[str, float] = json.loads(done.stdout)
    for name, used in after.items():
        found[f"CPU an envelope, in and out, {name}"] = (used - before[name]) / count * 1e6
    return found
