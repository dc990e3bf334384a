"""Private keys on disk: PEM files that only the user can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.errors import StoreBroken, UnsafePath


def write_private(path: Path, data: bytes) -> None:
    """Write a new file 0600, durable when this returns; an existing one is an error (FileExistsError)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_key(path: Path, seed: bytes) -> None:
    """Keep an Ed25519 seed (32 bytes) as PKCS #8 PEM (RFC 8410)."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(path, pem)


def read_key(path: Path) -> bytes:
    """The seed in a key file. Raises `UnsafePath` where others may read it, `StoreBroken` where there is no key."""
    check_private(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, OSError, TypeError) as error:
        raise StoreBroken(f"{path} is not a readable key file; restore it from a backup.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreBroken(f"{path} holds no Ed25519 key; restore it from a backup.")
    return key.private_bytes_raw()


def check_private(path: Path) -> None:
    """Raise `UnsafePath` unless the file is the user's own and only theirs, `StoreBroken` where there is none."""
    try:
        found = path.stat()
    except OSError as error:
        raise StoreBroken(f"{path} cannot be read ({error.strerror}); restore it from a backup.") from error
    if found.st_uid != os.geteuid():
        raise UnsafePath(f"{path} belongs to another user; it must be yours.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise UnsafePath(f"{path} can be read by others; run: chmod 600 {path}")


def private_folder(path: Path) -> Path:
    """Make a folder 0700, or check that an existing one is the user's and not writable by others.

    Raises `UnsafePath`, also where there can be no such folder.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise UnsafePath(f"The folder {path} cannot be made: {error.strerror}; choose a place of yours.") from error
    if found.st_uid != os.geteuid():
        raise UnsafePath(f"{path} belongs to another user; it must be yours.")
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise UnsafePath(f"{path} can be written by others; run: chmod 700 {path}")
    return path
