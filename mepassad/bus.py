"""Facts and signals inside the node: what was kept is published once it is durable, in the order of its numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

import msgspec

from mepassad import facts
from mepassad.api.store import Commit, Committed, Store
from mepassad.api.types import AccountId
from mepassad.api.writes import AddEvent, Write


class Fact(msgspec.Struct, frozen=True):
    """A durable event: its number, account, topic, and its data as clients see it."""

    seq: int
    account: str
    topic: str
    data: dict[str, object]


class Signal(msgspec.Struct, frozen=True):
    """An event that is neither numbered nor kept: typing, online."""

    account: str
    topic: str
    data: dict[str, object]


Receiver = Callable[[Fact | Signal], None]


class Change:
    """Writes and the facts that they are, gathered until both are kept in one commit."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.writes: list[Write] = []
        self.facts: list[tuple[AccountId, str, dict[str, object]]] = []
        self._undoes: list[Callable[[], None]] = []
        self.follow_ups: list[Callable[[], None]] = []

    def then(self, follow_up: Callable[[], None]) -> None:
        """Once the change is kept, and before anybody is told: owe a receipt, wake a lane."""
        self.follow_ups.append(follow_up)

    def undoing(self, undo: Callable[[], None]) -> None:
        """Something was shown in memory ahead of the commit; `undo` takes just that back."""
        self._undoes.append(undo)

    def revert(self) -> None:
        """The change was not kept: take back what was shown in memory, last first."""
        while self._undoes:
            self._undoes.pop()()

    def add(self, *writes: Write) -> None:
        """Add writes, in order."""
        self.writes.extend(writes)

    def fact(self, account: AccountId, topic: str, object_id: str, data: dict[str, object], now_ms: int) -> None:
        """Add a fact about an object; `data` is what `facts.render` would make of its row after this change."""
        self.writes.append(AddEvent(account, topic, object_id, now_ms))
        self.facts.append((account, topic, data))


class Bus:
    """Commits changes and tells subscribers. The publisher never waits for anybody."""

    def __init__(self, store: Store, newest: int) -> None:
        """`newest`: the number of the last fact in the store."""
        self._store = store
        self._receivers: list[Receiver] = []
        self.newest = newest

    def keep(self, change: Change) -> asyncio.Future[Committed]:
        """Hand a change to the store; its facts are published the moment it is durable, before any waiter runs.

        Raises (when awaited) what `Store.commit` raises; then nothing was kept and nothing is published.
        """
        kept = asyncio.ensure_future(self._store.commit(Commit(tuple(change.writes))))
        if not change.facts and not change.follow_ups:
            return kept
        # Done callbacks, not coroutines, publish: they run in the order in which the store finished commits, which is
        # the order of the numbers. The caller waits for a future of its own: one that is done may be awaited before
        # its callbacks ran.
        published: asyncio.Future[Committed] = kept.get_loop().create_future()
        kept.add_done_callback(lambda done: self._publish_kept(done, change, published))
        return published

    def _publish_kept(
        self, done: asyncio.Future[Committed], change: Change, published: asyncio.Future[Committed]
    ) -> None:
        error = None if done.cancelled() else done.exception()
        if done.cancelled():
            published.cancel()
        elif error is None:
            loop = done.get_loop()
            for follow_up in change.follow_ups:
                _try(loop, follow_up)
            rows = zip(done.result().seqs, change.facts, strict=True)
            facts = [Fact(seq, account, topic, data) for seq, (account, topic, data) in rows]
            _try(loop, lambda: self.publish(facts))
        if published.done():
            return  # whoever waited has gone
        if error is None:
            published.set_result(done.result())
        else:
            published.set_exception(error)

    def publish(self, kept: Sequence[Fact]) -> None:
        """Tell all subscribers about facts that are durable."""
        for fact in kept:
            self.newest = fact.seq
            for receive in tuple(self._receivers):
                receive(fact)

    def signal(self, signal: Signal) -> None:
        """Tell all subscribers something that is only true now."""
        for receive in tuple(self._receivers):
            receive(signal)

    def subscribe(self, receive: Receiver) -> Callable[[], None]:
        """Call `receive` for everything from now on, synchronously; returns what ends it."""
        self._receivers.append(receive)
        return lambda: self._receivers.remove(receive)

    async def replay(self, after: int, limit: int, topics: Collection[str] | None) -> list[Fact]:
        """Kept facts after a number, oldest first, rendered from the rows of today."""
        events = await self._store.events(after, limit, topics)
        return [
            Fact(event.seq, event.account, event.topic, data)
            for event, data in zip(events, await facts.render(self._store, events), strict=True)
        ]

    async def oldest(self) -> int:
        """The number of the oldest fact that is kept; 1 when there are none."""
        return (await self._store.event_range())[0]


def _try(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """A mistake in what follows from a change is logged; the change is kept all the same, and its waiter told so."""
    try:
        call()
    except Exception as error:
        loop.call_exception_handler({"message": "what follows from a change failed", "exception": error})
