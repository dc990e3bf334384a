"""What a bot keeps: its place among the events, in a file of its own, and how often it answered."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mepassa import Bot, StateUnreadable
from mepassa.cursor import CursorFile, default_state
from mepassa.pace import MAX_ANSWERS, WINDOW, Pace
from wire_node import ME


def test_the_answers_of_the_last_window_count_and_older_ones_do_not() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert [pace.allows("ana") for _ in range(MAX_ANSWERS + 1)] == [True] * MAX_ANSWERS + [False]
    assert pace.allows("bia")
    now = WINDOW - 0.1
    assert not pace.allows("ana")
    now = WINDOW
    assert [pace.allows("ana") for _ in range(MAX_ANSWERS + 1)] == [True] * MAX_ANSWERS + [False]


def test_a_warning_is_due_once_a_window_for_each_contact() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    assert [pace.warns("ana"), pace.warns("ana"), pace.warns("bia")] == [True, False, True]
    now = WINDOW - 0.1
    assert not pace.warns("ana")
    now = WINDOW
    assert pace.warns("ana")


@pytest.mark.parametrize("name", ["", "../up", "Echo", "a" * 33])
def test_a_bots_name_is_a_safe_file_name(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 32"):
        Bot(name)


def test_the_state_file_is_private_and_so_is_its_folder(tmp_path: Path) -> None:
    cursor = CursorFile(tmp_path / "states" / "echo.json")
    cursor.save(ME, 7)
    assert stat.S_IMODE(cursor.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(cursor.path.parent.stat().st_mode) == 0o700
    assert cursor.load(ME) == 7


def test_a_place_kept_for_another_account_is_not_taken(tmp_path: Path) -> None:
    cursor = CursorFile(tmp_path / "echo.json")
    cursor.save(ME, 7)
    assert cursor.load("mp1other") is None


@given(st.binary(max_size=60))
def test_any_state_file_loads_or_is_unreadable(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "s").write_bytes(content)
        try:
            CursorFile(Path(folder, "s")).load(ME)
        except StateUnreadable:
            return


def test_the_state_file_is_in_the_users_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert default_state("echo") == Path("/home/ana/.local/state/mepassa/echo.json")
    monkeypatch.setenv("XDG_STATE_HOME", "/states")
    assert default_state("echo") == Path("/states/mepassa/echo.json")
