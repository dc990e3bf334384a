"""Giving a data folder a passphrase, another one, or none. Works on its files, so it refuses to run beside a daemon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import anyio

from mepassad import lock
from mepassad.api.types import Secret
from mepassad.clock import SystemClock
from mepassad.config.load import Loaded
from mepassad.config.model import Config
from mepassad.errors import KeyringMissing, NoPassphrase, PassphraseExists, WrongPassphrase
from mepassad.ground import ground, read_vault, unlock
from mepassad.people.keyfiles import closed_folder, erase, private_folder, replace_private
from mepassad.plugins import Plugins
from mepassad.vault import file, keyring, passphrase
from mepassad.vault.store import open_rows
from mepassad.vault.vault import Vault

Ask = Callable[[], Secret]
"""Gets the new passphrase, once it is known to be needed."""


def set_passphrase(loaded: Loaded, plugins: Plugins, ask: Ask) -> Sequence[Path]:
    """Seal all secrets of the folder, or finish that; the backups that were erased, as they held them in plain.

    Raises what `ground` raises, and `PassphraseExists`.
    """
    return anyio.run(_set, loaded, plugins, ask)


async def _set(loaded: Loaded, plugins: Plugins, ask: Ask) -> Sequence[Path]:
    def make(keys: Path, config: Config) -> Vault:
        path = keys / file.NAME
        if path.exists():  # the sealing was interrupted, or there is nothing to do
            try:
                return Vault(file.unwrap(read_vault(path), ask()))
            except WrongPassphrase:
                raise PassphraseExists from None
        data_key = file.new_data_key()
        replace_private(path, file.wrap(data_key, ask(), _cost(config)))
        return Vault(data_key)

    async with ground(loaded, plugins, SystemClock(), make) as held:
        if held.erased is None:
            raise PassphraseExists
        return held.erased


def change_passphrase(config: Config, ask: Ask) -> None:
    """Wrap the folder's data key under another passphrase; what is sealed stays as it is.

    Raises `AlreadyRunning`, `UnsafePath`, `NoPassphrase`, `VaultBroken`, and what getting the old one raises.
    """
    folder = private_folder(config.node.data_dir)
    with lock.hold(folder):
        path = closed_folder(folder / "keys") / file.NAME
        if not path.exists():
            raise NoPassphrase
        data_key = passphrase.unlock(read_vault(path), config)
        replace_private(path, file.wrap(data_key, ask(), _cost(config)))


def remove_passphrase(loaded: Loaded, plugins: Plugins) -> None:
    """Write all secrets in plain again, then erase the vault. Interrupted before that, the next start seals again.

    Raises what `ground` raises, and `NoPassphrase`.
    """
    anyio.run(_remove, loaded, plugins)
    if loaded.config.keys.keyring:
        try:
            keyring.drop(loaded.config.node.data_dir)
        except KeyringMissing:
            return  # then it keeps nothing either


async def _remove(loaded: Loaded, plugins: Plugins) -> None:
    async with ground(loaded, plugins, SystemClock(), _there_is_one) as held:
        assert held.keys.vault is not None  # noqa: S101 (there is one)
        held.keys.open_all()
        await open_rows(held.raw, held.keys.vault)
        erase(held.keys.path(file.NAME))


def _there_is_one(keys: Path, config: Config) -> Vault:
    vault = unlock(keys, config)
    if vault is None:
        raise NoPassphrase
    return vault


def _cost(config: Config) -> file.Cost:
    return file.Cost(memory=config.keys.memory_mb)
