"""Errors of keys at rest and the passphrase that seals them: 1800 to 1899."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class PassphraseMissing(MepassaError):
    """The keys are sealed and nothing gives the passphrase: no systemd credential, no 0600 file, no terminal."""

    code = 1800


class WrongPassphrase(MepassaError):
    """That is not the passphrase of this data folder; nothing was changed."""

    code = 1801


class InvalidPassphrase(MepassaError):
    """A passphrase is text in UTF-8: 8 characters at least, 1024 bytes at most."""

    code = 1802


class PassphraseExists(MepassaError):
    """This data folder has a passphrase already; `mepassad passphrase change` replaces it."""

    code = 1803


class NoPassphrase(MepassaError):
    """This data folder has no passphrase; `mepassad passphrase set` gives it one."""

    code = 1804


class VaultBroken(MepassaError):
    """What the vault sealed, or the vault itself, was altered or belongs to another folder; restore a backup."""

    code = 1805


class VaultMissing(MepassaError):
    """The keys of this folder are sealed, but its file keys/vault is gone; restore it from a backup."""

    code = 1806


class VaultMemory(MepassaError):
    """There is not enough memory to open the vault."""

    code = 1807


class KeyringMissing(MepassaError):
    """There is no keyring of the operating system here that could keep a passphrase."""

    code = 1808
