"""Which boxes of one mailbox are looked into next: a page of each in turn, so that who floods one delays no other."""

from __future__ import annotations

import math
from collections.abc import Callable

import anyio
import msgspec

from mepassad.api.context import Clock, Log
from mepassad.api.types import NodeId
from mepassad.delivery.boxes import Box
from mepassad.delivery.drain import Drain
from mepassad.delivery.each import each
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.delivery.waiting import wait
from mepassad.errors import MailboxClosed

AT_ONCE = 16  # boxes that are looked into, or given prekeys, at once
MOST = 100_000  # envelopes of one box, more than mailboxes keep; beyond, it is left for later
PACE = 1.0  # seconds between pages of a box that were junk for the most part
AGAIN = (60.0, 3600.0)  # seconds until a box is looked into again in which something was left: at first, and at most


class Turn(msgspec.Struct):
    """How far a box was emptied on this stream. Times are monotonic seconds, but `emptied` is Unix seconds."""

    after: int = 0  # the cursor of the last envelope that was seen
    seen: set[bytes] = msgspec.field(default_factory=set)  # what came since the box was last at its end
    clean: bool = True  # whether nothing was left to be tried again
    held: float = -math.inf  # until when no page is fetched, whatever comes
    again: float = math.inf  # when to begin anew, for what was left
    waited: float = 0.0  # the last wait for that
    emptied: float = -math.inf  # when nothing was left, the last time


class Rounds:
    """Empties the boxes of one stream until cancelled."""

    def __init__(self, node: NodeId, clock: Clock, log: Log, drain: Drain, idle: Callable[[], None]) -> None:
        """`idle` is called whenever nothing is left anywhere. `open` holds the boxes that are open on the stream."""
        self._node, self._clock, self._log, self._drain, self._idle = node, clock, log, drain, idle
        self.open: dict[bytes, Box] = {}
        self._turns: dict[bytes, Turn] = {}
        self._next: dict[bytes, None] = {}  # boxes in which something may wait
        self._came = anyio.Event()

    def begin(self, box: Box) -> None:
        """A box was opened, or is to be looked into without news."""
        if box.number not in self.open:
            self._turns.pop(box.number, None)
        self.open[box.number] = box
        self.look(box.number)

    def look(self, number: bytes) -> None:
        """Something may have come for a box since it was last looked into."""
        if number in self.open:
            self._next[number] = None
            self._came.set()

    def emptied(self, number: bytes) -> float:
        """When nothing was left in a box on this stream, the last time, Unix seconds."""
        turn = self._turns.get(number)
        return turn.emptied if turn else -math.inf

    def waiting(self) -> int:
        """In how many boxes something may wait: they were not looked into since news came, or something was left."""
        left = {number for number, turn in self._turns.items() if not turn.clean}
        return len((left | self._next.keys()) & self.open.keys())

    async def run(self, stream: MailboxStream) -> None:
        """Look into boxes. Raises as `MailboxStream` does."""
        while True:
            self._came = anyio.Event()
            self._begin_anew()
            while some := self._ready():
                await each(some, lambda box: self._page(stream, box), AT_ONCE)
            if not self._next and all(self._turns[number].clean for number in self.open if number in self._turns):
                self._idle()
            await self._wait()

    def _begin_anew(self) -> None:
        now = self._clock.monotonic()
        for number, turn in self._turns.items():
            if turn.again <= now:
                turn.after, turn.clean, turn.again = 0, True, math.inf
                turn.seen.clear()
                self._next[number] = None

    def _ready(self) -> list[Box]:
        """The boxes whose turn it is, `AT_ONCE` of them."""
        now, some = self._clock.monotonic(), list[Box]()
        for number in list(self._next):
            if number not in self.open:
                del self._next[number]
            elif self._turns.setdefault(number, Turn()).held <= now:
                del self._next[number]
                some.append(self.open[number])
                if len(some) == AT_ONCE:
                    break
        return some

    async def _wait(self) -> None:
        """Until something comes, or the time of some box."""
        held = [self._turns[number].held for number in self._next if number in self._turns]
        due = min([*held, *(turn.again for turn in self._turns.values())], default=math.inf)
        left = min(due - self._clock.monotonic(), AGAIN[0])
        await wait(self._clock, max(0.0, left), self._came)

    async def _page(self, stream: MailboxStream, box: Box) -> None:
        turn = self._turns.setdefault(box.number, Turn())
        try:
            page = await self._drain.page(stream, box, turn.after)
        except MailboxClosed:
            self.open.pop(box.number, None)
            self._turns.pop(box.number, None)
            return
        now = self._clock.monotonic()
        if not page.ids:
            self._at_end(turn, now)
            return
        turn.after, turn.clean = page.cursor, turn.clean and not page.left
        known = len(turn.seen)
        turn.seen.update(page.ids)
        self._next[box.number] = None
        if len(turn.seen) - known < len(page.ids) or len(turn.seen) > MOST:
            self._log.info("a mailbox hands out the same again, or more than any box holds", node=self._node)
            turn.after, turn.clean = 0, True
            turn.seen.clear()
            turn.held = self._later(turn, now)
        elif 2 * page.junk >= len(page.ids):
            turn.held = now + PACE

    def _at_end(self, turn: Turn, now: float) -> None:
        turn.seen.clear()
        if turn.clean:
            turn.emptied, turn.waited = self._clock.now(), 0.0
        elif turn.again == math.inf:
            turn.again = self._later(turn, now)

    def _later(self, turn: Turn, now: float) -> float:
        turn.waited = min(max(AGAIN[0], 2 * turn.waited), AGAIN[1])
        return now + turn.waited
