"""The contract of a mailbox: the server side of store-and-forward, blind to what it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Envelope(NamedTuple):
    """Something sealed that waits for its owner. `id` is the SHA-256 of `sealed`; `cursor` its place in the box."""

    id: bytes
    sealed: bytes
    expires_at: int
    cursor: int


class Kept(NamedTuple):
    """A record of a directory as it is kept, opaque; `expires_at` in Unix seconds."""

    value: bytes
    version: int
    expires_at: int


class Mailbox(Protocol):
    """Keeps sealed envelopes under mailbox numbers until they are acked or expire.

    A number is a 32-byte Ed25519 public key; whoever asks in its name was checked by the caller. Every method is
    durable when it returns. A full store refuses with `StoreFull` and never evicts.
    """

    name: str

    async def open(self, number: bytes, quota: int) -> None:
        """Open a box that may hold `quota` bytes; opening it again changes the quota."""
        ...

    async def close(self, number: bytes) -> None:
        """Close a box and forget what it holds."""
        ...

    async def put(self, number: bytes, sealed: bytes, expires_at: int) -> bytes:
        """Keep an envelope until `expires_at` (Unix seconds); its id. The same bytes again are kept once.

        Raises LookupError where no such box is open, `StoreFull` beyond its quota.
        """
        ...

    async def fetch(self, number: bytes, after: int, limit: int) -> Sequence[Envelope]:
        """Envelopes after a cursor, oldest first."""
        ...

    async def ack(self, number: bytes, ids: Sequence[bytes]) -> None:
        """Delete envelopes; unknown ids are ignored."""
        ...

    async def expire(self, now: int) -> int:
        """Delete what expired before `now` (Unix seconds); how many."""
        ...
