"""Subscriptions: facts replayed at the reader's pace, then followed live; signals as long as there is room."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Protocol

import msgspec

from mepassad.api.events import FACTS, TOPICS
from mepassad.api.gauges import Gauge
from mepassad.bus import Fact, Signal
from mepassad.config.model import Rpc
from mepassad.errors import EventsExpired, TooManySubscriptions, UnknownSubscription, UnknownTopic
from mepassad.rpc.events import EventMessage
from mepassad.rpc.node import Bus

REPLAY_PAGE = 64
"""Facts read from the store at once."""


class Outlet(Protocol):
    """The way to the reader."""

    @property
    def room(self) -> bool:
        """Whether the reader keeps up: more may be written now."""
        ...

    async def wait_for_room(self) -> None:
        """Wait until there is room, or the session has ended."""
        ...

    def notify(self, method: str, params: object) -> None:
        """Write a notification; never waits."""
        ...


Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Subscriptions:
    """All subscriptions of one session."""

    def __init__(self, bus: Bus, outlet: Outlet, spawn: Spawn, config: Rpc, gauge: Gauge) -> None:
        """None yet. `spawn` runs work in a task; `config` says how many there may be and how far behind, which `gauge`
        learns."""
        self._gauge = gauge
        self._bus = bus
        self._outlet = outlet
        self._spawn = spawn
        self._config = config
        self._followers: dict[str, Follower] = {}
        self._over = False

    async def open(
        self, topics: Collection[str] | None, after: int | None, account: str | None, *, alone: bool
    ) -> tuple[str, int]:
        """Follow `topics` (None: all) of `account` (None: all) after a number (None: from now, 0: oldest kept).

        `alone`: nothing about the whole node. Returns the id and the number after which facts follow. Raises
        `UnknownTopic`, `EventsExpired` and `TooManySubscriptions`.
        """
        for topic in topics or ():
            if topic not in TOPICS:
                sentence = f"There is no topic {topic!r}; there are {', '.join(TOPICS)}."
                raise UnknownTopic(sentence, topic=topic, topics=list(TOPICS))
        if after and after + 1 < (oldest := await self._bus.oldest()):
            raise EventsExpired(oldest=oldest)
        if len(self._followers) >= self._config.max_subscriptions:
            raise TooManySubscriptions(limit=self._config.max_subscriptions)
        id = secrets.token_urlsafe(8)
        start = self._bus.newest if after is None else min(after, self._bus.newest)
        chosen = _Choice(frozenset(topics) if topics is not None else None, account, alone)
        self._followers[id] = Follower(
            id, self._bus, self._outlet, self._spawn, chosen, start, self._config.follow_lag, self._gauge
        )
        if self._over:  # the session ended while the call ran
            self.close_all()
        return id, start

    def close(self, subscription: str) -> None:
        """End one. Raises `UnknownSubscription`."""
        try:
            self._followers.pop(subscription).close()
        except KeyError:
            raise UnknownSubscription from None

    def behind(self) -> Collection[int]:
        """Facts that wait, for each subscription."""
        return [follower.behind for follower in self._followers.values()]

    def close_all(self) -> None:
        """End all: the session is over."""
        self._over = True
        while self._followers:
            self._followers.popitem()[1].close()


class _Choice(msgspec.Struct, frozen=True):
    """Which events a subscription is about; None is all. `alone`: only the account, nothing about the whole node."""

    topics: frozenset[str] | None
    account: str | None
    alone: bool

    def wants(self, item: Fact | Signal) -> bool:
        """What concerns the whole node (account "") concerns every account."""
        return (self.topics is None or item.topic in self.topics) and (
            self.account is None or item.account == self.account or (item.account == "" and not self.alone)
        )

    def facts(self) -> Collection[str] | None:
        """The topics to ask the store for."""
        return None if self.topics is None else self.topics & FACTS.keys()


class Follower:
    """One subscription. Live, it writes what the bus tells at once; otherwise a task catches up.

    `_cursor` is the last fact told. While catching up, new facts wait in `_queue`; when that is full they are
    dropped from it, because the store has them, and `_behind` asks for another replay.
    """

    def __init__(
        self,
        id: str,
        bus: Bus,
        outlet: Outlet,
        spawn: Spawn,
        chosen: _Choice,
        after: int,
        max_behind: int,
        gauge: Gauge,
    ) -> None:
        """Follow what was chosen, from `after` on; owe the reader at most `max_behind` facts."""
        self._id = id
        self._bus = bus
        self._outlet = outlet
        self._spawn = spawn
        self._chosen = chosen
        self._max_behind = max_behind
        self._gauge = gauge
        self._cursor = after
        self._queue: deque[Fact] = deque()
        self._behind = after < bus.newest
        self._dropped = 0
        self._catching_up = False
        self._open = True
        self._leave: Callable[[], None] = bus.subscribe(self._receive)
        if self._behind:
            self._catch_up()

    @property
    def behind(self) -> int:
        """Facts that wait until the reader has room."""
        return len(self._queue)

    def close(self) -> None:
        """Tell nothing more."""
        self._open = False
        self._leave()

    def _receive(self, item: Fact | Signal) -> None:
        """Called by the bus, synchronously; must never wait."""
        if not (self._open and self._chosen.wants(item)):
            return
        live = self._outlet.room and not self._catching_up
        if isinstance(item, Fact):
            (self._tell if live else self._hold)(item)
        elif live:
            self._send(None, item.topic, item.data)
        else:
            self._dropped += 1
            self._catch_up()

    def _hold(self, fact: Fact) -> None:
        if len(self._queue) == self._max_behind:
            self._queue.clear()
            self._behind = True
        self._queue.append(fact)
        self._gauge.note(len(self._queue))
        self._catch_up()

    def _catch_up(self) -> None:
        if not self._catching_up:
            self._catching_up = True
            self._spawn(self._until_live())

    async def _until_live(self) -> None:
        while self._open:
            await self._outlet.wait_for_room()
            if self._behind:
                await self._replay()
            elif self._queue:
                self._tell(self._queue.popleft())
            elif self._dropped:
                self._send(None, "events.lagged", {"dropped": self._dropped})
                self._dropped = 0
            else:
                break  # nothing was awaited since the last look, so nothing is missed
        self._catching_up = False

    async def _replay(self) -> None:
        """Tell one page of the store. What is published meanwhile gathers in the queue; `_tell` drops doubles."""
        self._behind = False
        self._queue.clear()
        newest = self._bus.newest
        facts = await self._bus.replay(self._cursor, REPLAY_PAGE, self._chosen.facts())
        for fact in facts:
            await self._outlet.wait_for_room()
            if self._chosen.wants(fact):
                self._tell(fact)
            self._cursor = fact.seq
        if len(facts) == REPLAY_PAGE:
            self._behind = True
        else:
            self._cursor = max(self._cursor, newest)

    def _tell(self, fact: Fact) -> None:
        if fact.seq > self._cursor:
            self._cursor = fact.seq
            self._send(fact.seq, fact.topic, fact.data)

    def _send(self, seq: int | None, topic: str, data: dict[str, object]) -> None:
        if self._open:
            event = EventMessage(subscription=self._id, seq=seq, topic=topic, data=data)
            self._outlet.notify("events.event", event)
