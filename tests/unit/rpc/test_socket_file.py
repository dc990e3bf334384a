"""Where the socket lies, and who may reach it."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from mepassad.errors import ConfigError, SocketInUse, UnsafePath
from mepassad.rpc.socket_file import MAX_PATH, listening, peer_uid


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_socket_and_folder_are_the_users_alone_whatever_the_umask(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with listening(folder / "run" / "s"):
            assert (mode(folder / "run"), mode(folder / "run" / "s")) == (0o700, 0o600)
    finally:
        os.umask(before)


def test_the_file_goes_when_the_server_ends(folder: Path) -> None:
    with listening(folder / "s"):
        pass
    assert not (folder / "s").exists()


def test_a_file_that_another_server_put_in_its_place_stays(folder: Path) -> None:
    with listening(folder / "s"):
        (folder / "s").unlink()
        (folder / "s").touch()
    assert (folder / "s").exists()


def test_a_stale_socket_is_replaced(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "s"))
    with listening(folder / "s"), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(folder / "s"))


def test_a_live_socket_is_respected(folder: Path) -> None:
    with listening(folder / "s"):
        with pytest.raises(SocketInUse, match=str(folder / "s")), listening(folder / "s"):
            pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(folder / "s"))


def test_a_live_socket_that_is_too_busy_to_accept_is_respected(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(folder / "s"))
        busy.listen(0)
        waiting.connect(str(folder / "s"))
        with pytest.raises(SocketInUse), listening(folder / "s"):
            pass


@pytest.mark.parametrize("bits", [0o770, 0o707, 0o720, 0o702])
def test_a_folder_that_others_may_write_is_refused(folder: Path, bits: int) -> None:
    folder.chmod(bits)
    with pytest.raises(UnsafePath, match="chmod"), listening(folder / "s"):
        pass


def test_a_folder_that_others_may_only_read_is_accepted(folder: Path) -> None:
    folder.chmod(0o755)
    with listening(folder / "s"):
        assert mode(folder / "s") == 0o600


def test_a_folder_of_somebody_else_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(UnsafePath, match="another user"), listening(folder / "s"):
        pass


def test_a_file_that_is_no_socket_is_not_touched(folder: Path) -> None:
    (folder / "s").write_text("precious")
    with pytest.raises(UnsafePath, match="not a socket"), listening(folder / "s"):
        pass
    assert (folder / "s").read_text() == "precious"


def test_a_path_of_107_bytes_works_and_of_108_is_refused(folder: Path) -> None:
    fits = folder / ("s" * (MAX_PATH - len(str(folder)) - 1))
    with listening(fits):
        pass
    with pytest.raises(ConfigError, match="108 bytes"), listening(Path(f"{fits}s")):
        pass


def test_the_kernel_tells_who_is_at_the_other_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()
