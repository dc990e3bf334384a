"""The contract of a mailbox: the server side of store-and-forward, blind to what it keeps."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol

ROW = 256
"""Bytes that each box, envelope, blob and record counts beside its own: small ones fill a disk too."""

LIES_THERE = -1
"""Of an envelope that a box holds already: nothing new came."""


class Envelope(NamedTuple):
    """Something sealed that waits for its owner. `id` is the SHA-256 of `sealed`; `cursor` its place in the box."""

    id: bytes
    sealed: bytes
    expires_at: int
    cursor: int


class Deposit(NamedTuple):
    """An envelope on its way into boxes, until `expires_at` (Unix seconds)."""

    numbers: Sequence[bytes]
    sealed: bytes
    expires_at: int


class Kept(NamedTuple):
    """A record of a directory as it is kept, opaque; `expires_at` in Unix seconds."""

    value: bytes
    version: int
    expires_at: int


class MailboxReason(enum.IntEnum):
    """Why a mailbox did not do what it was asked for: the numbers are those of the wire."""

    BUSY = 1  # try again later
    CLOSED = 2  # no such box is open
    FULL = 3
    TOO_LARGE = 4
    NOT_ADMITTED = 5
    UNSIGNED = 6  # the signature does not hold
    UNKNOWN = 7  # an operation of a newer version


class Quotas(NamedTuple):
    """What a mailbox may keep: in all, in the boxes that one node opened, and in each box; `blobs` are one-time blobs,
    their bytes with the last resort. `bytes` and `opener_bytes` count `ROW` beside each box, envelope and blob,
    `record_bytes`, which is apart, beside each record."""

    boxes: int
    bytes: int
    opener_bytes: int
    box_bytes: int
    box_envelopes: int
    box_blobs: int
    box_blob_bytes: int
    records: int
    record_bytes: int


class Mailbox(Protocol):
    """Keeps sealed envelopes under mailbox numbers until they are acked or expire, blobs that are handed to whoever
    asks, and records of a directory.

    A number is a 32-byte Ed25519 public key; whoever asks in its name was checked by the caller. Every method is
    durable when it returns, and takes its quotas from the configuration. A full mailbox refuses and never evicts.
    All raise `MailboxClosed` where no such box is open, unless said otherwise, `StoreFull`, `StoreBusy` and
    `StoreBroken`.
    """

    name: str

    async def open(self, opener: bytes, numbers: Sequence[bytes], now: int, fresh: int) -> tuple[Sequence[int], int]:
        """Open boxes, or find them open; for each the one-time blobs left, and how many boxes are new.

        What lies in a box counts for the node `opener` that opened it last, which is kept as something that names
        nobody.

        All or none: raises `MailboxFull` where there is no room for so many, `MailboxBusy` where more than `fresh` of
        them are new. `now` (Unix seconds) is remembered by the day, see `expire`.
        """
        ...

    async def holds(self, numbers: Sequence[bytes]) -> Sequence[bool]:
        """Of each number whether its box is open. Never raises `MailboxClosed`."""
        ...

    async def close(self, number: bytes) -> None:
        """Close a box and forget what it holds; one that is not open too."""
        ...

    async def put(self, deposits: Sequence[Deposit]) -> Sequence[Sequence[int]]:
        """Keep envelopes in boxes: for each box of each deposit 0, `LIES_THERE`, or the `MailboxReason` against it. The
        same bytes again are kept once. Never raises `MailboxClosed`; what it raises is about all of them."""
        ...

    async def fetch(self, number: bytes, after: int, limit: int, room: int) -> Sequence[Envelope]:
        """Envelopes after a cursor, oldest first: the first, and more while those before are below `room` bytes."""
        ...

    async def ack(self, number: bytes, ids: Sequence[bytes]) -> None:
        """Delete envelopes; unknown ids are ignored."""
        ...

    async def publish(self, number: bytes, one_time: Sequence[bytes], last_resort: bytes, replace: bool) -> int:
        """Keep blobs to be taken: each of `one_time` once, the last resort (empty: the one before) ever after. How
        many one-time blobs are left. `replace`: without those of before. Raises `MailboxFull` beyond a quota."""
        ...

    async def take(self, number: bytes, one_time: bool) -> bytes | None:
        """A blob: the oldest of the one-time ones, which nobody is given again, else the last resort, else None.
        Without `one_time` only the last resort."""
        ...

    async def keep_record(self, key: bytes, record: Kept) -> bool:
        """Keep a record in place of one of a lower version; whether it is the one that is kept now. Raises
        `MailboxFull` where there are too many, never `MailboxClosed`."""
        ...

    async def record(self, key: bytes) -> Kept | None:
        """The record under a key, or None. Never raises `MailboxClosed`."""
        ...

    async def expire(self, now: int, idle_before: int) -> int:
        """Delete what expired up to `now` (Unix seconds), and close boxes that were last opened before `idle_before`;
        how many things went. Never raises `MailboxClosed`."""
        ...

    def stats(self) -> dict[str, int]:
        """Numbers for an operator by name: `boxes`, `envelopes`, `bytes`, `records`."""
        ...
