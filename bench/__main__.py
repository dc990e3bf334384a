"""`python -m bench [workload [N] …]`: run workloads, JSON lines on stdout. `--help` lists them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from bench import bots, budget, directory, experiment, mailbox, relay, soak, strangers, traffic, workloads
from bench.results import Line, Result, aimed, dump, summary, table

HERE = Path(__file__).resolve().parent
DISTRIBUTIONS = ("mepassad", "libp2p", "cryptography", "trio", "anyio", "msgspec", "protobuf")


def floor() -> Iterator[Result]:
    """Bare py-libp2p in the same run (bench/floor.py)."""
    for line in _script("floor.py"):
        yield Result(line["bench"], line["name"], line["value"], line["unit"])


WORKLOADS: Mapping[str, Callable[[], Iterable[Result]]] = {
    "floor": floor,
    "pingpong": workloads.pingpong,
    "pipeline": workloads.pipeline,
    "cold-start": workloads.cold_start,
    "rss": workloads.rss,
    "bots": bots.bots,
}
"""Over real daemons, in every run; without arguments, all of them."""

ONCE: Mapping[str, Callable[..., Iterable[Line]]] = {
    "peers": strangers.peers,
    "churn": strangers.churn,
    "directory": directory.directory,
    "soak": soak.soak,
    "mailbox": mailbox.mailbox,
    "traffic": traffic.traffic,
    "mailbox-peers": strangers.clients,
    "relay": relay.relay,
    "iroh": experiment.compare,
}
"""Once, and only when named; a number after the name says how many, or how many seconds."""

SCRIPTS = {"crypto": "crypto.py", "store": "store.py"}
"""Parts measured alone, once, and only when named."""


def _script(name: str) -> Iterator[Line]:
    done = subprocess.run([sys.executable, str(HERE / name)], stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        yield json.loads(line)


def conditions() -> Line:
    """Where and on what this is measured."""
    return {
        "bench": "conditions",
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in DISTRIBUTIONS},
    }


def measure(names: Mapping[str, list[int]], runs: int) -> Iterator[Line]:
    """The lines of these workloads; all workloads of a run follow each other, so that their ratios mean something."""
    yield conditions()
    daemons = [name for name in names if name in WORKLOADS]
    yield from aimed(summary([[result for name in daemons for result in WORKLOADS[name]()] for _ in range(runs)]))
    for name, number in names.items():
        if name in SCRIPTS:
            yield from _script(SCRIPTS[name])
        elif name in ONCE:
            yield from ONCE[name](*number)


def numbered(words: Iterable[str]) -> dict[str, list[int]]:
    """Workloads, each with the number that follows its name, if any. Raises ValueError with a sentence."""
    found: dict[str, list[int]] = {}
    name = ""
    for word in words:
        if word.isdecimal() and name in ONCE and not found[name]:
            found[name] = [max(1, int(word))]
        elif word in EVERY:
            name = word
            found[name] = []
        else:
            raise ValueError(f"no such workload: {word}; there are {', '.join(EVERY)}")
    return found


def options() -> argparse.Namespace:
    """The command line."""
    listed = "\n".join(f"  {name:<12}{(text or '').splitlines()[0]}" for name, text in EVERY.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        usage="python -m bench [options] [workload [N] ...]",
        description=f"workloads (without any: {', '.join(WORKLOADS)}):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("workloads", nargs="*", metavar="workload", default=list(WORKLOADS))
    parser.add_argument("--runs", type=int, default=3, help="how often; medians are shown (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the JSON lines to this file as well")
    parser.add_argument("--table", action="store_true", help="show a table on stderr at the end")
    parser.add_argument("--profile", action="store_true", help="instead, the CPU of one message by stage and by line")
    chosen = parser.parse_args()
    try:
        chosen.workloads = numbered(chosen.workloads)
    except ValueError as error:
        parser.error(str(error))
    return chosen


EVERY = {
    **{name: run.__doc__ for name, run in (*WORKLOADS.items(), *ONCE.items())},
    **dict.fromkeys(SCRIPTS, "A part, alone."),
}
"""All workloads, with what each is."""


def main() -> int:
    """Run what the command line asks for; 1 when something that has to stay flat did not."""
    chosen = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # daemons are ended however this is
    lines = []
    for line in budget.measure() if chosen.profile else measure(chosen.workloads, chosen.runs):
        lines.append(line)
        print(dump(line), flush=True)
    if chosen.out:
        chosen.out.write_text("".join(dump(line) + "\n" for line in lines))
    if chosen.table:
        print(table(lines), file=sys.stderr)
    return int(not all(line.get("flat", True) for line in lines))


if __name__ == "__main__":
    sys.exit(main())
