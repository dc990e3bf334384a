"""Private keys on disk: files that only the user can read, in PEM, or sealed where the folder has a passphrase."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api.types import Account
from mepassad.errors import StoreBroken, UnsafePath, VaultMissing
from mepassad.i18n import _
from mepassad.vault.vault import KEY_FILE, OVERHEAD, VERSION, Vault, place

_NEW = ".new"  # end of the name of a file that is to replace another
_CHUNK = 1 << 20  # bytes overwritten at once


class KeyFiles:
    """The folder of key files, by name. With a vault, what is written is sealed, bound to the file's name."""

    def __init__(self, folder: Path, vault: Vault | None) -> None:
        """`folder`: made 0700 already."""
        self.folder, self.vault = folder, vault

    def path(self, name: str) -> Path:
        """The file of a name."""
        return self.folder / name

    def write(self, name: str, seed: bytes) -> None:
        """Keep an Ed25519 seed (32 bytes) in a new file; an existing one is an error (FileExistsError)."""
        write_private(self.path(name), self._sealed(name, seed) if self.vault else _pem(seed))

    def read(self, name: str) -> bytes:
        """The seed in a file, sealed or not. Raises as `read_key`, and `VaultBroken`, `VaultMissing`."""
        path = self.path(name)
        check_private(path)
        data = path.read_bytes()
        if not data.startswith(VERSION) or len(data) != OVERHEAD + 32:
            return read_key(path)
        if self.vault is None:
            raise VaultMissing
        return self.vault.open(KEY_FILE, place(name), data)

    def plain(self) -> list[str]:
        """The names of the files that are not sealed. Raises `UnsafePath`, `StoreBroken`."""
        paths = sorted(self.folder.glob("*.key"))
        for path in paths:
            check_private(path)
        return [path.name for path in paths if not path.read_bytes().startswith(VERSION)]

    def seal(self, names: Iterable[str]) -> None:
        """Seal these files; each is whole, before or after, whatever happens."""
        for name in names:
            replace_private(self.path(name), self._sealed(name, self.read(name)))

    def open_all(self) -> None:
        """Write all files as PEM again."""
        for path in sorted(self.folder.glob("*.key")):
            replace_private(path, _pem(self.read(path.name)))

    def tidy(self) -> None:
        """Erase what an interrupted change of a file left behind: it may hold a plain key."""
        for path in self.folder.glob(f"*{_NEW}"):
            erase(path)

    def _sealed(self, name: str, seed: bytes) -> bytes:
        assert self.vault is not None  # noqa: S101 (who seals has a vault)
        return self.vault.seal(KEY_FILE, place(name), seed)


def write_private(path: Path, data: bytes) -> None:
    """Write a new file 0600, durable when this returns; an existing one is an error (FileExistsError)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path)


def write_words(words: str, folder: Path, account: Account) -> Path:
    """Keep an account's 24 words in a new file 0600, where nobody sits at a terminal; returns its path."""
    path = folder / f"recovery-words-{account.id[-8:]}.txt"
    write_private(path, (words + "\n").encode())
    return path


def replace_private(path: Path, data: bytes) -> None:
    """Put a file 0600 in its place, durably: whatever happens, it is there whole, or what was there before is. The
    bytes of that are overwritten then."""
    new = path.with_name(path.name + _NEW)
    new.unlink(missing_ok=True)
    write_private(new, data)
    old = path.open("r+b") if path.exists() else None
    new.replace(path)
    _sync_folder(path)
    if old:
        with old:
            _overwrite(old)


def erase(path: Path) -> None:
    """Delete a file durably, then overwrite its bytes, as far as disk and file system write where they read. Of a
    symbolic link, only the link goes: what it leads to is not this folder's."""
    if path.is_symlink():
        path.unlink()
        return
    with path.open("r+b") as file:
        path.unlink()
        _sync_folder(path)
        _overwrite(file)


def _overwrite(file: BinaryIO) -> None:
    left = os.fstat(file.fileno()).st_size
    while left:
        left -= file.write(bytes(min(left, _CHUNK)))
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _pem(seed: bytes) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_key(path: Path, seed: bytes) -> None:
    """Keep an Ed25519 seed (32 bytes) as PKCS #8 PEM (RFC 8410)."""
    write_private(path, _pem(seed))


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
    if not stat.S_ISREG(found.st_mode):
        raise StoreBroken(f"{path} is no file; restore it from a backup.")
    if found.st_uid != os.geteuid():
        raise UnsafePath(_("{path} belongs to another user; it must be yours.").format(path=path))
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise UnsafePath(_("{path} can be read by others; run: chmod 600 {path}").format(path=path))


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
        raise UnsafePath(_("{path} belongs to another user; it must be yours.").format(path=path))
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise UnsafePath(f"{path} can be written by others; run: chmod 700 {path}")
    return path


def closed_folder(path: Path) -> Path:
    """As `private_folder`, and others may not even look into it: its names tell of accounts. Raises `UnsafePath`."""
    if stat.S_IMODE(private_folder(path).stat().st_mode) & 0o077:
        raise UnsafePath(f"{path} can be entered by others; run: chmod 700 {path}")
    return path
