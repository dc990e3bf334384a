"""The mailbox that this node is for others: all streams to it, who watches which box, what each may ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

import anyio

from mepassad.api.context import Clock, Log
from mepassad.api.mailbox import Mailbox
from mepassad.api.transport import Stream
from mepassad.api.types import NodeId
from mepassad.config.serving import Mailbox as MailboxConfig
from mepassad.delivery.limits import Allowance, Allowances, Pace
from mepassad.errors import MailboxBusy, MailboxFull, MepassaError, StreamClosed
from mepassad.serving.admission import Admission
from mepassad.serving.mailbox_session import Session
from mepassad.serving.takes import Takes
from mepassad.steadiness import Steadiness
from mepassad.supervisor import Supervisor
from mepassad.wire.mailbox import expiry

STREAMS_OF_A_NODE = 4  # beyond, the oldest is ended, as with links
WATCHED_BY_A_NODE = 16_384  # boxes that the streams of one node watch
WATCHED = 1_000_000  # boxes that are watched at all
LOOK = 60.0  # seconds between looks at the clock
READY = 5.0  # seconds that a newcomer waits for the mailbox to be up, at the start
HOUR = 3600
DAY = 86_400
MAX_UNFINISHED = 64 << 20  # bytes of requests that are not whole; above it, the stream with most is ended
MAX_ARRIVING = 64 << 20  # bytes on their way to the disk; an envelope that begins below it still goes
ARRIVING_OF_A_NODE = 16 << 20  # the same, from one node


class MailboxServer:
    """Serves `/mepassa/mailbox/1`."""

    def __init__(
        self,
        node_key: bytes,
        config: MailboxConfig,
        supervisor: Supervisor,
        admission: Admission,
        clock: Clock,
        log: Log,
    ) -> None:
        """`node_key`: this node's public key; `supervisor` keeps the plugin alive that keeps what lies in it."""
        self.node_key, self.config, self.admission, self.clock, self.log = node_key, config, admission, clock, log
        self._supervisor = supervisor
        self._sessions: dict[NodeId, list[Session]] = {}
        self._watchers: dict[bytes, tuple[Session, ...]] = {}  # mostly of one: a set would take four times as much
        self._requests = Allowances(config)
        self._opens = Allowances(Pace(config.new_boxes_hourly / HOUR, config.new_boxes))
        self._asks = Allowances(Pace(config.asks_hourly / HOUR, config.asks))
        self._takes = Takes(Pace(config.takes_hourly / HOUR, config.takes))
        self.unfinished = 0
        self._arriving = Counter[NodeId]()

    @property
    def mailbox(self) -> Mailbox:
        """What keeps it all. Raises `MailboxBusy` while it is down."""
        mailbox: Mailbox | None = self._supervisor.one("mailbox")
        if mailbox is None:
            raise MailboxBusy
        return mailbox

    async def ready(self) -> None:
        """Wait a while for the mailbox to be up."""
        with anyio.move_on_after(READY):
            await self._supervisor.until_up("mailbox")

    def crowded(self, node: NodeId) -> bool:
        """Whether so much is on its way to the disk that no more is taken of a node."""
        return self._arriving.total() > MAX_ARRIVING or self._arriving[node] > ARRIVING_OF_A_NODE

    def arrives(self, node: NodeId, size: int) -> None:
        """So many bytes more of a node are on their way to the disk."""
        self._arriving[node] += size
        if not self._arriving[node]:
            del self._arriving[node]

    async def serve(self, stream: Stream) -> None:
        """Live with a stream until it ends."""
        sessions = self._sessions.setdefault(stream.peer, [])
        if len(sessions) >= STREAMS_OF_A_NODE:
            self._end(sessions[0])
        session = Session(stream, self)
        sessions.append(session)
        try:
            await session.run()
        except StreamClosed:
            pass  # who comes and goes is nobody's business
        except MepassaError as error:
            self.log.info("a stream to the mailbox was ended", reason=error.sentence)
        except Exception as error:
            # A mistake of ours that a client's bytes can provoke must cost that stream, and be seen.
            self.log.error("a stream to the mailbox failed", reason=f"{type(error).__name__}: {error}")
        finally:
            self._leave(session)

    def kept(self, session: Session, unfinished: int) -> None:
        """A stream holds so many bytes of a request that is not whole yet."""
        self.unfinished += unfinished - session.unfinished
        session.unfinished = unfinished
        if self.unfinished > MAX_UNFINISHED:
            everybody = (one for sessions in self._sessions.values() for one in sessions)
            self._end(max(everybody, key=lambda one: one.unfinished))

    def _end(self, session: Session) -> None:
        """End a stream, which counts no more from now on."""
        self._sessions[session.node].remove(session)
        self.unfinished -= session.unfinished
        session.unfinished = 0
        session.abort()

    def _leave(self, session: Session) -> None:
        self.unfinished -= session.unfinished
        sessions = self._sessions.get(session.node, [])
        if session in sessions:
            sessions.remove(session)
        if not sessions:
            self._sessions.pop(session.node, None)
        for number in session.watched:
            others = tuple(one for one in self._watchers[number] if one is not session)
            if others:
                self._watchers[number] = others
            else:
                del self._watchers[number]

    # -- news

    def watch(self, session: Session, numbers: Iterable[bytes]) -> None:
        """Tell a session of whatever comes for boxes, until it ends. Raises `MailboxFull` where its node watches too
        many, `MailboxBusy` where everybody together does; then none is watched that was not before."""
        new = set(numbers) - session.watched
        if sum(len(one.watched) for one in self._sessions.get(session.node, ())) + len(new) > WATCHED_BY_A_NODE:
            raise MailboxFull
        if len(self._watchers) + sum(number not in self._watchers for number in new) > WATCHED:
            raise MailboxBusy
        for number in new:
            session.watched.add(number)
            self._watchers[number] = (*self._watchers.get(number, ()), session)

    def came(self, numbers: Iterable[bytes]) -> None:
        """Something durable lies in these boxes."""
        for number in numbers:
            for session in self._watchers.get(number, ()):
                session.tell(number)

    # -- what each may ask for

    def requests_of(self, node: NodeId) -> Allowance:
        """How many requests a node may make."""
        return self._requests.of(node, self.clock.monotonic())

    def openings_of(self, node: NodeId) -> Allowance:
        """How many new boxes a node may open."""
        return self._opens.of(node, self.clock.monotonic())

    def may_ask(self, node: NodeId) -> bool:
        """Whether a node may ask for a blob now; counts it."""
        allowance = self._asks.of(node, self.clock.monotonic())
        if not allowance.left(self.clock.monotonic()):
            return False
        allowance.take(1)
        return True

    def may_take(self, number: bytes) -> bool:
        """Whether a one-time blob of a box that there is may be handed out now; counts it."""
        return self._takes.may(number, self.clock.monotonic())

    def expiry(self, hours: int) -> int:
        """When something expires that may wait so many hours from now: Unix seconds, rounded up to the hour."""
        return expiry(self.clock.now(), hours, self.config.ttl_days * 24)

    # -- time

    async def run(self) -> None:
        """Delete what expires, soon after each full hour of a clock that can be believed; until cancelled."""
        steadiness, hour = Steadiness(self.clock), 0
        while True:
            now = int(self.clock.now())
            if steadiness.look() and now // HOUR != hour:
                with suppress(MailboxBusy):
                    hour = now // HOUR if await self._expire(now) else 0
            await self.clock.sleep(LOOK)

    async def _expire(self, now: int) -> bool:
        try:
            gone = await self.mailbox.expire(now, now - self.config.idle_days * DAY)
        except MailboxBusy:
            raise
        except MepassaError as error:
            self.log.warning("the mailbox was not tidied, it is tried again", reason=error.sentence)
            return False
        if gone:
            self.log.info("the mailbox was tidied", gone=gone)
        return True

    def stats(self) -> dict[str, int]:
        """Numbers for an operator."""
        mailbox: Mailbox | None = self._supervisor.one("mailbox")
        return {
            "streams": sum(map(len, self._sessions.values())),
            "watched": len(self._watchers),
            **(mailbox.stats() if mailbox else {}),
        }
