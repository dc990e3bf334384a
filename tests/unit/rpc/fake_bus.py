"""Facts and signals of a node in memory, and who it is about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import anyio

from mepassad.api.types import ConversationId
from mepassad.bus import Fact, Signal
from mepassad.wire.ids import account_id
from mepassad.wire.safety import safety_number

ANA, BOB = account_id(b"ana" + bytes(29)), account_id(b"bob" + bytes(29))
NUMBER = safety_number(ANA, BOB)
WITH_BOB = ConversationId("conversation-bob")


class FakeBus:
    """Keeps facts in a list; `replaying` lets a test act in the middle of a replay."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.newest = 0
        self.first = 1
        self.receivers: list[Callable[[Fact | Signal], None]] = []
        self.replays = 0
        self.signals = 0
        self.replaying: Callable[[], Any] = lambda: None

    def publish(self, facts: Sequence[Fact]) -> None:
        self.facts += facts
        for fact in facts:
            self.newest = fact.seq
            for receive in tuple(self.receivers):
                receive(fact)

    def add(self, count: int = 1, topic: str = "contact.changed", account: str = ANA) -> None:
        """Publish that many new facts."""
        data: dict[str, object] = {
            "account": account,
            "contact": BOB,
            "state": "accepted",
            "conversation": WITH_BOB,
            "name": "Bob",
        }
        for _ in range(count):
            self.publish([Fact(self.newest + 1, account, topic, data)])

    def signal(self, signal: Signal) -> None:
        self.signals += 1
        for receive in tuple(self.receivers):
            receive(signal)

    def typing(self, active: bool = True) -> None:
        data = {"account": ANA, "contact": BOB, "conversation": WITH_BOB, "active": active}
        self.signal(Signal(ANA, "typing", data))

    def subscribe(self, receive: Callable[[Fact | Signal], None]) -> Callable[[], None]:
        self.receivers.append(receive)
        return lambda: self.receivers.remove(receive)

    async def replay(self, after: int, limit: int, topics: Collection[str] | None) -> list[Fact]:
        self.replays += 1
        await anyio.lowlevel.checkpoint()  # what is published meanwhile is found, and comes live as well
        found = [fact for fact in self.facts if fact.seq > after and (topics is None or fact.topic in topics)][:limit]
        await anyio.lowlevel.checkpoint()
        self.replaying()
        return found

    async def oldest(self) -> int:
        await anyio.lowlevel.checkpoint()
        return self.first
