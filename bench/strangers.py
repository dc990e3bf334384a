"""The workloads of many strangers: a thousand who idle, thousands who come and go."""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from bench.client import Client
from bench.daemons import Daemon, folder
from bench.verdict import Judgement, Line, Sample

PEERS, PEERS_A_PROCESS = 1000, 500
NEWCOMERS = 20
SETTLE_SECONDS, IDLE_SECONDS = 3.0, 10.0
TARGETS = {"memory a peer": 80.0, "idle CPU": 5.0, "newcomer p50": 100.0, "newcomer p99": 100.0}

CHURN, ROUND, WARM_UP = 5000, 250, 1000
CHURN_LIMITS = {"tasks": 0.05, "descriptors": 0.05, "threads": 0.05, "rss_mib": 0.05}

_ROOT = Path(__file__).resolve().parents[1]
_CONFIG = """plugins: [transport_libp2p]
roles: [mailbox]
transport_libp2p:
  {listen: [/ip4/127.0.0.1/tcp/0], max_connections: 1000000, max_connects_per_second: 100000, connects_burst: 100000}
"""


def peers(count: int = PEERS) -> Iterator[Line]:
    """N bare libp2p connections that idle (1000): memory of each, CPU of the daemon, how a newcomer is served."""
    yield from _idle(f"peers {count}", "hold", count, TARGETS)


def clients(count: int = PEERS) -> Iterator[Line]:
    """The same of a mailbox node, where each has opened 10 boxes and watches them (1000)."""
    yield from _idle(f"mailbox-peers {count}", "boxes", count, TARGETS | {"memory a peer": 117.0})  # 120 KB


def _idle(bench: str, kind: str, count: int, targets: Mapping[str, float]) -> Iterator[Line]:
    with _daemon() as daemon, closing(Client(daemon.socket)) as client:
        address = client.call("identity.show")["addresses"][0]
        list(_newcomers(address, NEWCOMERS))  # what the first ones cost for good
        before = sample(client)
        with _crowd(address, count, kind):
            time.sleep(SETTLE_SECONDS)
            full, used = sample(client), sum(daemon.cpu_seconds().values())
            time.sleep(IDLE_SECONDS)
            used = sum(daemon.cpu_seconds().values()) - used
            times = sorted(_newcomers(address, NEWCOMERS))
    found = {
        "memory a peer": ((full["rss_mib"] - before["rss_mib"]) * 1024 / count, "KiB"),
        "tasks a peer": ((full["tasks"] - before["tasks"]) / count, ""),
        "idle CPU": (used / IDLE_SECONDS * 100, "%"),
        "newcomer p50": (times[len(times) // 2], "ms"),
        "newcomer p99": (times[math.ceil(len(times) * 0.99) - 1], "ms"),
    }
    for name, (value, unit) in found.items():
        target = {"budget": targets[name]} if name in targets else {}
        yield {"bench": bench, "name": name, "value": float(f"{value:.4g}"), "unit": unit, **target}


def churn(count: int = CHURN) -> Iterator[Line]:
    """N connections, each with a stream, that come and go (5000); is flat what they leave after the first 1000?"""
    samples: list[Sample] = []
    with _daemon() as daemon, closing(Client(daemon.socket)) as client:
        address = client.call("identity.show")["addresses"][0]
        with _process(address, "churn", ROUND) as strangers:
            assert strangers.stdin is not None
            for done in range(ROUND, count + 1, ROUND):
                strangers.stdin.write("\n")
                strangers.stdin.flush()
                _line(strangers)
                samples.append(_settled(client))
                yield {"bench": f"churn {count}", "sample": done, **samples[-1]}
    warm = samples[min(WARM_UP, count) // ROUND - 1]
    for name, limit in CHURN_LIMITS.items():
        yield Judgement(f"churn {count}", name, warm[name], samples[-1][name], limit).line()


def sample(client: Client) -> dict[str, float]:
    """What a daemon uses now, of `system.stats`; memory in MiB."""
    stats = client.call("system.stats")
    found = {name: stats[name] for name in ("tasks", "descriptors", "threads")}
    return {**found, "rss_mib": round(stats["rss_bytes"] / 2**20, 2), "database_mib": stats["store"]["bytes"] / 2**20}


def _settled(client: Client) -> Sample:
    """A sample once the tasks do not become fewer any more: the last connections may still be closing."""
    found = sample(client)
    while True:
        time.sleep(0.5)
        later = sample(client)
        if later["tasks"] >= found["tasks"]:
            return later
        found = later


@contextmanager
def _daemon() -> Iterator[Daemon]:
    """One that takes all connections, with as many descriptors as the system allows; its children have them too."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with folder() as place:
        daemon = Daemon(place / "node", _CONFIG)
        try:
            daemon.start()
            yield daemon
        finally:
            daemon.stop()


@contextmanager
def _process(address: str, kind: str, count: int) -> Iterator[subprocess.Popen[str]]:
    """Strangers (bench/crowd.py); the end of their standard input ends them."""
    command = [sys.executable, "-m", "bench.crowd", address, kind, str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        try:
            yield process
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
        finally:
            process.kill()


@contextmanager
def _crowd(address: str, count: int, kind: str) -> Iterator[None]:
    """So many who are connected; what they do then is in bench/crowd.py."""
    if count <= 0:
        yield
        return
    some = min(count, PEERS_A_PROCESS)
    with _process(address, kind, some) as process:
        _line(process)
        with _crowd(address, count - some, kind):
            yield


def _newcomers(address: str, count: int) -> Iterator[float]:
    """Milliseconds until each of these was served."""
    with _process(address, "arrive", count) as process:
        for _ in range(count):
            yield float(_line(process)["ms"])


def _line(process: subprocess.Popen[str]) -> dict[str, float]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("The strangers ended before they had done what they were asked for.")
    found: dict[str, float] = json.loads(line)
    return found
