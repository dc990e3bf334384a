"""What methods need of the session that calls: Protocols, so that they are tested without one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from mepassad.rpc.authority import Authority


class Subscriber(Protocol):
    """The subscriptions of one session."""

    async def open(
        self, topics: Collection[str] | None, after: int | None, account: str | None, *, alone: bool
    ) -> tuple[str, int]:
        """Begin to follow, `alone`: nothing about the whole node. The subscription's id, and the number after which it
        follows. Raises `EventsExpired`, `UnknownTopic`, `TooManySubscriptions`."""
        ...

    def close(self, subscription: str) -> None:
        """End one. Raises `UnknownSubscription`."""
        ...


class Caller(Protocol):
    """The session that calls, as methods see it."""

    @property
    def authority(self) -> Authority:
        """What it may do."""
        ...

    def present(self, shown: str) -> None:
        """A token is shown: from now on only what it allows. Raises `TokenRefused`, `NotPermitted`."""
        ...

    @property
    def methods(self) -> list[str]:
        """The names of all methods that the node offers."""
        ...

    @property
    def max_line(self) -> int:
        """Bytes that a reply may have."""
        ...

    @property
    def subscriptions(self) -> Subscriber:
        """The session's subscriptions."""
        ...
