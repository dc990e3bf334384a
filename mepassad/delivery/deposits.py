"""Deposits: what contacts did not take in time goes into all their mailboxes, durably, until their receipt."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from anyio.abc import TaskGroup

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock, Log
from mepassad.api.store import Store
from mepassad.api.types import AccountId, Contact, NodeId, Outgoing
from mepassad.delivery.handshake import Handshakes
from mepassad.delivery.mailbox_nodes import MailboxNodes
from mepassad.delivery.outbox import Outbox
from mepassad.delivery.places import mailboxes_of, places_of
from mepassad.delivery.post import LOOK, PAGE, Deposit, Post
from mepassad.delivery.sessions import Sessions
from mepassad.delivery.settlement import Settlement
from mepassad.errors import MepassaError, Unreachable
from mepassad.people.contacts import Contacts
from mepassad.wire.blobs import open_blob
from mepassad.wire.packets import parse_packet

Key = tuple[AccountId, AccountId]
RESTART = 5.0  # seconds


class Deposits:
    """A post for each mailbox of each contact to whom something is owed."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        log: Log,
        contacts: Contacts,
        sessions: Sessions,
        outbox: Outbox,
        handshakes: Handshakes,
        settlement: Settlement,
        backoff: Callable[[], Backoff],
        waits: tuple[float, int],
    ) -> None:
        """`waits`: seconds without an ack until a packet is deposited, and without a receipt until it is once more.
        `prepared` is called with rows that waited for a session and are packets now. `tasks` is set once there are
        transports."""
        self._store, self._clock, self._log = store, clock, log
        self._contacts, self._sessions, self._outbox = contacts, sessions, outbox
        self._handshakes, self._settlement = handshakes, settlement
        self._backoff, self._waits = backoff, waits
        self._posts: dict[Key, dict[NodeId, Post]] = {}
        self._took: defaultdict[Key, dict[bytes, set[NodeId]]] = defaultdict(dict)
        self._unready: set[Key] = set()  # contacts of whom rows may wait for a session
        self._begun: dict[Key, float] = {}  # when sessions were last begun: of some devices no prekeys may lie there
        self._renewed: set[Key] = set()  # contacts with whom a first session was begun anew
        self._looked: dict[tuple[AccountId, AccountId, NodeId], float] = {}  # when silence was last looked into
        self._locks: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.nodes = MailboxNodes(clock, log)
        self.prepared: Callable[[Contact, Sequence[Outgoing]], None] = lambda contact, rows: None
        self.tasks: TaskGroup | None = None

    async def load(self) -> None:
        """Take up what was owed before the start, and contacts who have not answered yet."""
        for account, contact in await self._store.outgoing_contacts():
            if (found := self._contacts.find(account, contact)) is not None:
                self.wake(found, ())
        for found in self._contacts.everybody():
            if found.state == "pending":
                self.wake(found, ())

    def wake(self, contact: Contact, rows: Sequence[Outgoing]) -> None:
        """Something is owed to a contact, or changed about them; `rows` that are durable now."""
        if self.tasks is None or not (mailboxes := mailboxes_of(contact)):
            return
        key = (contact.account, contact.id)
        if not rows or not all(row.packet for row in rows):
            self._unready.add(key)
        posts = self._posts.setdefault(key, {})
        for node in mailboxes:
            if node in posts:
                posts[node].wake()
            else:
                posts[node] = self._post(key, node)
                self.tasks.start_soon(self._run, key, node, posts[node])

    def _post(self, key: Key, node: NodeId) -> Post:
        post = Post(
            (*key, node), self._store, self._clock, self._log, self._contacts, self.nodes, self._backoff(), self._waits
        )
        self._looked[*key, node] = self._clock.monotonic()
        post.ready, post.fresh, post.silent, post.taken = self._ready, self._fresh, self._silent, self._taken
        return post

    async def _run(self, key: Key, node: NodeId, post: Post) -> None:
        try:
            while not await self._ended(post):
                await self._clock.sleep(RESTART)
        finally:
            posts = self._posts[key]
            del posts[node], self._looked[*key, node]
            if not posts:
                del self._posts[key]
                self._took.pop(key, None)
                self._unready.discard(key)
                self._begun.pop(key, None)

    async def _ended(self, post: Post) -> bool:
        try:
            await post.run()
        except Exception as error:
            # One contact's mailbox fails; the others', and the node, go on.
            self._log.error("a post failed, it is started again", reason=f"{type(error).__name__}: {error}")
            return False
        return True

    def hurry(self) -> None:
        """The network changed: try at once what failed before."""
        for posts in self._posts.values():
            for post in posts.values():
                post.hurry()

    # -- before anything can be deposited

    async def _ready(self, contact: Contact, node: NodeId) -> None:
        """Begin sessions that are missing, from prekeys at this node, and prepare what waits for them."""
        key = (contact.account, contact.id)
        async with self._locks[key]:
            current = self._contacts.find(*key)
            if current is None or key not in self._unready or await self._handshakes.given_up(current):
                return
            self._unready.discard(key)
            ready = False
            try:
                lately = self._clock.monotonic() - self._begun.get(key, -LOOK) < LOOK
                late = self._handshakes.is_late(current)
                if self._handshakes.lacks_session(current) and not lately and not late:
                    await self._fresh(current, node)
                    self._begun[key] = self._clock.monotonic()
                ready = await self._prepare(current)
            finally:
                if not ready:
                    self._unready.add(key)

    async def _fresh(self, contact: Contact, node: NodeId) -> None:
        """Take prekeys that lie at a mailbox node: sessions are begun where there are none, new seal keys learnt.

        Raises `Unreachable` where there are none, and as `Handshakes.take_up` where they are forged or old.
        """
        stream = await self.nodes.stream(node, mailboxes_of(contact)[node])
        blob = await stream.take(contact.their_number)
        if blob is None:
            raise Unreachable("The contact left no prekeys at this mailbox.")
        reply = open_blob(blob, contact.their_number, places_of(contact).number_key)
        await self._handshakes.take_up(contact, reply)
        self._due(contact)

    def _due(self, contact: Contact) -> None:
        """A hello may be due in a moment, also where nothing else is said."""
        for post in self._posts[contact.account, contact.id].values():
            post.wake()

    async def _prepare(self, contact: Contact) -> bool:
        """Make packets of what waits for a session; whether nothing waits any more."""
        after, ready = 0, True
        while rows := await self._store.outgoing(contact.account, contact.id, after, PAGE):
            after = rows[-1].seq
            for row in rows:
                if not row.packet:
                    made = await self._outbox.prepare_waiting(row)
                    ready = ready and bool(made)
                    if made:
                        self.prepared(contact, made)
        return ready

    async def _silent(self, contact: Contact, node: NodeId) -> None:
        """Somebody has not answered for long. Who was asked to be a contact perhaps could not open the first packet,
        because a prekey was gone: begin anew with others, once a run. An account may have been restored."""
        key, now = (contact.account, contact.id), self._clock.monotonic()
        if now - self._looked[*key, node] < self._waits[1]:
            return
        self._looked[*key, node] = now
        async with self._locks[key]:
            current = self._contacts.find(*key)
            if current is None:
                return
            if current.state == "accepted":
                await self._restored(current, node)
            elif key in self._renewed or self._handshakes.is_late(current):
                return
            elif await self._handshakes.begin_anew(current, self._waits[1]):
                self._renewed.add(key)
                await self._fresh(current, node)
                await self._prepare(current)

    async def _restored(self, contact: Contact, node: NodeId) -> None:
        """Look under the directory number whether a contact lives on with another device, and begin a session then."""
        number, key = contact.directory[:32], places_of(contact).directory_key
        if not number or not key:
            return
        try:
            stream = await self.nodes.stream(node, mailboxes_of(contact)[node])
            blob = await stream.take(number)
            if blob is not None:
                await self._handshakes.find_again(contact, open_blob(blob, number, key))
                self._due(contact)
        except MepassaError as error:
            self._log.info("a contact was not found under the directory number", reason=error.sentence)

    # -- after it was

    async def _taken(self, contact: Contact, deposit: Deposit) -> None:
        quiet = [row for row in deposit.rows if not row.message and row.id not in deposit.large]
        done = [row.id for row in quiet if self._is_done(contact, deposit.node, row)]
        await self._settlement.deposited(deposit, done)
        took = self._took[contact.account, contact.id]
        for packet in done:
            took.pop(packet, None)

    def _is_done(self, contact: Contact, node: NodeId, row: Outgoing) -> bool:
        """Whether a packet that gets no receipt of its own needs no further try: all mailboxes took it, and the other
        side is known to have its session. A hello that begins one is owed until something came back."""
        took = self._took[contact.account, contact.id].setdefault(row.id, set())
        took.add(node)
        session = self._sessions.known(row.account, parse_packet(row.packet).session)
        return took >= mailboxes_of(contact).keys() and (session is None or session.heard)
