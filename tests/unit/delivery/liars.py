"""Mailboxes that lie: each stands in front of a real one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from mepassad.api.mailbox import Deposit, Envelope, Mailbox
from mepassad.testing.nodes import RunningNode


class Liar:
    """Does as the real mailbox does, but for what a subclass says."""

    def __init__(self, real: Mailbox) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Dropping(Liar):
    """Acks, and keeps nothing."""

    async def put(self, deposits: Sequence[Deposit]) -> Sequence[Sequence[int]]:
        return [[0] * len(deposit.numbers) for deposit in deposits]


class Withholding(Liar):
    """Says that nothing came."""

    async def fetch(self, number: bytes, after: int, limit: int, room: int) -> Sequence[Envelope]:
        return []


class Replaying(Liar):
    """Deletes nothing, and never comes to an end."""

    async def fetch(self, number: bytes, after: int, limit: int, room: int) -> Sequence[Envelope]:
        kept = await self.real.fetch(number, 0, limit, room)
        return [one._replace(cursor=after + place) for place, one in enumerate(kept, 1)]

    async def ack(self, number: bytes, ids: Sequence[bytes]) -> None:
        pass


class Junk(Liar):
    """Serves junk in place of what is under an id."""

    async def fetch(self, number: bytes, after: int, limit: int, room: int) -> Sequence[Envelope]:
        kept = await self.real.fetch(number, after, limit, room)
        return [one._replace(sealed=b"\1" + os.urandom(len(one.sealed) - 1)) for one in kept]


class OfAnother(Liar):
    """Serves the envelopes of all boxes in each."""

    def __init__(self, real: Mailbox) -> None:
        super().__init__(real)
        self.boxes: set[bytes] = set()

    async def open(self, opener: bytes, numbers: Sequence[bytes], now: int, fresh: int) -> tuple[Sequence[int], int]:
        self.boxes.update(numbers)
        return await self.real.open(opener, numbers, now, fresh)

    async def fetch(self, number: bytes, after: int, limit: int, room: int) -> Sequence[Envelope]:
        found = [one for box in sorted(self.boxes) for one in await self.real.fetch(box, 0, limit, room)]
        return [one._replace(cursor=place) for place, one in enumerate(found, 1) if place > after]


class Doubling(Liar):
    """Hands out the first blob of a box once more before it goes on."""

    def __init__(self, real: Mailbox) -> None:
        super().__init__(real)
        self.kept: dict[bytes, bytes] = {}
        self.doubled: set[bytes] = set()

    async def take(self, number: bytes, one_time: bool) -> bytes | None:
        if number in self.kept and number not in self.doubled:
            self.doubled.add(number)
            return self.kept[number]
        found: bytes | None = await self.real.take(number, one_time)
        if found is not None:
            self.kept.setdefault(number, found)
        return found


class Forging(Liar):
    """Hands out blobs that were altered."""

    async def take(self, number: bytes, one_time: bool) -> bytes | None:
        found = await self.real.take(number, one_time)
        return None if found is None else found[:-1] + bytes([found[-1] ^ 1])


def lie(box: RunningNode, kind: type[Liar]) -> None:
    """Let a mailbox node lie from now on."""
    live = box.node.supervisor.live["mailbox"]
    for name, mailbox in live.items():
        live[name] = kind(mailbox)
