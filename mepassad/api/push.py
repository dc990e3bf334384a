"""The contract of a push service: wake-ups without content."""

from __future__ import annotations

from typing import Protocol


class Push(Protocol):
    """Wakes a sleeping client by a token of a kind it serves, such as `fcm` or `apns`."""

    name: str
    kinds: frozenset[str]

    async def wake(self, kind: str, token: str) -> None:
        """Wake a client; nothing but the wake-up travels. Raises LookupError where the token is gone for good,
        `Unreachable` where it should be tried again."""
        ...
