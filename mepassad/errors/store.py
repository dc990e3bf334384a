"""Errors of the store: 1300 to 1399."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class StoreFull(MepassaError):
    """The disk is full; nothing was lost, but nothing new can be kept until there is room."""

    code = 1300


class Conflict(MepassaError):
    """Another change came first; nothing of this one was kept, it can be tried again."""

    code = 1301


class Duplicate(MepassaError):
    """This was already kept; nothing was changed."""

    code = 1302


class StoreTooNew(MepassaError):
    """The data folder was written by a newer mepassad; use that version, or restore the backup it made."""

    code = 1303


class StoreBroken(MepassaError):
    """The data folder cannot be read."""

    code = 1304


class StoreBusy(MepassaError):
    """More is waiting for the disk than it can take; nothing of this was kept, try again in a moment."""

    code = 1305
