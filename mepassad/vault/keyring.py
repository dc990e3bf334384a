"""The keyring of the operating system, where there is one: the optional distribution `keyring`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mepassad.api.types import Secret
from mepassad.errors import KeyringMissing

SERVICE = "mepassad"


def read(folder: Path) -> Secret | None:
    """The passphrase kept for a data folder; None where none is. Raises `KeyringMissing`."""
    found: str | None = _call("get_password", folder)
    return None if found is None else Secret(found.encode("utf-8", "surrogateescape"))


def keep(folder: Path, passphrase: Secret) -> None:
    """Keep a data folder's passphrase. Raises `KeyringMissing`, also where a keyring keeps nothing."""
    _call("set_password", folder, bytes(passphrase).decode())
    if read(folder) != passphrase:
        raise KeyringMissing("The keyring of the operating system does not give back what it was given.")


def drop(folder: Path) -> None:
    """Forget a data folder's passphrase, if there is one. Raises `KeyringMissing`."""
    if read(folder) is not None:
        _call("delete_password", folder)


def _call(name: str, folder: Path, *rest: str) -> Any:
    try:
        import keyring
    except ImportError:
        raise KeyringMissing(
            "The keyring of the operating system needs the package `keyring`: pip install mepassad[keyring]"
        ) from None
    try:
        return getattr(keyring, name)(SERVICE, str(folder), *rest)
    except Exception as error:  # each backend has errors of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise KeyringMissing(f"The keyring of the operating system cannot be used: {reason}") from None
