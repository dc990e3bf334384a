"""Whose folder, whose socket: one daemon a folder, nothing that others could read or change."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from tests.daemon import MEPASSAD, Daemon, Fleet, answers, run


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def start_refused(daemon: Daemon) -> str:
    """Start a daemon that must refuse: what it says."""
    done = run(MEPASSAD, "--config", daemon.config_file)
    assert done.returncode == 1, done
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_a_second_daemon_on_the_same_folder_is_refused_and_told_the_process(fleet: Fleet) -> None:
    (first,) = fleet.start("first")
    second = fleet.daemon("second", node={"data_dir": str(first.data)})
    said = start_refused(second)
    assert f"process {first.pid}" in said
    assert str(first.data) in said
    assert answers(first.socket)
    assert not second.socket.exists()


def test_a_folder_is_free_again_once_its_daemon_was_killed(fleet: Fleet) -> None:
    (daemon,) = fleet.start("one")
    daemon.kill()
    assert daemon.socket.exists()  # stale: it is replaced
    daemon.start()
    assert answers(daemon.socket)


def test_init_is_refused_beside_a_running_daemon(fleet: Fleet) -> None:
    (daemon,) = fleet.start("one")
    done = run(MEPASSAD, "--config", daemon.config_file, "init")
    assert done.returncode == 1
    assert f"process {daemon.pid}" in done.stderr


def test_a_live_socket_is_not_taken_from_its_daemon(fleet: Fleet) -> None:
    (first,) = fleet.start("first")
    second = fleet.daemon("second", rpc={"socket": str(first.socket)})
    assert "already answers" in start_refused(second)
    assert answers(first.socket)


def test_a_file_that_is_no_socket_is_not_replaced(fleet: Fleet) -> None:
    daemon = fleet.daemon("one")
    daemon.socket.parent.mkdir(mode=0o700)
    daemon.socket.write_text("precious")
    assert "not a socket" in start_refused(daemon)
    assert daemon.socket.read_text() == "precious"


@pytest.mark.parametrize("bits", [0o770, 0o707, 0o777, 0o1777])
def test_a_socket_folder_that_others_may_write_to_is_refused(fleet: Fleet, bits: int) -> None:
    daemon = fleet.daemon("one")
    daemon.socket.parent.mkdir()
    daemon.socket.parent.chmod(bits)
    assert "can be written by others" in start_refused(daemon)
    assert mode(daemon.socket.parent) == bits


def test_a_socket_folder_of_another_user_is_refused(fleet: Fleet) -> None:
    if os.geteuid():
        return  # only root can give a folder away
    daemon = fleet.daemon("one")
    daemon.socket.parent.mkdir(mode=0o700)
    os.chown(daemon.socket.parent, 65_534, 65_534)
    assert "belongs to another user" in start_refused(daemon)


def test_a_data_folder_that_others_may_write_to_is_refused(fleet: Fleet) -> None:
    daemon = fleet.daemon("one")
    daemon.data.mkdir()
    daemon.data.chmod(0o777)
    assert "can be written by others" in start_refused(daemon)


def test_a_key_that_others_may_read_stops_the_start(fleet: Fleet) -> None:
    (daemon,) = fleet.start("one")
    assert daemon.stop() == 0
    key = daemon.data / "keys" / "node.key"
    key.chmod(0o644)
    assert "can be read by others" in start_refused(daemon)
    key.chmod(0o600)
    daemon.start()


def test_a_missing_socket_folder_is_made_for_its_user_only(fleet: Fleet) -> None:
    daemon = fleet.daemon("one")
    daemon.configure(rpc={"socket": str(daemon.folder / "new" / "s")})
    daemon.socket = daemon.folder / "new" / "s"
    before = os.umask(0)
    try:
        daemon.start()
    finally:
        os.umask(before)
    assert mode(daemon.socket.parent) == 0o700
    assert mode(daemon.socket) == 0o600
    assert stat.S_ISSOCK(daemon.socket.stat().st_mode)
    daemon.stop()
    assert not daemon.socket.exists()


def test_no_file_of_the_data_folder_can_be_read_by_others_whatever_the_umask(fleet: Fleet) -> None:
    daemon = fleet.daemon("one")
    before = os.umask(0)
    try:
        daemon.start()
    finally:
        os.umask(before)
    found = sorted(daemon.data.rglob("*"))
    assert {path.name for path in found} >= {"keys", "node.db", "node.key", "lock"}
    for path in (daemon.data, *found):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_a_path_too_long_for_a_socket_is_named_before_anything_is_made(fleet: Fleet) -> None:
    daemon = fleet.daemon("one", rpc={"socket": "/tmp/" + "x" * 120})
    done = run(MEPASSAD, "--config", daemon.config_file)
    assert done.returncode == 2
    assert "107" in done.stderr
    assert not daemon.data.exists()


def test_a_port_that_is_taken_is_named_and_nothing_is_left_running(fleet: Fleet) -> None:
    daemon = fleet.daemon("one")
    with socket.socket() as other:
        other.bind(("127.0.0.1", daemon.port()))
        other.listen()
        assert str(daemon.port()) in start_refused(daemon)
        assert not daemon.socket.exists()
    daemon.start()
