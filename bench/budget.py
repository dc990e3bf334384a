"""The budget of one message: CPU µs by stage and by line, sampled in the loop's thread of sender and receiver."""

from __future__ import annotations

import json
import re
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench.daemons import Pair, folder, pair
from bench.results import Line, rounded
from bench.workloads import WARM_UP, cpu, round_trips, stream

MESSAGES, TURNS = 60_000, 4000  # enough looks at one a tick
SIDES = {"a": "sender", "b": "receiver"}
HOT = 25  # lines shown
WRITE_TIMEOUT = 10.0  # seconds
SAMPLER = Path(__file__).with_name("sampler.py")
ROOT = SAMPLER.parent.parent

STAGES = {
    "ratchet": r"/builtin/crypto_signal/",
    "sign, verify, pad": r"/wire/(content|padding|identity)\.py",
    "libp2p and trio": r"/mepassad_transport_libp2p/|/libp2p/|/trio/|/outcome/",
    "frames and links": r"/wire/framing\.py|/delivery/(links?|window|limits|loopback|lane|presence|router|waiting)\.py",
    "store, on the loop": r"/builtin/store_sqlite/|/mepassad/bus\.py",
    "RPC": r"/mepassad/rpc/|/mepassad/facts\.py",
    "acks and receipts": r"/delivery/(settlement|receipts)\.py",
    "sessions and packets": r"/delivery/sessions\.py|/wire/packets\.py",
    "outbox, contents": r"/delivery/(outbox|contents|answers)\.py",
    "inbox": r"/delivery/(inbox|arrivals|unopened|quarantine|stamps|strangers|introductions|source)\.py",
    "mailboxes": r"/delivery/(mailbox(es)?|mailbox_(?!directory)\w+|deposits|post|places|boxes|drain|each|passes)\.py"
    r"|/mepassad/serving/|/wire/(mailbox|blobs)\.py",
    "handshakes": r"/delivery/(handshake|prekeys|seals|renewals|losses|verification)\.py",
    "directories": r"/delivery/(directory|mailbox_directory|publisher|finder|worked)\.py",
    "ids, people, clock": r"/mepassad/(wire|people|clock)",
}
"""Stage → the files that are its own. A sample belongs to the stage of its innermost frame that has one."""

_BASE = r"/\.venv/|/bench/|/mepassad/(node|cli/\w+|__main__)\.py"  # under every stack, or not the project's
_LOOP = "event loop"  # all else: asyncio between the callbacks, tasks, the kernel's waking


def measure() -> Iterator[Line]:
    """Lines by stage and by line: of a pipeline for each side, of a ping-pong for both sides together."""
    yield from _profile("pipeline", SIDES, MESSAGES, lambda two: stream(two, MESSAGES))
    # Each side sends one and receives one a round trip: one daemon's share of that is the cost of one message.
    yield from _profile("pingpong", {"a": "both"}, TURNS, lambda two: round_trips(two, TURNS))


def _profile(name: str, roles: Mapping[str, str], count: int, work: Callable[[Pair], object]) -> Iterator[Line]:
    with folder() as place:
        outs = {side: place / f"{side}.json" for side in "ab"}
        with pair([(str(SAMPLER), str(out)) for out in outs.values()]) as two:
            stream(two, WARM_UP)
            round_trips(two, WARM_UP)
            before = cpu(two)
            for daemon in (two.a, two.b):
                daemon.send_signal(signal.SIGUSR1)
            work(two)
            for daemon in (two.a, two.b):
                daemon.send_signal(signal.SIGUSR2)
            after = cpu(two)
            stacks = {side: _wait_for(outs[side]) for side in roles}
    for side, role in roles.items():
        where = f"{name}, {role}"
        yield from _stages(where, stacks[side], count)
        other = f"{SIDES[side]}'s threads"
        yield _line(where, "other threads: the store's", (after[other] - before[other]) / count)
        yield from _lines(where, stacks[side], count)


def _wait_for(out: Path) -> dict[str, float]:
    end = time.monotonic() + WRITE_TIMEOUT
    while not out.exists():
        if time.monotonic() > end:
            raise RuntimeError("A daemon wrote no profile.")
        time.sleep(0.01)
    stacks: dict[str, float] = json.loads(out.read_text())
    return stacks


def _stages(where: str, stacks: Mapping[str, float], count: int) -> Iterator[Line]:
    seconds: defaultdict[str, float] = defaultdict(float)
    for stack, used in stacks.items():
        seconds[stage_of(stack.split("\n"))] += used
    for stage, used in _most(seconds):
        yield _line(where, stage, used / count)
    yield _line(where, "loop, in all", sum(seconds.values()) / count)


def _most(seconds: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(seconds.items(), key=lambda item: -item[1])


def stage_of(frames: list[str]) -> str:
    """The stage of a stack, innermost frame first."""
    for frame in frames:
        for stage, files in STAGES.items():
            if re.search(files, frame):
                return stage
    return _LOOP


def _lines(where: str, stacks: Mapping[str, float], count: int) -> Iterator[Line]:
    """The lines of the project in which most is spent, with all that they call outside of it."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for stack, used in stacks.items():
        seconds[_own_line(stack.split("\n"))] += used
    for line, used in _most(seconds)[:HOT]:
        yield _line(where, f"line: {line}", used / count)


def _own_line(frames: list[str]) -> str:
    """The innermost line of the project that does something, else the innermost line."""
    own = (frame for frame in frames if frame.startswith(f"{ROOT}/") and not re.search(_BASE, frame))
    return "/".join(next(own, frames[0]).removeprefix(f"{ROOT}/").split("/")[-3:])


def _line(where: str, name: str, seconds: float) -> Line:
    return {"bench": where, "name": name, "value": rounded(seconds * 1e6), "unit": "us"}
