"""`make demo`: what it shows is true, it stops by itself, and nothing of it stays."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ("-m", "scripts.demo")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="mepassa-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def shown(place: Path, *demo: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *demo], env={"TMPDIR": str(place)}, cwd=ROOT, capture_output=True, text=True, timeout=110
    )


def processes_of(place: Path) -> list[str]:
    lines = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in lines.splitlines() if str(place) in line]


def test_the_demo_shows_every_state_survives_a_kill_and_leaves_nothing_behind(place: Path) -> None:
    done = shown(place, *DEMO)

    assert (done.returncode, done.stderr) == (0, "")
    table = re.findall(r"^  \S.*?((?: +\d+\.\d){5}) +direct$", done.stdout, re.MULTILINE)
    assert len(table) == 4
    for numbers in table:
        queued, sent, delivered, read, echo = map(float, numbers.split())
        assert queued > 0
        assert sent <= delivered <= read
        assert queued < echo
    assert re.search(r"meanwhile +state queued", done.stdout)
    assert re.search(r"delivered +\d+\.\d ms after the start, direct", done.stdout)
    assert "each side has it exactly once" in done.stdout
    assert list(place.iterdir()) == []
    assert processes_of(place) == []


def test_the_hybrid_demo_shows_a_message_on_each_route(place: Path) -> None:
    done = shown(place, "-m", "scripts.demo_hybrid")

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    routes = re.findall(r"^  (direct|relayed|mailbox) +queued \d+\.\d ms, sent", done.stdout, re.MULTILINE)
    assert routes == ["direct", "relayed", "mailbox"]
    assert re.search(r"ana +back, knows that it was delivered .* mailbox", done.stdout)
    assert "has it exactly once" in done.stdout
    assert list(place.iterdir()) == []
    assert processes_of(place) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(place: Path, number: signal.Signals) -> None:
    running = subprocess.Popen(
        [sys.executable, *DEMO],
        env={"TMPDIR": str(place)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    for line in running.stdout:
        if "echo.py" in line:  # all processes run
            break
    running.send_signal(number)
    _, errors = running.communicate(timeout=50)

    assert (running.returncode, errors) == (130, "")
    assert list(place.iterdir()) == []
    assert processes_of(place) == []


def test_a_node_that_cannot_start_fails_the_demo_with_its_own_sentence(place: Path) -> None:
    deep = place / ("d" * 100)  # no socket fits into a path of this length
    deep.mkdir()

    done = shown(deep, *DEMO)

    assert done.returncode == 1
    assert "ana did not start" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(deep.iterdir()) == []
    assert processes_of(place) == []
