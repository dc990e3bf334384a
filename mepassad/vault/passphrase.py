"""Passphrases: what is one, and where the node looks for its own: credential, file, keyring, terminal."""

from __future__ import annotations

import os
import signal
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from mepassad.api.types import Secret
from mepassad.config.model import Config
from mepassad.errors import InvalidPassphrase, KeyringMissing, PassphraseMissing, StoreBroken, WrongPassphrase
from mepassad.i18n import _
from mepassad.log import StructuredLog
from mepassad.people.keyfiles import check_private
from mepassad.vault import keyring
from mepassad.vault.file import Wrapped, unwrap

MIN_CHARACTERS = 8  # of a passphrase that is set; a person's choice, so this only keeps out the worst
MAX_BYTES = 1024
TRIES = 3  # at a terminal


def passphrase(raw: bytes) -> Secret:
    """The bytes that a passphrase stands for: without one line end, in UTF-8, in the normal form NFKC, so that all
    keyboards give the same. Raises `InvalidPassphrase`."""
    line = raw.removesuffix(b"\n").removesuffix(b"\r")
    if len(line) > MAX_BYTES:
        raise InvalidPassphrase
    try:
        return Secret(unicodedata.normalize("NFKC", line.decode()).encode())
    except UnicodeDecodeError:
        raise InvalidPassphrase from None


def fit(found: Secret) -> Secret:
    """A passphrase that may be set. Raises `InvalidPassphrase` where it is too short."""
    if len(bytes(found).decode()) < MIN_CHARACTERS:
        raise InvalidPassphrase
    return found


def from_file(path: Path) -> Secret:
    """The passphrase in a file of the user's own. Raises `UnsafePath`, `PassphraseMissing`, `InvalidPassphrase`."""
    try:
        check_private(path)
    except StoreBroken as error:
        raise PassphraseMissing(f"The file of the passphrase, {path}, cannot be read.") from error
    return _read(path)


def ask_new() -> Secret:
    """A new passphrase, typed twice. Raises `InvalidPassphrase`, and `PassphraseMissing` without a terminal."""
    if not _terminal():
        raise PassphraseMissing("There is no terminal to ask for the new passphrase; name a file with --from-file.")
    found = fit(_ask(_("New passphrase")))
    if _ask(_("The same once more")) != found:
        raise InvalidPassphrase("The two passphrases are not the same; nothing was changed.")
    return found


def unlock(wrapped: Wrapped, config: Config) -> Secret:
    """The data key of the folder's vault, with the passphrase of the first place that has one.

    Raises `PassphraseMissing`, which names the places, `WrongPassphrase`, `InvalidPassphrase`, `UnsafePath`,
    `VaultMemory`.
    """
    if given := _given(config):
        place, found = given
        try:
            return unwrap(wrapped, found)
        except WrongPassphrase as error:
            raise WrongPassphrase(f"The passphrase in {place} is not that of {config.node.data_dir}.") from error
    if not _terminal():
        raise PassphraseMissing(
            f"The keys in {config.node.data_dir} are sealed and there is no passphrase: give it as the systemd "
            f"credential {config.keys.credential} (LoadCredential=), in a file 0600 that keys.passphrase_file names, "
            "or start mepassad at a terminal."
        )
    return _unlock_by_hand(wrapped)


def _given(config: Config) -> tuple[str, Secret] | None:
    """The first place that holds a passphrase, and that."""
    keys, credentials = config.keys, os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (path := Path(credentials) / keys.credential).exists():
        return f"the credential {keys.credential}", _read(path)  # its mode is the service manager's affair
    if keys.passphrase_file:
        return str(keys.passphrase_file), from_file(keys.passphrase_file)
    return _in_keyring(config) if keys.keyring else None


def _in_keyring(config: Config) -> tuple[str, Secret] | None:
    try:
        found = keyring.read(config.node.data_dir)
    except KeyringMissing as error:
        StructuredLog("vault").warning(error.sentence)
        return None
    if found is None:
        StructuredLog("vault").warning("The keyring of the operating system has no passphrase for this folder.")
        return None
    return "the keyring of the operating system", passphrase(found)


def _unlock_by_hand(wrapped: Wrapped) -> Secret:
    for left in reversed(range(TRIES)):
        try:
            return unwrap(wrapped, _ask(_("Passphrase")))
        except (WrongPassphrase, InvalidPassphrase):
            if not left:
                raise
            click.echo(_("That is not it."), err=True)
    raise AssertionError


def _read(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            return passphrase(file.read(MAX_BYTES + 3))
    except OSError as error:
        raise PassphraseMissing(f"The file of the passphrase, {path}, cannot be read: {error.strerror}.") from error


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(what: str) -> Secret:
    with _interruptible():
        typed: str = click.prompt(what, hide_input=True, err=True)
    return passphrase(typed.encode("utf-8", "surrogateescape"))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the question: the event loop, where this is asked in one, would only hear of it afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
