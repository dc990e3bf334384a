"""mypy, and so an editor, knows what the client takes and gives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CHECKED = Path(__file__).with_name("typed_client.py")


def test_mypy_finds_what_is_wrong_and_nothing_else() -> None:
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--warn-unreachable", str(CHECKED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    found = {int(line) for line in re.findall(r"typed_client\.py:(\d+): error", done.stdout)}
    lines = CHECKED.read_text(encoding="utf-8").splitlines()
    assert found == {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}, done.stdout
    assert len(found) >= 10
