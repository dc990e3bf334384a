"""Errors about accounts, keys and names: 1000 to 1099."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class UnknownAccount(MepassaError):
    """This node has no such account; `accounts.list` shows those it has."""

    code = 1000


class NoAccount(MepassaError):
    """This node has no account yet; run `mepassad init`."""

    code = 1001


class WrongWords(MepassaError):
    """These are not the 24 recovery words of an account: a word is misspelt, missing or out of order."""

    code = 1002


class InvalidName(MepassaError):
    """A name needs 1 to 64 visible characters."""

    code = 1003


class InvalidSignature(MepassaError):
    """A signature does not fit what it should have signed."""

    code = 1004


class AccountExists(MepassaError):
    """That account is already on this node."""

    code = 1005
