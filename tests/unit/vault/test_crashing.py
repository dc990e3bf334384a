"""A change of the passphrase that is interrupted at any of its steps loses nothing and leaves no half."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def steps(request: pytest.FixtureRequest, tmp_path: Path) -> list[dict[str, Any]]:
    """What was left after each number of steps of an action; the last one is that of all steps."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.vault.crashing", request.param, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["code"] for one in found] == [9] * (len(found) - 1) + [0]
    return found


@pytest.mark.parametrize("steps", ["set"], indirect=True)
def test_a_sealing_is_finished_by_the_next_start_or_by_another_set(steps: list[dict[str, Any]]) -> None:
    assert len(steps) > 20
    for one in steps:
        assert one["old"] is True  # all rows and keys are there, given the passphrase
        assert one["new"] == ("WrongPassphrase" if one["vault"] else True)
        assert one["plain"] == [] or not one["vault"]  # while the node runs
        assert one["again"] in (None, "PassphraseExists")
        assert one["whole again"]
        assert one["plain again"] == []
    assert not steps[0]["vault"]
    assert steps[-1] == {**steps[-1], "vault": True, "plain": []}


@pytest.mark.parametrize("steps", ["change"], indirect=True)
def test_a_change_leaves_either_the_old_passphrase_or_the_new_one(steps: list[dict[str, Any]]) -> None:
    assert len(steps) > 5
    assert all(one["plain"] == [] and one["vault"] for one in steps)
    opens = [(one["old"], one["new"]) for one in steps]
    old, new = (True, "WrongPassphrase"), ("WrongPassphrase", True)
    assert opens == [old] * opens.count(old) + [new] * opens.count(new)
    assert opens[0] == old
    assert opens[-1] == new


@pytest.mark.parametrize("steps", ["remove"], indirect=True)
def test_a_removal_that_did_not_end_leaves_all_sealed_and_can_be_tried_again(steps: list[dict[str, Any]]) -> None:
    assert len(steps) > 12
    for one in steps:
        assert one["old"] is True
        assert (one["plain"] == []) == one["vault"]
        assert one["again"] == (None if one["vault"] else "NoPassphrase")
        assert one["whole again"]
        assert {"node.key", "mp1ana.key"} <= set(one["plain again"])
    assert not steps[-1]["vault"]
