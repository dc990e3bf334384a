"""Why nobody can listen at an address, in the user's language."""

from __future__ import annotations

import errno
import os

from mepassad.errors import AddressRefused, MepassaError
from mepassad.i18n import _


def why_not(error: OSError) -> str:
    """The system's error in words that a user can do something about."""
    reasons = {
        errno.EADDRINUSE: _("another program already listens there"),
        errno.EADDRNOTAVAIL: _("this machine has no such address"),
        errno.EACCES: _("ports below 1024 need more rights"),
    }
    return reasons.get(error.errno or 0) or error.strerror or _("the system refuses it")


def in_words(error: MepassaError) -> str:
    """The sentence of an error; that of a transport which could not listen in the user's language, as transports know
    none: it says `address` and `errno`."""
    address, number = error.data.get("address"), error.data.get("errno")
    if isinstance(error, AddressRefused) and isinstance(address, str) and isinstance(number, int):
        why = why_not(OSError(number, os.strerror(number)))
        return _("Cannot listen on {address}: {reason}.").format(address=address, reason=why)
    return error.sentence
