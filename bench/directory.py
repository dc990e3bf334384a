"""The workload of the directory: a contact that is found only through the DHT, among bare nodes and two daemons."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median

from bench.client import Client, Events
from bench.daemons import Daemon, Pair, folder
from bench.results import Line, rounded

NODES = 48  # beside the two daemons
ROUNDS = 7
PUBLISH_TIMEOUT = 60.0  # seconds
TARGET = 1500.0  # milliseconds

_ROOT = Path(__file__).resolve().parents[1]
CONFIG = """plugins: [transport_libp2p]
transport_libp2p: {{listen: [/ip4/127.0.0.1/tcp/0], mdns: false, bootstrap: [{address}]}}
"""


def directory(nodes: int = NODES) -> Iterator[Line]:
    """Two contacts that both moved, among N bare DHT nodes (48): from asking to a message delivered."""
    with dht(nodes) as address, folder() as place, ExitStack() as stack:
        daemons = [Daemon(place / name, CONFIG.format(address=address)) for name in "ab"]
        for daemon in daemons:
            stack.callback(daemon.stop)
            daemon.start()
        pair, times = Pair(*daemons), list[float]()
        for _ in range(ROUNDS):
            for daemon in daemons:
                daemon.stop()
            pair.a.start()
            _wait_until_published(pair.a)
            pair.b.start()  # on other ports than before: neither knows where the other is
            times.append(_found(pair))
    bench = f"directory {nodes + 2}"
    yield {"bench": bench, "name": "found and delivered, p50", "value": rounded(median(times)), "unit": "ms",
           "budget": TARGET}  # fmt: skip
    yield {"bench": bench, "name": "found and delivered, most", "value": rounded(max(times)), "unit": "ms"}


def _found(pair: Pair) -> float:
    """Milliseconds from a message to a contact that is somewhere else, to its receipt."""
    with closing(Events(pair.b.socket, "message.delivered")) as receipts, closing(Client(pair.b.socket)) as client:
        began = time.perf_counter()
        client.call("messages.send", contact=pair.account_a, text="where are you?")
        receipts.wait()
        return (time.perf_counter() - began) * 1000


def _wait_until_published(daemon: Daemon) -> None:
    deadline = time.monotonic() + PUBLISH_TIMEOUT
    with closing(Client(daemon.socket)) as client:
        while not client.call("system.stats")["directories"].get("dht", {}).get("published"):
            if time.monotonic() > deadline:
                raise RuntimeError("The daemon published nothing.")
            time.sleep(0.05)


@contextmanager
def dht(count: int) -> Iterator[str]:
    """So many bare nodes of the DHT in one process (bench/dht.py); the address of one of them."""
    command = [sys.executable, "-m", "bench.dht", str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("The nodes of the DHT ended before they knew each other.")
            yield str(json.loads(line)["address"])
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
        finally:
            process.kill()
