"""A lane: one contact's way out, from the store to a live link, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock
from mepassad.api.gauges import Gauge
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, Outgoing
from mepassad.delivery.link import Link
from mepassad.delivery.links import Links
from mepassad.delivery.outbox import Outbox
from mepassad.delivery.waiting import wait
from mepassad.errors import MepassaError, OtherNode, Unreachable
from mepassad.people.contacts import Contacts

STEADY = 10.0  # seconds that a link lives before it counts as a success
PAGE = 128  # rows read from the store at once, and rows kept while a lane catches up that wait in memory


class Lane:
    """Offers what is owed to a contact over a link, dialling when there is none.

    While it is caught up (`link` set), new rows are offered at once by whoever kept them. When the link ends or its
    window is full, the lane reads on from the store, where everything owed is.
    """

    def __init__(
        self,
        key: tuple[AccountId, AccountId],
        store: Store,
        clock: Clock,
        contacts: Contacts,
        outbox: Outbox,
        links: Links,
        backoff: Backoff,
    ) -> None:
        """`key` is (account, contact). `introduce` begins sessions with devices that have none; `follow` looks for the
        contact at a node that answers in place of theirs; `seek` begins to look for one that was not reached;
        `gauge` learns how much waits in `late`."""
        self._key, self._store, self._clock, self._contacts = key, store, clock, contacts
        self._outbox, self._links, self._backoff = outbox, links, backoff
        self._wake = anyio.Event()
        self._feeding = self._behind = self._pausing = False
        self.late: list[Outgoing] = []
        self.link: Link | None = None
        self.gauge: Gauge
        self.introduce: Callable[[Contact], Awaitable[None]]
        self.follow: Callable[[Contact, OtherNode], Awaitable[None]]
        self.seek: Callable[[Contact], None]

    def offer(self, rows: Sequence[Outgoing]) -> None:
        """Rows that are durable now. They go out at once on a caught-up lane, else in their turn."""
        link = self.link
        if self._pausing:
            return  # the next try reads them from the store; a busy sender does not make it dial more often
        if not all(row.packet for row in rows):
            self.wake()
        elif link is not None and not link.closed and not link.full:
            link.offer(rows)
        elif link is None and self._feeding and len(self.late) < PAGE:
            self.late.extend(rows)
            self.gauge.note(len(self.late))
        else:
            self._behind = True
            self.wake()

    def wake(self) -> None:
        """Something changed: a node appeared, a link ended, there is more to send."""
        self.link = None
        self._wake.set()

    def hurry(self) -> None:
        """The network changed: what failed before may work now, so the waits begin anew, and a waiting lane tries."""
        self._backoff.reset()
        if self.link is None:
            self._wake.set()

    async def run(self) -> None:
        """Work until the contact is gone."""
        while (contact := self._contacts.find(*self._key)) is not None:
            self._wake = anyio.Event()
            try:
                if contact.blocked or contact.state == "refused" or not (contact.nodes or contact.places):
                    await self._wake.wait()
                else:
                    await self._work(contact)
            except MepassaError as error:
                self.link = None
                if isinstance(error, Unreachable):
                    self.seek(contact)
                await self._pause()

    async def _pause(self) -> None:
        """Wait for the next try, or for a reason to try at once."""
        self._pausing = True
        try:
            await wait(self._clock, self._backoff.wait(), self._wake)
        finally:
            self._pausing = False

    async def _work(self, contact: Contact) -> None:
        try:
            await self.introduce(contact)
            found = self._contacts.get(*self._key)
            link = self._links.of(found.nodes) or await self._links.open(found.nodes)
        except OtherNode as moved:
            await self.follow(contact, moved)
            return  # the contact was found there, so the next round goes to another node
        began = self._clock.monotonic()
        await self._feed(link)
        await self._wake.wait()
        if self._clock.monotonic() - began > STEADY:
            self._backoff.reset()
        elif self._links.of(found.nodes) is None:
            self._wake = anyio.Event()
            await self._pause()  # whoever hangs up at once is not dialled again at once

    async def _feed(self, link: Link) -> None:
        """Offer all that is owed and was not offered on this link; then the lane is caught up.

        Rows that are kept meanwhile wait in `late`, a page at most; more than that are read from the store.
        """
        self._feeding = True
        try:
            self._behind = True
            while self._behind:
                self._behind, self.late = False, []
                contact = self._contacts.find(*self._key)
                if contact is not None and contact.state == "pending":
                    await self._pass(link, hellos=True)  # nobody listens to a stranger before the hello
                await self._pass(link, hellos=False)
                while self.late and not self._behind:
                    await self._offer(link, self.late.pop(0))
            self.link = link
        finally:
            self._feeding = False

    async def _pass(self, link: Link, hellos: bool) -> None:
        after = 0
        while rows := await self._store.outgoing(*self._key, after, PAGE):
            after = rows[-1].seq
            for row in rows:
                if not (hellos and row.message):
                    await self._offer(link, row)

    async def _offer(self, link: Link, row: Outgoing) -> None:
        ready = (row,) if row.packet else await self._outbox.prepare_waiting(row)
        await link.room()
        link.offer(ready)
