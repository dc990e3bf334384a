"""How many files and sockets the process may have open: as many as it is allowed, within reason."""

from __future__ import annotations

import resource

ENOUGH = 65_536
"""Descriptors beyond which nothing here needs more."""


def raise_limit() -> int:
    """Raise the soft limit to the hard one, at most to `ENOUGH`; what it is now. A limit above is left alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return limit()


def limit() -> int:
    """The soft limit; `ENOUGH` where there is none."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return ENOUGH if soft == resource.RLIM_INFINITY else soft
