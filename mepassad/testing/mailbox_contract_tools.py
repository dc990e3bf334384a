"""What the tests that every mailbox must pass are written with: small quotas, boxes, short words for long calls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from mepassad.api.mailbox import ROW, Deposit, Mailbox, Quotas

QUOTAS = Quotas(
    boxes=4,
    bytes=10_000 + 8 * ROW,  # of 4 boxes with 4 envelopes
    opener_bytes=1 << 20,
    box_bytes=3_000,
    box_envelopes=5,
    box_blobs=3,
    box_blob_bytes=100,
    records=2,
    record_bytes=100 + 2 * ROW,
)
NOW, DAY = 1_800_000_000, 86_400
LATER = NOW + 14 * DAY
OPENER = b"ana"
BOXES = [bytes([number]) * 32 for number in range(1, 7)]
BOX, OTHER = BOXES[0], BOXES[1]
ROOM = 1 << 20  # bytes of a fetch

MakeMailbox: TypeAlias = Callable[[Quotas], AbstractAsyncContextManager[Mailbox]]
"""Opens the mailbox of this test; a second call, after the first was left, opens the same data again."""


async def opened(mailbox: Mailbox, *numbers: bytes) -> None:
    await mailbox.open(OPENER, numbers or (BOX,), NOW, len(numbers) or 1)


async def bodies(mailbox: Mailbox, number: bytes = BOX) -> list[bytes]:
    return [one.sealed for one in await mailbox.fetch(number, 0, 100, ROOM)]


async def put(mailbox: Mailbox, numbers: Sequence[bytes], sealed: bytes, expires_at: int) -> Sequence[int]:
    (refusals,) = await mailbox.put([Deposit(numbers, sealed, expires_at)])
    return refusals


def id_of(sealed: bytes) -> bytes:
    return hashlib.sha256(sealed).digest()


def counts(mailbox: Mailbox) -> Sequence[int]:
    """What is in the mailbox by number."""
    stats = mailbox.stats()
    return [stats[name] for name in ("boxes", "envelopes", "bytes", "records")]
