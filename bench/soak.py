"""Two daemons at half their pipeline rate, for minutes: does anything grow, is anything lost?"""

from __future__ import annotations

import selectors
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from bench.client import Client, Events, send_request
from bench.daemons import Daemon, Pair, pair
from bench.strangers import sample
from bench.verdict import Judgement, Line, Sample, quarters, slope
from bench.workloads import WINDOW, stream

SECONDS = 600
SHARE = 0.5
"""Of the pipeline's rate."""

RATE_MESSAGES = 10_000
"""Sent each way first, as fast as it goes: they tell the rate, and fill the caches."""

SAMPLES = 60
MIN_INTERVAL = 2.0
"""Seconds between two samples at least."""

UNDER_WAY = 1000
TICK = 0.01
PATIENCE = 60.0

LIMITS = {"rss_mib": 0.05, "tasks": 0.05, "descriptors": 0.05, "threads": 0.05}
"""By how much the level of the last quarter of the samples may be above that of the first (`verdict.quarters`)."""

MANY, MANY_LIMIT = 100_000, 0.2
"""So many messages may make the memory grow by this share over where it began."""


class Way:
    """Texts from one daemon to the other: sent when due, counted at both ends.

    At most `WINDOW` calls are in flight, and at most `UNDER_WAY` texts: where other work slows the machine down, the
    sender waits instead of making a queue that grows.
    """

    def __init__(self, sender: Daemon, receiver: Daemon, contact: str, stack: ExitStack) -> None:
        """`contact`: the receiver's account."""
        self._client, self._events = Client(sender.socket), Events(receiver.socket, "message.received")
        stack.callback(self._client.close)
        stack.callback(self._events.close)
        self._line = send_request(contact)
        self.sent = self.answered = self.arrived = 0

    def watch(self, selector: selectors.BaseSelector) -> None:
        """Be told of what can be read."""
        selector.register(self._client.socket, selectors.EVENT_READ, self._replies)
        selector.register(self._events.socket, selectors.EVENT_READ, self._arrivals)

    def send(self, due: int) -> None:
        """Send until `due` were sent in all, as far as the window allows."""
        more = min(due - self.sent, WINDOW - (self.sent - self.answered), UNDER_WAY - (self.sent - self.arrived))
        if more > 0:
            self._client.socket.sendall(self._line * more)
            self.sent += more

    def _replies(self) -> None:
        lines = self._client.lines()
        if refused := next((line for line in lines if b'"error"' in line), None):
            raise RuntimeError(f"A message was refused: {refused.decode()}")
        self.answered += len(lines)

    def _arrivals(self) -> None:
        self.arrived += len(self._events.read())


class Soak:
    """The traffic between a pair, and the samples taken meanwhile."""

    def __init__(self, two: Pair, rate: float, seconds: float, stack: ExitStack) -> None:
        """`rate`: messages a second, both ways together."""
        self._rate, self._seconds = rate, seconds
        self.daemons = {"a": two.a, "b": two.b}
        self.ways = [Way(two.a, two.b, two.account_b, stack), Way(two.b, two.a, two.account_a, stack)]
        self._selector = stack.enter_context(selectors.DefaultSelector())
        self._clients = {side: stack.enter_context(closing(Client(one.socket))) for side, one in self.daemons.items()}
        for way in self.ways:
            way.watch(self._selector)
        self.samples: dict[str, list[Sample]] = {side: [] for side in self.daemons}

    def run(self) -> Iterator[Line]:
        """A line for each sample; at the end, wait for what is still under way."""
        begin = time.perf_counter()
        every = max(MIN_INTERVAL, self._seconds / SAMPLES)
        due = 0.0
        while (elapsed := time.perf_counter() - begin) < self._seconds:
            if elapsed >= due:
                yield from self._sample(elapsed)
                due += every
            self._pass(int(elapsed * self._rate / len(self.ways)))
        self._drain()
        yield from self._sample(time.perf_counter() - begin)

    def _pass(self, due: int) -> None:
        for way in self.ways:
            way.send(due)
        for key, _ in self._selector.select(TICK):
            key.data()

    def _drain(self) -> None:
        last = time.perf_counter()
        while any(way.arrived < way.sent for way in self.ways):
            before = [way.arrived for way in self.ways]
            self._pass(0)
            if before != [way.arrived for way in self.ways]:
                last = time.perf_counter()
            elif time.perf_counter() - last > PATIENCE:
                return  # the counts will tell

    def _sample(self, elapsed: float) -> Iterator[Line]:
        done = sum(way.arrived for way in self.ways)
        for side, client in self._clients.items():
            found = {"seconds": round(elapsed, 1), "messages": done, **sample(client)}
            self.samples[side].append(found)
            yield {"bench": "soak", "sample": side, **found}


def soak(seconds: int = SECONDS) -> Iterator[Line]:
    """Two daemons at half the pipeline's rate for N seconds (600): is all flat, was nothing lost or doubled?"""
    with pair() as two, ExitStack() as stack:
        stream(two.turned(), RATE_MESSAGES)
        rate = RATE_MESSAGES / stream(two, RATE_MESSAGES) * SHARE
        yield {"bench": "soak", "name": "rate", "value": round(rate), "unit": "/s"}
        before = {side: _kept(daemon) for side, daemon in (("a", two.a), ("b", two.b))}
        run = Soak(two, rate, seconds, stack)
        yield from run.run()
        done = run.samples["a"][-1]
        yield {"bench": "soak", "name": "rate kept", "value": round(done["messages"] / done["seconds"]), "unit": "/s"}
        kept = {side: _kept(daemon) - before[side] for side, daemon in run.daemons.items()}
    yield from counts(run.ways, kept)
    for side, samples in run.samples.items():
        yield from judged(f"soak, {side}", samples)


def counts(ways: Sequence[Way], kept: dict[str, int]) -> Iterator[Line]:
    """What was sent, told of and kept each way: as many, or a message was lost or doubled."""
    for sender, receiver, way in zip("ab", "ba", ways, strict=True):
        same = way.sent == way.arrived == kept[receiver]
        found = {"sent": way.sent, "told": way.arrived, "kept": kept[receiver]}
        yield {"bench": "soak", "way": f"{sender} to {receiver}", **found, "flat": same}


def judged(bench: str, samples: Sequence[Sample]) -> Iterator[Line]:
    """What is said of one daemon."""
    for judgement in quarters(bench, samples, LIMITS):
        yield judgement.line()
    first = samples[0]
    many = next((one for one in samples if one["messages"] >= MANY), None)
    if many is not None:
        name = f"memory after {many['messages']:.0f}"
        yield Judgement(bench, name, first["rss_mib"], many["rss_mib"], MANY_LIMIT).line()
    for name, figure in (("memory", "rss_mib"), ("database", "database_mib")):
        grown = slope(samples, "messages", figure) * 2**20
        yield {"bench": bench, "name": f"{name} a message", "value": float(f"{grown:.3g}"), "unit": "B"}


def _kept(daemon: Daemon) -> int:
    """How many messages of others its database has."""
    path = next(daemon.folder.glob("*.db"))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        (count,) = database.execute("SELECT count(*) FROM message WHERE incoming = 1").fetchone()
    return int(count)
