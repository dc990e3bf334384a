"""One mailbox of ours: kept connected, its boxes open, prekeys in them, and drained."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
import msgspec

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock, Log
from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId, NodeId
from mepassad.api.writes import SetSetting
from mepassad.delivery.boxes import Box, Boxes
from mepassad.delivery.drain import Drain
from mepassad.delivery.each import each
from mepassad.delivery.links import Links
from mepassad.delivery.mailbox_blobs import Blobs
from mepassad.delivery.mailbox_rounds import AT_ONCE, Rounds
from mepassad.delivery.mailbox_standing import Standing
from mepassad.delivery.mailbox_stream import MailboxStream
from mepassad.delivery.passes import Badge
from mepassad.delivery.waiting import wait
from mepassad.errors import MailboxBusy, MailboxClosed, MailboxFull, MailboxRefused, MailboxTooLarge, MepassaError
from mepassad.people.accounts import Accounts
from mepassad.people.numbers import Numbers
from mepassad.wire.mailbox import MAILBOX_PROTOCOL

PATIENCE = 20.0  # seconds for the hello, and for each answer
TEND = 60.0  # seconds between looks for what is to be opened, closed or tried again
REFILL = 3600.0  # seconds between looks for how many one-time blobs are left
RENEW = 7 * 86_400  # seconds after which the last resort in a box is replaced
RENEW_ONE_TIME = 21 * 86_400  # and the one-time blobs, which would be refused when their keys are 30 days old


class Published(msgspec.Struct, frozen=True):
    """When prekeys were left in a box, Unix seconds: the last resort, and the one-time ones; 0: not yet."""

    account: AccountId
    last_resort: int = 0
    one_time: int = 0


class MailboxOwner:
    """Speaks to one mailbox node for all accounts here."""

    def __init__(
        self,
        node: NodeId,
        addresses: Sequence[str],
        store: Store,
        clock: Clock,
        log: Log,
        accounts: Accounts,
        numbers: Numbers,
        boxes: Boxes,
        drain: Drain,
        backoff: Backoff,
    ) -> None:
        """`addresses` are without `/p2p`. `links` and `badge` are set once there are transports."""
        self.node, self.addresses = node, addresses
        self._store, self._clock, self._log = store, clock, log
        self._accounts, self._numbers, self._boxes, self._drain = accounts, numbers, boxes, drain
        self._backoff = backoff
        self._changed = anyio.Event()
        self._hurried = anyio.Event()
        self._rounds = self._begun()
        self._watched = set[bytes]()  # boxes of whose news the node tells
        self._blobs = Blobs(clock, boxes)
        self._left: dict[bytes, int] = {}  # one-time blobs in each open box
        self._published: dict[bytes, Published] = {}  # of all boxes that were opened, so that they get closed one day
        self._refilled = -math.inf
        self._drained: float | None = None  # when nothing waited any more, monotonic seconds
        self._whole = False  # whether all boxes that there are to be are open
        self._standing = Standing(node, clock, log)
        self.links: Links
        self.badge: Badge

    def refresh(self) -> None:
        """Contacts or invites changed."""
        self._changed.set()

    def hurry(self) -> None:
        """The network changed: dial at once."""
        self._backoff.reset()
        self._hurried.set()

    def stats(self) -> Mapping[str, object]:
        """For `system.stats`."""
        boxes = {"boxes": len(self._rounds.open), "waiting": self._rounds.waiting()}
        return {**self._standing.stats(), **boxes, "drained": self.drained_within(TEND * 2)}

    def drained_within(self, seconds: float) -> bool:
        """Whether nothing waited in any box that many seconds ago, or later."""
        return self._drained is not None and self._clock.monotonic() - self._drained <= seconds

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            self._hurried = anyio.Event()
            try:
                await self._connected()
            except MepassaError as error:
                self._standing.failed("a mailbox of ours was not reached", error)
            except Exception as error:
                # What one mailbox answers must not cost the node, nor the other mailboxes.
                self._log.error("a mailbox failed", node=self.node, reason=f"{type(error).__name__}: {error}")
            await wait(self._clock, self._backoff.wait(), self._hurried)

    async def _connected(self) -> None:
        raw = await self.links.stream(self.node, self.addresses, MAILBOX_PROTOCOL, told=False)
        stream = await MailboxStream.opened(raw, self._clock, PATIENCE)
        try:
            if stream.limits.pass_needed:
                await self.badge.show(self.links, self.node, self.addresses)
            await self._live(stream)
        finally:
            self._standing.ended()
            stream.abort()

    async def _live(self, stream: MailboxStream) -> None:
        self._rounds = rounds = self._begun()
        self._whole, self._refilled, self._watched = False, -math.inf, set()
        stream.news = rounds.look
        self._standing.speaks()
        async with anyio.create_task_group() as tasks:
            for work in (stream.run, lambda: self._tending(stream), lambda: rounds.run(stream)):
                tasks.start_soon(self._until_over, work, tasks.cancel_scope)

    async def _until_over(self, work: Callable[[], Awaitable[None]], scope: anyio.CancelScope) -> None:
        """When one of the three ends, so do the others."""
        try:
            await work()
        except MepassaError as error:
            self._standing.failed("a mailbox of ours is left", error)
        finally:
            scope.cancel()

    def _begun(self) -> Rounds:
        """All boxes are opened, and looked into, anew on each stream."""
        return Rounds(self.node, self._clock, self._log, self._drain, self._idle)

    def _idle(self) -> None:
        """Nothing waits in any box that is open."""
        if self._whole:
            self._drained = self._clock.monotonic()

    # -- opening, closing, prekeys

    async def _tending(self, stream: MailboxStream) -> None:
        await self._recall()
        while True:
            self._changed = anyio.Event()
            wanted = self._in_time(self._boxes.wanted())
            try:
                await self._close_others(stream, wanted)
                self._whole = False
                await self._open_new(stream, wanted)
                self._whole = True
                await self._fill(stream, wanted)
                self._standing.serves()
                self._backoff.reset()
            except (MailboxBusy, MailboxFull, MailboxTooLarge) as error:
                self._standing.failed("a mailbox takes no more boxes or prekeys", error)
            await wait(self._clock, TEND, self._changed)

    async def _recall(self) -> None:
        """Which boxes were opened at this node before, in this run or another."""
        prefix = self._setting(b"")
        for row in self._accounts.all():
            for key, value in (await self._store.settings(row.id)).items():
                if key.startswith(prefix):
                    last_resort, one_time = map(int, value.split())
                    self._published[bytes.fromhex(key.removeprefix(prefix))] = Published(row.id, last_resort, one_time)

    def _setting(self, number: bytes) -> str:
        return f"box/{self.node}/{number.hex()}"

    async def _note(self, rows: Mapping[bytes, Published]) -> None:
        """Keep when prekeys were left in boxes."""
        kept = [(one.account, number, b"%d %d" % (one.last_resort, one.one_time)) for number, one in rows.items()]
        writes = [SetSetting(account, self._setting(number), value) for account, number, value in kept]
        await self._store.commit(Commit(tuple(writes)))
        self._published.update(rows)

    def _in_time(self, wanted: Mapping[bytes, Box]) -> Mapping[bytes, Box]:
        """Without the boxes of expired invites that are not open here, or were emptied since: what comes into them from
        now on is too late."""
        now, kept = self._clock.now(), dict[bytes, Box]()
        for number, box in wanted.items():
            if not box.until or now < box.until:
                kept[number] = box
            elif number in self._published and self._rounds.emptied(number) < box.until:
                kept[number] = box
                self._rounds.look(number)
        return kept

    async def _close_others(self, stream: MailboxStream, wanted: Mapping[bytes, Box]) -> None:
        for number, was in list(self._published.items()):
            if number in wanted:
                continue
            self._rounds.open.pop(number, None)
            if (private := self._numbers.private(number)) is not None:
                await stream.close(private)
            await self._store.commit(Commit((SetSetting(was.account, self._setting(number), None),)))
            self._published.pop(number, None)
            self._blobs.forget(number)

    async def _open_new(self, stream: MailboxStream, wanted: Mapping[bytes, Box]) -> None:
        for number in self._rounds.open.keys() & wanted.keys():
            self._rounds.open[number] = wanted[number]
        again = self._clock.monotonic() - self._refilled >= REFILL
        ready = self._rounds.open.keys() & self._watched
        missing = [box for number, box in wanted.items() if again or number not in ready]
        for start in range(0, len(missing), stream.limits.max_items):
            some = missing[start : start + stream.limits.max_items]
            unknown = {box.number: Published(box.account) for box in some if box.number not in self._published}
            if unknown:  # kept first, so that whatever happens it gets closed one day
                await self._note(unknown)
            left = await stream.open([box.private for box in some])
            self._left.update(zip((box.number for box in some), left, strict=True))
            fresh = [box for box in some if box.number not in ready]
            if fresh:
                await self._watch(stream, fresh)
            for box in fresh:
                self._rounds.begin(box)
        if again:
            for number in self._rounds.open:
                self._rounds.look(number)  # news may be lost
            self._refilled = self._clock.monotonic()

    async def _watch(self, stream: MailboxStream, boxes: Sequence[Box]) -> None:
        """Be told of what comes for boxes. Where the node has no place for that, they are drained at each look."""
        try:
            await stream.watch([box.private for box in boxes])
            self._watched.update(box.number for box in boxes)
        except (MailboxBusy, MailboxFull) as error:
            self._log.warning("a mailbox does not tell of what comes", node=self.node, reason=error.sentence)

    async def _fill(self, stream: MailboxStream, wanted: Mapping[bytes, Box]) -> None:
        now = int(self._clock.now())
        lacking = [box for number, box in wanted.items() if number in self._rounds.open and self._lacks(box, now)]
        await each(lacking, lambda box: self._publish(stream, box), AT_ONCE)

    def _lacks(self, box: Box, now: int) -> bool:
        if box.one_time is None:
            return False
        last_resort = self._published[box.number].last_resort
        old = now - last_resort >= RENEW or last_resort <= self._boxes.newest(box)
        few = self._left.get(box.number, 0) < box.one_time and self._blobs.may(box)
        return old or few or self._stale(box, now)

    def _stale(self, box: Box, now: int) -> bool:
        """Whether one-time blobs have lain in a box for so long that they are of no use soon."""
        return bool(self._left.get(box.number)) and now - self._published[box.number].one_time >= RENEW_ONE_TIME

    async def _publish(self, stream: MailboxStream, box: Box) -> None:
        now = int(self._clock.now())
        stale, was = self._stale(box, now), self._published[box.number]
        missing = max(0, (box.one_time or 0) - (0 if stale else self._left.get(box.number, 0)))
        one_time = await self._blobs.some(box, missing)
        last_resort = await self._boxes.blob(box, one_time=False)
        try:
            self._left[box.number] = await stream.publish(box.private, one_time, last_resort, replace=stale)
        except MailboxClosed:  # the node lost it; it is opened again
            self._rounds.open.pop(box.number, None)
            return
        except MailboxRefused:
            raise
        except BaseException:  # the stream ended, say: nobody knows whether the node has them
            self._blobs.gone(box)
            raise
        self._blobs.gone(box)
        # The oldest of the one-time blobs counts, so those that are added later are replaced with it.
        since = now if stale or missing == box.one_time else was.one_time
        await self._note({box.number: Published(box.account, now, since)})
