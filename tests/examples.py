"""How many examples a test of properties tries: a fifth of its number in `make test`, all of them in `make torture`."""

from __future__ import annotations

from hypothesis import settings

FULL = 100  # what hypothesis tries, and `make torture`; the profile of `make test` has fewer (conftest.py)


def examples(full: int) -> int:
    """Of so many in `make torture`, those of the profile that is loaded."""
    return max(1, full * settings.default.max_examples // FULL)
