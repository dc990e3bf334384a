"""The Unix socket's file: made where only its user can reach it, a stale one replaced, a live one respected."""

from __future__ import annotations

import grp
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mepassad.errors import ConfigError, SocketInUse, UnsafePath
from mepassad.people.keyfiles import private_folder

MAX_PATH = 107
"""Bytes of a socket's path; the kernel's `sun_path` has 108 with the final zero (unix(7))."""

_PROBE_SECONDS = 1.0
_BACKLOG = 128


@contextmanager
def listening(path: Path, group: str = "", key: str = "rpc.socket") -> Iterator[socket.socket]:
    """A listening socket at `path`, 0600, whose file goes when this is left. Makes a missing folder 0700.

    With a `group`, its members may open it: 0660, in a folder 0750. `key` of the configuration names the path.

    Raises `ConfigError` (path too long, no such group or one that the node's user is not in), `UnsafePath` (folder of
    another or writable by others, it cannot be made, or the file is no socket) and `SocketInUse` (a daemon answers).
    """
    if (size := len(os.fsencode(path))) > MAX_PATH:
        raise ConfigError(f"{key} is {size} bytes long, a socket's path has at most {MAX_PATH}: {path}")
    members = _open_folder(path.parent, group) if group else None
    if members is None:
        private_folder(path.parent)
    _make_way(path, key)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(os.fspath(path))
        except OSError as error:
            raise UnsafePath(f"{path} cannot be made: {error.strerror}; choose another {key}.") from None
        if members is not None:
            os.chown(path, -1, members)
        path.chmod(0o600 if members is None else 0o660)  # before it listens, so that the umask does not matter
        inode = path.lstat().st_ino
        try:
            listener.listen(_BACKLOG)
            yield listener
        finally:
            _remove(path, inode)


def _open_folder(folder: Path, group: str) -> int:
    """Let a group into the folder of a socket, but not write there; the group's number."""
    try:
        members = grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigError(f"rpc.bots_group: this machine has no group '{group}'; make it, or name another.") from None
    try:
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            os.chown(folder, -1, members)
            folder.chmod(0o750)
    except PermissionError:
        raise ConfigError(
            f"rpc.bots_group: the user of the node may not give {folder} to the group '{group}'; add it to that group."
        ) from None
    except OSError as error:
        raise UnsafePath(
            f"The folder {folder} cannot be made: {error.strerror}; choose another rpc.bots_socket."
        ) from None
    status = folder.stat()
    if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
        raise UnsafePath(
            f"{folder} belongs to another user, or others may write to it; choose another rpc.bots_socket."
        )
    if not (status.st_mode & 0o001 or (status.st_gid == members and status.st_mode & 0o010)):
        raise ConfigError(f"rpc.bots_socket: {folder} is closed to the group '{group}'; choose a folder of its own.")
    return members


def _make_way(path: Path, key: str) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise UnsafePath(f"{path} is not a socket; move it away, or choose another {key}.")
    if _answers(path):
        raise SocketInUse(f"Another daemon already answers on {path}.", path=str(path))
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except (TimeoutError, BlockingIOError):
            return True  # alive, but too busy to accept
    return True


def _remove(path: Path, inode: int) -> None:
    with suppress(FileNotFoundError):
        if path.lstat().st_ino == inode:  # else it is somebody else's by now
            path.unlink()


def peer_uid(connection: socket.socket) -> int | None:
    """The user at the other end (SO_PEERCRED, unix(7)); None where the system cannot say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    size = struct.calcsize("3i")
    return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1])
