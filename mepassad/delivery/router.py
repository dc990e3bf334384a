"""The router: a lane for each contact, links for all; it decides when and over what a packet goes."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence

from anyio.abc import TaskGroup

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock, Log
from mepassad.api.gauges import Gauge
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, NodeId, Outgoing
from mepassad.bus import Bus, Change
from mepassad.delivery.deposits import Deposits
from mepassad.delivery.handshake import Handshakes
from mepassad.delivery.inbox import Inbox
from mepassad.delivery.introductions import Introductions
from mepassad.delivery.lane import PAGE, Lane
from mepassad.delivery.link import Link
from mepassad.delivery.links import Links
from mepassad.delivery.outbox import Outbox
from mepassad.delivery.presence import Presence
from mepassad.delivery.renewals import Renewals, Work
from mepassad.delivery.settlement import Settlement
from mepassad.errors import MepassaError, OtherNode
from mepassad.people.contacts import Contacts
from mepassad.wire.content import HELLO
from mepassad.wire.packets import Reason

Key = tuple[AccountId, AccountId]
BUSY_RETRY = 15.0  # seconds until packets that were refused for now are offered again
LOOK_AGAIN = 60.0  # seconds between two questions for a contact's devices because one was not there
LANE_RESTART = 5.0  # seconds
STRANGER_PATIENCE = 60.0  # seconds that a node of no contact may keep a link without saying anything of use
WATCH = 5.0  # seconds between looks for stalled links
_SESSION_REASONS = (Reason.NO_SESSION, Reason.PREKEY_MISSING, Reason.UNKNOWN_DEVICE)
_INVITE_REASONS = (Reason.INVITE_UNKNOWN, Reason.INVITE_EXPIRED, Reason.INVITE_USED)


class Router:
    """Keeps a link to every contact that can be reached, and says who is online. Implements `links.Peer`."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        clock: Clock,
        log: Log,
        contacts: Contacts,
        outbox: Outbox,
        inbox: Inbox,
        settlement: Settlement,
        handshakes: Handshakes,
        introductions: Introductions,
        renewals: Renewals,
        backoff: Callable[[], Backoff],
    ) -> None:
        """`backoff` makes the waits of one lane. `links`, `deposits`, `tasks`, and `seek`, which looks for a contact
        that was not reached, are set before transports listen."""
        self._store, self._bus, self._clock, self._log = store, bus, clock, log
        self._contacts, self._outbox, self._inbox = contacts, outbox, inbox
        self._settlement, self._handshakes, self._introductions = settlement, handshakes, introductions
        self._renewals, self._backoff = renewals, backoff
        self._lanes: dict[Key, Lane] = {}
        self._told: set[Key] = set()
        self._stopped = False
        self._presence = Presence(bus)
        self._looked: dict[Key, float] = {}
        self.late = Gauge(PAGE, lambda: (len(lane.late) for lane in self._lanes.values()))
        self.tasks: TaskGroup
        self.links: Links
        self.seek: Callable[[Contact], None]
        self.deposits: Deposits

    async def run(self) -> None:
        """Begin a lane for every contact; watch links until cancelled."""
        for contact in self._contacts.everybody():
            self.deliver(contact, ())
        await self.deposits.load()
        try:
            await self._watch()
        finally:
            self._stopped = True

    async def _watch(self) -> None:
        while True:
            self.links.prefer(self._contacts.nodes())
            await self._clock.sleep(WATCH)
            known = {node for contact in self._contacts.everybody() for node in contact.nodes}
            for link in self.links.all():
                stalled = link.stalled()
                if stalled or (link.node not in known and link.idle() > STRANGER_PATIENCE):
                    reason = "it takes nothing any more" if stalled else "a stranger has nothing to say"
                    self._log.info("a link was ended", node=link.node, reason=reason)
                    link.abort()

    # -- out

    def deliver(self, contact: Contact, rows: Sequence[Outgoing]) -> None:
        """Take rows that are durable now; without rows: something about the contact changed."""
        if self._stopped:
            return  # what is owed is in the store, and is offered after the next start
        self.deposits.wake(contact, rows)
        key = (contact.account, contact.id)
        lane = self._lanes.get(key)
        if lane is None:
            lane = Lane(key, self._store, self._clock, self._contacts, self._outbox, self.links, self._backoff())
            lane.introduce, lane.follow, lane.gauge = self._handshakes.introduce, self._follow, self.late
            lane.seek = self.seek
            self._lanes[key] = lane
            self.tasks.start_soon(self._run, lane, key)
        elif rows:
            lane.offer(rows)
            return
        else:
            lane.wake()
        if not self.links.prefers(contact.nodes):
            self.links.prefer(self._contacts.nodes())
        self._look(contact)

    async def _run(self, lane: Lane, key: Key) -> None:
        try:
            while not await self._ended(lane):
                await self._clock.sleep(LANE_RESTART)
        finally:
            self._lanes.pop(key, None)

    async def _ended(self, lane: Lane) -> bool:
        try:
            await lane.run()
        except Exception as error:
            # One contact's way out fails; the others', and the node, go on.
            self._log.error("a lane failed, it is started again", reason=f"{type(error).__name__}: {error}")
            return False
        return True

    def forget(self, contact: Contact) -> None:
        """A contact was removed."""
        key = (contact.account, contact.id)
        self._told.discard(key)
        self._presence.forget(key)
        self._looked.pop(key, None)
        if key in self._lanes:
            self._lanes[key].wake()

    def transmit(self, contact: Contact, rows: Sequence[Outgoing]) -> None:
        """Send packets that may be lost over a live link, if there is one."""
        link = self.links.of(contact.nodes)
        if link is not None and not link.full:
            link.offer(rows)

    def online(self, contact: Contact) -> bool:
        """Whether a link to the contact is live."""
        return self.links.of(contact.nodes) is not None

    def network_changed(self, moved: bool) -> None:
        """Try at once what waits for its turn; where the node has `moved`, tell every contact its new addresses."""
        if moved:
            self.moved()
        for lane in self._lanes.values():
            lane.hurry()
        self.deposits.hurry()

    def moved(self) -> None:
        """Tell every contact the addresses that this node has now."""
        self._told.clear()
        for link in self.links.all():
            self.up(link)

    # -- links come and go

    def up(self, link: Link) -> None:
        """A link is live: the contacts who live there are online."""
        for contact in self._contacts.at_node(link.node):
            key = (contact.account, contact.id)
            self._look(contact)
            lane = self._lanes.get(key)
            if lane is not None and (lane.link is None or (lane.link.relayed and not link.relayed)):
                lane.wake()
            if contact.state == "accepted" and not contact.blocked and key not in self._told:
                self._told.add(key)
                self._start(self.told, contact)

    def found(self, node: NodeId) -> None:
        """A transport knows a new address of a node: whoever lives there is tried at once."""
        for contact in self._contacts.at_node(node):
            lane = self._lanes.get((contact.account, contact.id))
            if lane is not None and lane.link is None:
                lane.wake()

    async def told(self, contact: Contact) -> None:
        """Tell a contact where we are now, and how we are found from now on."""
        hello = self._outbox.empty(contact, HELLO)
        me = self._outbox.me(contact.account)
        hello.introduction.CopyFrom(self._introductions.ours(me, contact))
        try:
            await self._outbox.say(contact.account, contact.id, hello)
        except Exception as error:
            self._log.info("addresses could not be told", reason=f"{type(error).__name__}: {error}")

    def down(self, link: Link) -> None:
        """A link ended: its lanes look for another."""
        for contact in self._contacts.at_node(link.node):
            lane = self._lanes.get((contact.account, contact.id))
            if lane is not None and lane.link is link:
                lane.wake()
            self._look(contact)

    def _look(self, contact: Contact) -> None:
        self._presence.look(contact, self.online(contact))

    # -- what links report

    async def arrived(self, link: Link, packets: Sequence[bytes]) -> None:
        """Packets came. Raises `MalformedFrame`."""
        await self._inbox.arrived(link, packets)

    def acked(self, link: Link, rows: Sequence[Outgoing]) -> None:
        """The node took these."""
        self._settlement.taken(rows, link.route)

    def refused(self, link: Link, row: Outgoing, reason: int) -> None:
        """The node did not take this one."""
        self._log.info("a packet was refused", node=link.node, reason=reason, message=row.message or None)
        contact = self._contacts.find(row.account, row.contact)
        if contact is None:
            return
        if reason in _INVITE_REASONS and contact.state == "pending":
            self._start(self._handshakes.refuse, contact, reason)
        elif reason == Reason.TOO_LARGE:
            self._start(self._too_large, row)
        elif reason in _SESSION_REASONS and (work := self._renewals.after(contact, row, reason)) is not None:
            self._start(self._renew, link, contact, row, work)
        else:
            if reason == Reason.UNKNOWN_DEVICE and contact.state == "accepted":
                self.fetch(contact)
            if link.hold(row):
                self._start(self._again, link, contact)

    def _start(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        if not self._stopped:
            self.tasks.start_soon(self._contained, functools.partial(work, *args))

    async def _contained(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:
            # Whatever a peer's answer leads to, it must not stop the node; what is owed is offered again.
            self._log.warning("a refusal could not be settled", reason=f"{type(error).__name__}: {error}")

    async def _renew(self, link: Link, contact: Contact, row: Outgoing, work: Work) -> None:
        try:
            await work(contact, row)
        except MepassaError as error:
            self._log.warning("a session could not be given up, it is tried again", reason=error.sentence)
            await self._clock.sleep(BUSY_RETRY)
        link.forget(row.id)
        self.deliver(contact, ())

    async def _again(self, link: Link, contact: Contact) -> None:
        """Offer all again that was refused until then: one wait for all of a contact, however many they are."""
        await self._clock.sleep(BUSY_RETRY)
        link.release(contact)
        self.deliver(contact, ())

    def _may_look(self, contact: Contact) -> bool:
        """Whether to ask a contact's node for its devices again: once a minute."""
        key, now = (contact.account, contact.id), self._clock.monotonic()
        if now - self._looked.get(key, -LOOK_AGAIN) < LOOK_AGAIN:
            return False
        self._looked[key] = now
        return True

    async def _follow(self, contact: Contact, moved: OtherNode) -> None:
        """Look for a contact at the node that answers in place of theirs. Raises `Unreachable`, `BadBundle`."""
        self._log.info("somebody else answers at a contact's address", node=moved.data["node"])
        await self._handshakes.follow(contact, moved)

    async def _look_again(self, contact: Contact) -> None:
        """Ask a contact's node who its devices are now."""
        try:
            await self._handshakes.look_again(contact)
        except MepassaError as error:
            self._log.info("a contact's devices could not be learnt", reason=error.sentence)

    def fetch(self, contact: Contact) -> None:
        """A contact named a device list that is not known here."""
        if self._may_look(contact):
            self._start(self._look_again, contact)

    def tell(self, contact: Contact) -> None:
        """A contact does not know our device list, or was not told of us for a while."""
        self._start(self.told, contact)

    async def _too_large(self, row: Outgoing) -> None:
        change = Change()
        await self._settlement.fail(change, row, "failed", "The other node does not take packets of this size.")
        await self._bus.keep(change)
