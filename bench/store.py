"""Commits a second, latency and CPU of the store plugin `sqlite`, as JSON lines; `--help` names the choices.

A commit is what a sent message costs: the message, its packet for one device, the session's state, an event.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiosqlite

from mepassad.api.store import Commit, Committed
from mepassad.api.types import AccountId, Contact, ConversationId, Message, MessageId, Outgoing, Secret, Session
from mepassad.api.writes import AddEvent, AddMessage, AddOutgoing, PutContact, PutSession
from mepassad.builtin.store_sqlite.plan import IndexText, Numbers, Plan
from mepassad.builtin.store_sqlite.store import SqliteStore, open_store
from mepassad.builtin.store_sqlite.writer import INDEX_AFTER_COMMITS
from mepassad.vault.store import sealed_store
from mepassad.vault.vault import Vault

ACCOUNT = AccountId("mp1" + "q" * 58)
CONTACT = AccountId("mp1" + "p" * 58)
CONVERSATION = ConversationId("c" * 22)
TEXT_BYTES, PACKET_BYTES, STATE_BYTES = 200, 1142, 600
WORDS = ["".join(random.Random(n).choices("aeioubcdfglmnprst", k=3 + n % 7)) for n in range(5000)]  # a vocabulary

Committer = Callable[[Commit], Awaitable[Committed]]


class Workload:
    """Makes the commits of one conversation, each following the last one's session version."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        self._numbers = itertools.count(1)

    def next(self) -> Commit:
        number = next(self._numbers)
        at_ms = 1_800_000_000_000 + number
        message = MessageId(
            base64.urlsafe_b64encode(at_ms.to_bytes(6, "big") + self._random.randbytes(10)).decode().rstrip("=")
        )
        text = " ".join(self._random.choices(WORDS, k=40))[:TEXT_BYTES]
        packet = self._random.randbytes(32)
        return Commit(
            (
                AddMessage(
                    Message(
                        account=ACCOUNT, id=message, conversation=CONVERSATION, contact=CONTACT, incoming=False,
                        content_id=packet[:16], kind=1, text=text, time_ms=at_ms, sort_ms=at_ms, state="queued",
                        request_id=str(number),
                    )
                ),
                AddOutgoing(
                    Outgoing(
                        account=ACCOUNT, id=packet, contact=CONTACT, device=b"d" * 32, message=message,
                        packet=packet + bytes(PACKET_BYTES - 32), state="ready", expires_at=at_ms // 1000,
                    )
                ),
                PutSession(
                    Session(
                        account=ACCOUNT, id=b"s" * 32, contact=CONTACT, device=b"d" * 32, state=bytes(STATE_BYTES),
                        version=number, used_ms=at_ms,
                    )
                ),
                AddEvent(ACCOUNT, "message.queued", message, at_ms),
            )
        )  # fmt: skip


def cpu_seconds() -> dict[str, float]:
    """CPU time used so far by the loop's thread and the others."""
    clocks = {t: time.clock_gettime(time.pthread_getcpuclockid(t.ident)) for t in threading.enumerate() if t.ident}
    loop = clocks.pop(threading.main_thread())
    return {"loop": loop, "writer": sum(clocks.values())}


async def measure(name: str, commit: Committer, callers: int, options: argparse.Namespace, workload: Workload) -> None:
    """Callers that each wait for their commit, and `--pause`, before the next one."""
    latencies: list[float] = []
    commits = [workload.next() for _ in range(50)]
    for one in commits:
        await commit(one)
    end = 0.0

    async def caller() -> None:
        while (begin := time.perf_counter()) < end:
            await commit(workload.next())
            latencies.append(time.perf_counter() - begin)
            if options.pause:
                await asyncio.sleep(options.pause / 1e3)

    making = await cost_of_making(workload)
    before, begin = cpu_seconds(), time.perf_counter()
    end = begin + options.seconds
    await asyncio.gather(*(caller() for _ in range(callers)))
    wall, after = time.perf_counter() - begin, cpu_seconds()
    count = len(latencies)
    cuts = statistics.quantiles(latencies, n=100)
    report = {
        "bench": "store", "writer": name, "callers": callers, "pause_ms": options.pause,
        "commits_per_second": round(count / wall),
        "p50_ms": round(cuts[49] * 1e3, 3), "p99_ms": round(cuts[98] * 1e3, 3),
        "cpu_us_per_commit": {
            "loop": round((after["loop"] - before["loop"]) / count * 1e6 - making, 1),
            "writer": round((after["writer"] - before["writer"]) / count * 1e6, 1),
        },
    }  # fmt: skip
    print(json.dumps(report), flush=True)


