"""Errors of keys, sessions and what was encrypted: 1500 to 1599."""

from __future__ import annotations

from mepassad.errors.base import MepassaError


class CryptoError(MepassaError):
    """A message or key could not be verified; nothing was changed."""

    code = 1500


class DecryptFailed(CryptoError):
    """A message could not be decrypted; nothing was changed."""

    code = 1501


class BadBundle(CryptoError):
    """The other device's prekeys are not acceptable: forged, stale or without a post-quantum key."""

    code = 1502


class NoSession(CryptoError):
    """The message belongs to a session that this device does not have."""

    code = 1503


class KeyMissing(CryptoError):
    """The message names a prekey that this device no longer has."""

    code = 1504


class GapTooLarge(CryptoError):
    """Too many messages of this session are missing before this one."""

    code = 1505


class AlreadyOpened(DecryptFailed):
    """The key of this message was used before: it was opened already, or its sender went back to an older state."""

    code = 1508


class CryptoUnsupported(CryptoError):
    """This build of `cryptography` has no ML-KEM; install the wheel from PyPI."""

    code = 1506


class MalformedContent(CryptoError):
    """The decrypted bytes are not a content of the protocol."""

    code = 1507
