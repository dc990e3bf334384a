"""The experiment with iroh: its figures and its keeping of the contract, beside libp2p's in the same run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from bench.verdict import Line

MISSING = "iroh is not installed, and the project does not need it. To measure it: .venv/bin/uv pip install iroh"
KINDS = ("libp2p", "iroh")
_ROOT = Path(__file__).resolve().parents[1]


def compare() -> Iterator[Line]:
    """A transport over iroh beside the one over libp2p: two processes each, and which of the contract's tests pass."""
    if find_spec("iroh") is None:
        sys.exit(MISSING)
    for kind in KINDS:
        yield from _figures(kind)
    yield from _contract()


def _figures(kind: str) -> Iterator[Line]:
    """Of two processes of one kind (bench/transports.py)."""
    command = [sys.executable, "-m", "bench.transports", kind]
    begin = time.perf_counter()
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as listener:
        try:
            assert listener.stdout is not None
            place = json.loads(listener.stdout.readline())
            yield _line(kind, "cold start", (time.perf_counter() - begin) * 1e3, "ms")
            measure = [*command, place["id"], *place["addresses"]]
            dialler = subprocess.run(measure, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=True)
            for line in dialler.stdout.splitlines():
                yield _line(kind, **json.loads(line))
        finally:
            listener.kill()


def _line(kind: str, name: str, value: float, unit: str) -> Line:
    return {"bench": f"transport {kind}", "name": name, "value": float(f"{value:.4g}"), "unit": unit}


def _contract() -> Iterator[Line]:
    """How many tests of the contract pass over iroh, and which do not."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-cov", "-p", "no:cacheprovider", "bench/contract_iroh.py"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    yield {"bench": "transport iroh", **outcome(done.stdout)}


def outcome(said: str) -> Line:
    """What pytest's last lines say: how many passed, and the names of those that failed."""
    passed = re.search(r"(\d+) passed", said)
    failed = re.findall(r"^(?:FAILED|ERROR) \S*::(\w+)", said, re.MULTILINE)
    return {"contract passed": int(passed[1]) if passed else 0, "contract failed": failed}
