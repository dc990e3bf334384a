"""The workloads over real daemons: ping-pong, pipeline, cold start, memory at rest."""

from __future__ import annotations

import json
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import median
from typing import NamedTuple, NoReturn

from bench.client import Client, Events, send_request
from bench.daemons import LIBP2P, LOCAL_ONLY, Daemon, Pair, folder, pair
from bench.results import Result

WARM_UP, ROUND_TRIPS = 100, 1000
MESSAGES, WINDOW = 5000, 28
STARTS = 5
REST_SECONDS = 2.0
PATIENCE = 60.0  # seconds without any reply or event

KINDS = {"libp2p": LIBP2P, "local-only": LOCAL_ONLY}


def pingpong() -> Iterator[Result]:
    """A text there, then one back, and so on: every one turns the ratchet. One way is half a round trip."""
    with pair() as two:
        times = sorted(round_trips(two, WARM_UP + ROUND_TRIPS)[WARM_UP:])
    yield from _spread("pingpong", "one-way", [seconds / 2 for seconds in times])


def _spread(bench: str, name: str, times: list[float]) -> Iterator[Result]:
    """Median and 99th percentile of sorted seconds, and how far they are from each other."""
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    yield Result(bench, f"{name} p50", p50 * 1e3, "ms")
    yield Result(bench, f"{name} p99", p99 * 1e3, "ms")
    yield Result(bench, f"{name} p99 / p50", p99 / p50, "")


def round_trips(two: Pair, count: int) -> list[float]:
    """Seconds of each round trip: A's call, the event at B, B's call, the event at A."""
    a, b, times = Client(two.a.socket), Client(two.b.socket), []
    at_a, at_b = Events(two.a.socket, "message.received"), Events(two.b.socket, "message.received")
    there, back = send_request(two.account_b), send_request(two.account_a)
    with closing(a), closing(b), closing(at_a), closing(at_b):
        for _ in range(count):
            begin = time.perf_counter()
            a.socket.sendall(there)
            at_b.wait()
            b.socket.sendall(back)
            at_a.wait()
            times.append(time.perf_counter() - begin)
            a.lines()  # the replies, which came long ago
            b.lines()
    return times


def pipeline() -> Iterator[Result]:
    """Texts one way, `WINDOW` calls in flight, until B told of the last: then all are durable there."""
    with pair() as two:
        stream(two, 500)
        before = cpu(two)
        seconds, waits = flow(two, MESSAGES)
        after = cpu(two)
    yield Result("pipeline", "messages", MESSAGES / seconds, "/s")
    yield from _spread("pipeline", "from call to event", sorted(waits))
    for name, used in after.items():
        yield Result("pipeline", f"CPU a message, {name}", (used - before[name]) / MESSAGES * 1e6, "us")


def stream(two: Pair, count: int) -> float:
    """The seconds of `flow`."""
    return flow(two, count).seconds


class Flow(NamedTuple):
    """How long a stream of texts took until the last, and each from its call to its event at the other end."""

    seconds: float
    waits: list[float]


def flow(two: Pair, count: int) -> Flow:
    """Send `count` texts to B until it told of the last. Raises RuntimeError unless each came once."""
    a, at_b = Client(two.a.socket), Events(two.b.socket, "message.received")
    line, selector, events = send_request(two.account_b), selectors.DefaultSelector(), list[bytes]()
    with closing(a), closing(at_b), closing(selector):
        selector.register(a.socket, selectors.EVENT_READ)
        selector.register(at_b.socket, selectors.EVENT_READ)
        begun, arrived = [time.perf_counter()] * min(WINDOW, count), list[float]()
        a.socket.sendall(line * len(begun))
        while len(events) < count:
            for key, _ in selector.select(PATIENCE) or _nothing():
                if key.fileobj is at_b.socket:
                    events += at_b.read()
                    arrived += [time.perf_counter()] * (len(events) - len(arrived))
                elif more := min(len(a.lines()), count - len(begun)):
                    begun += [time.perf_counter()] * more
                    a.socket.sendall(line * more)
    ids = {json.loads(event)["params"]["data"]["message_id"] for event in events}
    if len(ids) != count:
        raise RuntimeError(f"{count} messages were sent, {len(ids)} arrived in {len(events)} events.")
    return Flow(arrived[-1] - begun[0], [there - here for here, there in zip(begun, arrived, strict=True)])


def _nothing() -> NoReturn:
    raise RuntimeError(f"Nothing came for {PATIENCE:.0f} seconds.")


def cpu(two: Pair) -> dict[str, float]:
    """CPU seconds used so far, by daemon and thread."""
    return {
        f"{role}'s {thread}": seconds
        for role, daemon in (("sender", two.a), ("receiver", two.b))
        for thread, seconds in daemon.cpu_seconds().items()
    }


def cold_start() -> Iterator[Result]:
    """From exec to the first answer of a node that has an account."""
    yield from _each_kind("cold-start", "ms", lambda daemon: _start_and_stop(daemon) * 1e3)


def _start_and_stop(daemon: Daemon) -> float:
    try:
        return daemon.start()
    finally:
        daemon.stop()


def rss() -> Iterator[Result]:
    """Resident memory of a node that has started and rests."""
    yield from _each_kind("rss", "MiB", _rest)


def _rest(daemon: Daemon) -> float:
    try:
        daemon.start()
        time.sleep(REST_SECONDS)
        return daemon.rss_mib()
    finally:
        daemon.stop()


def _each_kind(bench: str, unit: str, measure: Callable[[Daemon], float]) -> Iterator[Result]:
    for kind, plugins in KINDS.items():
        with folder() as place:
            daemon = Daemon(place / "node", plugins)
            _start_and_stop(daemon)  # makes the account
            yield Result(bench, kind, median(measure(daemon) for _ in range(STARTS if unit == "ms" else 1)), unit)
