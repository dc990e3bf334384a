"""Over a relay: what it adds to a message, how much it carries beside bare py-libp2p, and a first message by a dial."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

from bench.client import Client, Events
from bench.daemons import LIBP2P, Daemon, Pair, folder
from bench.results import Line, rounded
from bench.workloads import flow, round_trips

ROUND_TRIPS, MESSAGES, WARM_UP, DIALS = 300, 1400, 50, 5
PATIENCE = 30.0  # seconds until a place at the relay, or a route, must be there
ROOT = Path(__file__).resolve().parents[1]


def relay() -> Iterator[Line]:
    """Two daemons that nobody can dial, over a third; beside two that can, and a circuit of bare py-libp2p."""
    with folder() as place, ExitStack() as stack:
        direct = started(stack, place, "direct", LIBP2P)
        near = one_way(direct)
    with folder() as place, ExitStack() as stack:
        server = daemon(stack, place / "relay", f"roles: [relay]\n{LIBP2P}")
        listen = f"{{listen: [], bootstrap: [{address(server)}]}}"
        two = started(stack, place, "relayed", f"plugins: [transport_libp2p]\ntransport_libp2p: {listen}\n")
        far = one_way(two)
        flow(two, WARM_UP)
        rate = MESSAGES / flow(two, MESSAGES).seconds
        routes = stats(two.a)["routes"]
        assert set(routes) == {"relayed"}, routes
    floor = {line["name"]: line["value"] for line in circuit("bench.floor_circuit")}
    for name, value in floor.items():
        yield line(f"bare: {name}", value, "ms" if name.endswith("p50") else "/s")
    for found in circuit("bench.circuit"):
        name, ratio = found["name"], rounded(found["value"] / floor[found["name"]])
        least = {} if name.endswith("p50") else {"ratio_at_least": 0.5}
        yield line(f"ours: {name}", found["value"], found["unit"], ratio_to_floor=ratio, **least)
    yield line("one-way p50, direct", near * 1e3, "ms")
    yield line("one-way p50, over a relay", far * 1e3, "ms")
    yield line("a relay adds, p50", (far - near) * 1e3, "ms", budget=4.0)
    yield line("messages of daemons over a relay", rate, "/s")
    yield line("first message by a fresh dial, p50", first_message() * 1e3, "ms", budget=50.0)


def line(name: str, value: float, unit: str, **more: float) -> Line:
    """One figure."""
    return {"bench": "relay", "name": name, "value": rounded(value), "unit": unit, **more}


def daemon(stack: ExitStack, place: Path, plugins: str) -> Daemon:
    """A daemon that runs until the end."""
    found = Daemon(place, plugins)
    stack.callback(found.stop)
    found.start()
    return found


def started(stack: ExitStack, place: Path, name: str, plugins: str) -> Pair:
    """Two daemons who are contacts; where they have a bootstrap node, each with a place there."""
    two = [daemon(stack, place / f"{name}{letter}", plugins) for letter in "ab"]
    if "bootstrap" in plugins:
        for one in two:
            wait_for(one, lambda told: told["transports"]["libp2p"]["relay_places"] > 0)
    return Pair(*two)


def one_way(two: Pair) -> float:
    """Seconds of half a round trip, the median."""
    return median(round_trips(two, WARM_UP + ROUND_TRIPS)[WARM_UP:]) / 2


def stats(one: Daemon) -> dict[str, Any]:
    """What a daemon counts."""
    with closing(Client(one.socket)) as client:
        return client.call("system.stats")


def wait_for(one: Daemon, true: Any) -> None:
    """Wait until something is true of what a daemon counts."""
    deadline = time.perf_counter() + PATIENCE
    while not true(stats(one)):
        if time.perf_counter() > deadline:
            raise RuntimeError("What the benchmark waits for did not come.")
        time.sleep(0.02)


def address(one: Daemon) -> str:
    """Where a daemon can be dialled."""
    with closing(Client(one.socket)) as client:
        addresses: Sequence[str] = client.call("identity.show")["addresses"]
    return addresses[0]


def circuit(module: str) -> Iterator[Line]:
    """Frames over a circuit alone: of bare py-libp2p, or of our transport and relay."""
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    for found in done.stdout.splitlines():
        yield json.loads(found)


def first_message() -> float:
    """Seconds until a message is there that waits for a dial, the median: from when the contact's node, which was held
    before it could answer, goes on. Of the dial only the kernel's part was done before."""
    took = []
    with folder() as place, ExitStack() as stack:
        two = started(stack, place, "dial", LIBP2P)
        with closing(Events(two.a.socket, "message.received")) as arrived:
            for _ in range(DIALS):
                two.b.stop()
                two.a.send_signal(signal.SIGSTOP)
                two.b.start()
                with closing(Client(two.b.socket)) as b:
                    b.call("messages.send", contact=two.account_a, text="waits")
                begin = time.perf_counter()
                two.a.send_signal(signal.SIGCONT)
                arrived.wait()
                took.append(time.perf_counter() - begin)
    return median(took)
