"""Errors of the configuration, of folders, files and sockets: 1600 to 1699."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class ConfigError(MepassaError):
    """The configuration is wrong."""

    code = 1600


class AlreadyRunning(MepassaError):
    """Another mepassad already uses this data folder."""

    code = 1601


class UnsafePath(MepassaError):
    """A file or folder can be changed by others, so secrets must not be kept there."""

    code = 1602


class SocketInUse(MepassaError):
    """Another daemon already answers on this socket."""

    code = 1603
