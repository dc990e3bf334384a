"""Reading what came in: the newest messages as they come, and again those that there was no room for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import anyio

from mepassa.bot.clock import Clock
from mepassa.bot.lanes import Lane, Lanes
from mepassa.bot.message import Message
from mepassa.bot.node import AWAY, Node
from mepassa.bot.progress import Progress
from mepassa.errors import ProtocolError
from mepassa.events import Event, pauses
from mepassa.generated.errors import EventsExpired
from mepassa.generated.values import MessageReceived

log = logging.getLogger("mepassa.bot")


class Reader:
    """Offers the messages of an account to the lanes."""

    def __init__(self, bot: str, node: Node, clock: Clock, lanes: Lanes, progress: Progress) -> None:
        """It begins where `progress` is."""
        self._bot = bot
        self._node = node
        self._clock = clock
        self._lanes = lanes
        self._progress = progress
        self._seen = progress.place  # the last event that was read
        self._hungry = anyio.Event()

    def feed(self, lane: Lane) -> None:
        """Something of a lane was taken up: there may be room again for what was passed over."""
        if lane.passed_from and self._lanes.hungry(lane):
            self._hungry.set()

    async def read(self) -> None:
        """Offer messages as they come, for ever. Raises `RpcError`."""
        after = self._seen
        while not await self._follow(after, self._take):
            after = 0

    async def read_again(self) -> None:
        """Offer what was passed over, as soon as there is room, for ever. Raises `RpcError`."""
        while True:
            await self._hungry.wait()
            self._hungry = anyio.Event()
            hungry = {lane.conversation: lane for lane in self._lanes.passed.values() if self._lanes.hungry(lane)}
            after = min((lane.passed_from for lane in hungry.values()), default=1) - 1
            while hungry and not await self._follow(after, partial(self._take_again, hungry)):
                after = 0

    async def _follow(self, after: int, take: Callable[[Event[MessageReceived]], bool]) -> bool:
        """Give events to `take` until it returns True. False: the node does not have all of them any more."""
        for pause in pauses():
            try:
                async with self._node.events(after) as events:
                    async for event in events:
                        if take(event):
                            return True
                        after = event.seq or after
            except ProtocolError:
                raise
            except AWAY:
                await self._clock.sleep(pause)
            except EventsExpired:
                log.warning("%s lost its place among the node's events and begins with the oldest kept", self._bot)
                break
        return False

    def _take(self, event: Event[MessageReceived]) -> bool:
        if event.seq is not None:
            self._seen = event.seq
            self._progress.read(event.seq)
            message = Message.of(event.data)
            if message is not None:
                self._lanes.offer(event.seq, message)
        return False

    def _take_again(self, hungry: dict[str, Lane], event: Event[MessageReceived]) -> bool:
        """Whether all that are hungry got what there is room for."""
        if event.seq is None:
            return False
        message = Message.of(event.data)
        lane = hungry.get(message.conversation) if message else None
        if message and lane and (not self._lanes.offer_again(lane, event.seq, message) or not lane.passed_from):
            del hungry[lane.conversation]
        if event.seq >= self._seen:  # whatever was passed over is not kept any more
            for lane in hungry.values():
                self._lanes.caught_up(lane)
            return True
        return not hungry
