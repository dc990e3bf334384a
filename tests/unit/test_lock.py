"""One daemon for one data folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mepassad import lock
from mepassad.errors import AlreadyRunning

HOLDER = """
import sys, pathlib
from mepassad import lock
with lock.hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_and_told_the_first_ones_process(tmp_path: Path) -> None:
    with lock.hold(tmp_path), pytest.raises(AlreadyRunning) as caught, lock.hold(tmp_path):
        pass
    assert caught.value.data == {"pid": str(os.getpid())}
    assert str(os.getpid()) in caught.value.sentence
    assert str(tmp_path) in caught.value.sentence


def test_a_folder_is_free_again_after_its_holder_left_or_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock.hold(tmp_path):
        raise ZeroDivisionError
    with lock.hold(tmp_path):
        pass
    with lock.hold(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_process_that_was_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match=str(holder.pid)), lock.hold(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with lock.hold(tmp_path):
        pass


def test_junk_in_a_lock_that_is_held_is_no_process_number(tmp_path: Path) -> None:
    with lock.hold(tmp_path):
        (tmp_path / "lock").write_bytes(b"\xff\xfe not a number")
        with pytest.raises(AlreadyRunning), lock.hold(tmp_path):
            pass
        (tmp_path / "lock").write_bytes(b"")
        with pytest.raises(AlreadyRunning, match="unknown"), lock.hold(tmp_path):
            pass


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"), lock.hold(tmp_path):
        pass
    assert (tmp_path / "elsewhere").read_text() == "precious"
