"""What was confirmed is on the disk: seen by strace, and after SIGKILL."""

import random
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

COMMITTING = Path(__file__).with_name("committing.py")
WRITTEN = re.compile(r"pwrite64\(\d+<[^>]*-wal>")
SYNCED = re.compile(r"f(data)?sync(\(\d+<[^>]*-wal>| resumed>)\) += 0")  # the call has returned
REPLIED = re.compile(r"write\(1<[^>]*>, \"(\d+)\\n\"")


def command(path: Path, count: int, callers: int, *synchronous: str) -> list[str]:
    return [sys.executable, str(COMMITTING), str(path), str(count), str(callers), *synchronous]


def replies_before_a_sync(calls: Iterable[str]) -> list[int]:
    """Replies that were written although the log was not synced after it was last written to."""
    early = []
    written = synced = False
    for call in calls:
        if WRITTEN.search(call):
            written, synced = True, False
        elif SYNCED.search(call):
            synced = True
        elif reply := REPLIED.search(call):
            if not (written and synced):
                early.append(int(reply[1]))
            written = False
    return early


def traced(folder: Path, *synchronous: str) -> list[str]:
    trace = folder / "trace"
    strace = ["strace", "-f", "-y", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", str(trace)]
    done = subprocess.run(
        [*strace, *command(folder / "s" / "node.db", 20, 1, *synchronous)], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, [b"%d" % n for n in range(1, 21)]), done.stderr
    return trace.read_text().splitlines()


def test_the_log_is_synced_before_a_commit_is_confirmed(tmp_path: Path) -> None:
    assert replies_before_a_sync(traced(tmp_path)) == []


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_the_trace_betrays_a_store_that_does_not_sync(tmp_path: Path, synchronous: str) -> None:
    assert len(replies_before_a_sync(traced(tmp_path, synchronous))) >= 19


def killed_after(path: Path, replies: int) -> list[int]:
    """Commit with eight callers, kill the process after some replies; the numbers of all that were confirmed."""
    process = subprocess.Popen(command(path, 1_000_000, 8), stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as output:
        lines = [output.readline() for _ in range(replies)]
        process.kill()
        lines += output.readlines()
    process.wait()
    return [int(line) for line in lines if line.endswith(b"\n")]


def test_nothing_confirmed_is_lost_and_nothing_is_half_kept_by_a_kill(tmp_path: Path) -> None:
    rng = random.Random(3)
    path = tmp_path / "s" / "node.db"
    confirmed: set[int] = set()
    for _ in range(6):
        confirmed.update(killed_after(path, rng.randrange(1, 400)))
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            kept = {int(id[-6:]) for (id,) in database.execute("SELECT id FROM message")}
            assert confirmed <= kept == set(range(1, len(kept) + 1))
            assert {int(id[-6:]) for (id,) in database.execute("SELECT object FROM event")} == kept
            assert {int(id[7:]) for (id,) in database.execute("SELECT id FROM outgoing")} == kept
            assert database.execute("SELECT version FROM session").fetchall() == [(len(kept),)]
