"""Workloads and profiler over real daemons, in short; the floor stays what it was."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.budget import SAMPLER, STAGES, stage_of
from bench.client import Client
from bench.daemons import LOCAL_ONLY, Daemon, folder, pair
from bench.workloads import cpu, flow, round_trips, stream

ROOT = Path(__file__).resolve().parents[3]
FLOOR = "a2b3bcea83c7a764e570974456dd5e18f4e42696d6a27aa4cc0f63be62d8ed3c"


def test_the_floor_is_the_file_that_all_results_were_compared_to() -> None:
    assert hashlib.sha256((ROOT / "bench/floor.py").read_bytes()).hexdigest() == FLOOR


def test_messages_pass_both_ways_and_their_cpu_time_is_seen() -> None:
    with pair() as two:
        before = cpu(two)
        times = round_trips(two, 3)
        seconds = stream(two, 60)
        waits = flow(two.turned(), 60).waits
        after = cpu(two)

    assert len(times) == 3
    assert 0 < seconds < 30
    assert len(waits) == 60
    assert all(wait > 0 for wait in waits)
    assert all(after[name] > before[name] for name in before)


def test_a_daemon_that_ends_at_once_is_reported_with_its_log() -> None:
    with folder() as place:
        daemon = Daemon(place / "node", launcher=("-c", "import sys; sys.exit('no luck today')"))
        with pytest.raises(RuntimeError, match="no luck today"):
            daemon.start()
        daemon.stop()


def test_the_sampler_finds_what_the_daemon_does() -> None:
    with folder() as place:
        out = place / "profile.json"
        daemon = Daemon(place / "node", LOCAL_ONLY, (str(SAMPLER), str(out)))
        try:
            daemon.start()
            client = Client(daemon.socket)
            daemon.send_signal(signal.SIGUSR1)
            for _ in range(1000):
                client.call("system.hello")
            client.close()
            daemon.send_signal(signal.SIGUSR2)
            end = time.monotonic() + 10
            while not out.exists() and time.monotonic() < end:
                time.sleep(0.01)
            stacks = json.loads(out.read_text())
        finally:
            daemon.stop()

    assert any(stage_of(stack.split("\n")) == "RPC" for stack in stacks)
    assert 0 < sum(stacks.values()) < 10


def test_a_stack_belongs_to_its_innermost_stage() -> None:
    loop = "/lib/asyncio/base_events.py:1:run"
    ours = [
        "/lib/cryptography/aead.py:1:encrypt",
        "/x/mepassad/builtin/crypto_signal/keys.py:1:seal",
        "/x/mepassad/rpc/session.py:1:_run",
        loop,
    ]

    assert stage_of(ours) == "ratchet"
    assert stage_of(ours[2:]) == "RPC"
    assert stage_of(["/x/mepassad/node.py:1:run", loop]) == "event loop"
    assert "event loop" not in STAGES


def test_the_command_writes_json_lines_to_stdout_and_a_file_and_a_table_to_stderr(tmp_path: Path) -> None:
    out = tmp_path / "lines.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "floor", "--runs", "1", "--table", "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, timeout=50,
    )  # fmt: skip

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert lines[0]["bench"] == "conditions"
    assert {line["name"] for line in lines[1:]} >= {"one-way p50", "one-way p99", "frames, 1 a write"}
    assert out.read_text() == done.stdout
    assert "one-way p50" in done.stderr


def test_an_unknown_workload_is_refused_with_the_names_that_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "pingpnog"], cwd=ROOT, capture_output=True, text=True, timeout=50
    )

    assert done.returncode == 2
    assert "no such workload: pingpnog; there are floor, pingpong" in done.stderr