async def cost_of_making(workload: Workload) -> float:
    """µs that making one commit costs the bench itself; taken off the loop's figure."""
    fork, begin = Workload(), time.thread_time()
    for _ in range(1000):
        fork.next()
    return (time.thread_time() - begin) * 1e3


class AiosqliteWriter:
    """The writer that was not chosen, for comparison: the same statements, each handed to aiosqlite's thread."""

    def __init__(self, connection: aiosqlite.Connection, grouped: bool) -> None:
        self._connection = connection
        self._grouped = grouped
        self._waiting: list[tuple[Commit, asyncio.Future[Committed]]] = []
        self._task: asyncio.Task[None] | None = None
        self._last = Numbers(0, 0, 0)
        self._unindexed = 0

    def commit(self, commit: Commit) -> Awaitable[Committed]:
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._waiting.append((commit, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return future

    async def _work(self) -> None:
        while self._waiting:
            count = len(self._waiting) if self._grouped else 1
            batch, self._waiting = self._waiting[:count], self._waiting[count:]
            results = await self._apply([commit for commit, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)
            self._unindexed += count
            if self._unindexed >= INDEX_AFTER_COMMITS:
                await self._apply([Commit((IndexText(),))])
                self._unindexed = 0

    async def _apply(self, commits: list[Commit]) -> list[Committed]:
        plan = Plan(self._last)
        results = [plan.add(commit) for commit in commits]
        await self._connection.execute("BEGIN IMMEDIATE")
        for statement, rows in plan.steps():
            await self._connection.executemany(statement, rows)
        await self._connection.execute("COMMIT")
        self._last = plan.last()
        return results


async def prepare(store: SqliteStore) -> None:
    contact = Contact(account=ACCOUNT, id=CONTACT, conversation=CONVERSATION, state="accepted", created_at=1)
    await store.commit(Commit((PutContact(contact),)))


async def run(writer: str, callers: int, options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        path = Path(place) / "store" / "node.db"
        async with open_store(path, cache_mb=16, queue_limit=4096, backups_made_before=0) as store:
            await prepare(store)
            if writer in ("thread", "sealed"):
                through = sealed_store(store, Vault(Secret(bytes(32)))) if writer == "sealed" else store
                await measure(writer, through.commit, callers, options, Workload())
                return
        async with aiosqlite.connect(path, isolation_level=None, cached_statements=256) as connection:
            for pragma in ("synchronous = FULL", "secure_delete = ON", "cache_size = -16384"):
                await connection.execute(f"PRAGMA {pragma}")
            other = AiosqliteWriter(connection, grouped=writer == "aiosqlite-grouped")
            await measure(writer, other.commit, callers, options, Workload())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each measurement runs")
    parser.add_argument("--callers", type=int, nargs="*", default=[1, 28, 256])
    parser.add_argument(
        "--writers",
        nargs="*",
        default=["thread"],
        help="thread, sealed (thread, behind a vault), aiosqlite-grouped, aiosqlite-single",
    )
    parser.add_argument("--pause", type=float, default=0.0, help="ms that a caller waits between its commits")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to measure")
    options = parser.parse_args()
    for writer, callers in itertools.product(options.writers, options.callers):
        asyncio.run(run(writer, callers, options))


if __name__ == "__main__":
    os.umask(0o077)
    main()
