"""The node's rooms, put together: who is given whom. What they do is in `people` and `delivery`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anyio.abc import TaskGroup

from mepassad.api.backoff import Backoff
from mepassad.api.context import Clock
from mepassad.api.crypto import Crypto
from mepassad.api.filters import MessageFilter
from mepassad.api.gauges import Gauge
from mepassad.api.store import Store
from mepassad.api.transport import Transport
from mepassad.api.types import AccountId, Contact
from mepassad.bus import Bus, Change
from mepassad.config.load import LINE_AROUND_TEXT, TEXT_GROWTH
from mepassad.config.model import Config
from mepassad.delivery.answers import Answers
from mepassad.delivery.boxes import Boxes
from mepassad.delivery.contents import Contents
from mepassad.delivery.deposits import Deposits
from mepassad.delivery.drain import Drain
from mepassad.delivery.handshake import Handshakes
from mepassad.delivery.inbox import Inbox
from mepassad.delivery.introductions import Introductions
from mepassad.delivery.limits import Limits
from mepassad.delivery.links import Links
from mepassad.delivery.losses import Losses
from mepassad.delivery.mailboxes import Mailboxes
from mepassad.delivery.outbox import Outbox
from mepassad.delivery.post import MOST
from mepassad.delivery.prekeys import Prekeys
from mepassad.delivery.quarantine import Quarantine
from mepassad.delivery.receipts import Receipts
from mepassad.delivery.renewals import Renewals
from mepassad.delivery.router import Router
from mepassad.delivery.seals import SealKeys
from mepassad.delivery.sessions import Sessions
from mepassad.delivery.settlement import Settlement
from mepassad.delivery.stamps import Stamps
from mepassad.delivery.strangers import Strangers
from mepassad.delivery.unopened import Unopened
from mepassad.delivery.verification import Verifications
from mepassad.log import StructuredLog
from mepassad.lookup import Lookup
from mepassad.people.accounts import Accounts
from mepassad.people.bots import Bots
from mepassad.people.contacts import Contacts
from mepassad.people.conversations import Conversations
from mepassad.people.invites import Invites
from mepassad.people.keyfiles import KeyFiles
from mepassad.people.numbers import Numbers
from mepassad.people.reunions import Reunions
from mepassad.people.tokens import Tokens
from mepassad.wire.packets import PREKEY_PROTOCOL


class Core:
    """Every room of the node between the store below and the RPC above."""

    def __init__(self, config: Config, clock: Clock, store: Store, crypto: Crypto, bus: Bus, keys: KeyFiles) -> None:
        """`keys`: where device keys are kept."""
        log, limits = StructuredLog("delivery"), config.delivery
        self._config, self._store, self._clock, self._log, self._bus = config, store, clock, log, bus
        self._crypto = crypto
        self._make_people(keys)
        self.sessions = Sessions(store, crypto, clock)
        self.receipts = Receipts(clock, limits.receipt_delay_ms / 1000)
        self.seals = SealKeys(store, clock, self.accounts)
        self.prekeys = Prekeys(store, crypto, clock, self.accounts, self.contacts, self.seals)
        self.settlement = Settlement(store, bus, clock, log, self.contacts, limits.redeposit_hours)
        self.introductions = Introductions(clock, self.contacts, self.invites, self.reunions)
        self.renewals = Renewals(store, bus, clock, self.contacts, self.sessions)
        self.quarantine = Quarantine(
            store, clock, limits.quarantine_packets, limits.quarantine_bytes, limits.quarantine_minutes
        )
        self.losses = Losses(bus, self.contacts, self.sessions, self.quarantine, self.renewals)
        self.stamps = Stamps(clock, self.contacts)
        contents = Contents(
            clock, self.contacts, self.sessions, self.receipts, limits.expire_days, limits.mailbox_after_ms / 1000
        )
        self.outbox = Outbox(
            store, bus, clock, self.accounts, self.contacts, self.conversations, self.sessions, contents
        )
        self.handshakes = Handshakes(
            bus, clock, self.accounts, self.contacts, self.sessions, contents, self.introductions,
            self.outbox, self.prekeys, self.settlement, self.renewals, self.losses,
        )  # fmt: skip
        self._open_the_way_in(contents)
        self.router = Router(
            store, bus, clock, log, self.contacts, self.outbox, self.inbox, self.settlement,
            self.handshakes, self.introductions, self.renewals,
            lambda: Backoff(limits.retry_min, limits.retry_max, limits.retry_jitter),
        )  # fmt: skip
        self._make_mailboxes()
        self._make_bots()
        self._connect()

    def _make_people(self, keys: KeyFiles) -> None:
        config, store, clock, bus, crypto = self._config, self._store, self._clock, self._bus, self._crypto
        self.accounts = Accounts(store, crypto, clock, keys)
        self.contacts = Contacts(store, bus, clock)
        self.conversations = Conversations(store, self.contacts, clock)
        self.numbers = Numbers(store)
        self.invites = Invites(
            store, bus, clock, self.accounts, self.contacts, self.numbers, config.invites.expires_days
        )
        self.reunions = Reunions(store, clock, self.accounts, config.invites.reunion_days)

    def _make_bots(self) -> None:
        store, clock = self._store, self._clock
        self.tokens = Tokens(store, clock, self._config.rpc.max_tokens)
        self.bots = Bots(store, self.accounts, self.tokens, self._config.node.data_dir)
        self.answers = Answers(store, clock, self.outbox, self.conversations)

    def _make_mailboxes(self) -> None:
        store, clock, log, limits = self._store, self._clock, self._log, self._config.delivery
        self.deposits = Deposits(
            store, clock, log, self.contacts, self.sessions, self.outbox, self.handshakes, self.settlement,
            lambda: Backoff(limits.retry_min, max(limits.retry_max, MOST), limits.retry_jitter),
            (limits.mailbox_after_ms / 1000, limits.redeposit_hours * 3600),
        )  # fmt: skip
        boxes = Boxes(clock, self.accounts, self.contacts, self.invites, self.prekeys, self.seals)
        drain = Drain(log, self.contacts, self.seals, self.inbox, self.losses)
        self.mailboxes = Mailboxes(
            self._config.mailboxes, store, clock, log, self.accounts, self.numbers, self.seals, boxes, drain,
            lambda: Backoff(limits.retry_min, limits.retry_max, limits.retry_jitter),
        )  # fmt: skip

    def _open_the_way_in(self, contents: Contents) -> None:
        store, clock, bus, log = self._store, self._clock, self._bus, self._log
        self.lookup = Lookup(
            store, bus, clock, log, self.accounts, self.contacts, self.reunions, self.introductions, self.handshakes
        )
        self.verifications = Verifications(clock, self.accounts, self.contacts, self.invites, contents, self.outbox)
        self.strangers = Strangers(
            self.contacts, self.sessions, self.introductions, self.outbox, self.prekeys, self.verifications
        )
        unopened = Unopened(store, bus, log, self.receipts, self.quarantine)
        self.inbox = Inbox(
            bus, clock, log, self.accounts, self.contacts, self.conversations, self.sessions, contents,
            self.introductions, self.prekeys, self.receipts, self.settlement, self.strangers, self.verifications,
            unopened, self.quarantine, self.renewals, self.stamps,
        )  # fmt: skip

    def _connect(self) -> None:
        """Who tells whom: the few calls that go up or sideways."""
        router, contacts, mailboxes = self.router, self.contacts, self.mailboxes
        router.deposits = self.deposits
        self.deposits.prepared, self.outbox.prepared = router.deliver, self.deposits.wake
        self.introductions.places, self.invites.mailboxes = mailboxes.places, mailboxes.hints
        self.invites.opened = lambda invite: mailboxes.refresh()
        self.prekeys.drained = self.seals.drained = mailboxes.drained
        self.handshakes.drained = self.settlement.drained = mailboxes.drained
        self._bus.subscribe(mailboxes.heed)
        self.outbox.max_text = self._config.messages.max_text
        self.outbox.deliver = self.inbox.deliver = self.strangers.deliver = self.verifications.deliver = router.deliver
        self.stamps.fetch, self.stamps.tell = router.fetch, router.tell
        self.outbox.transmit, self.outbox.reachable = router.transmit, router.online
        self.answers.max_state = self._config.rpc.max_state
        self.inbox.max_packet = self._config.delivery.max_packet
        # What a contact may send is bounded by what a client's line can show, whatever the contact's own limit.
        self.inbox.max_text = (self._config.rpc.max_line - LINE_AROUND_TEXT) // TEXT_GROWTH
        self.prekeys.invite_of, self.prekeys.restored_of = self.invites.of_number, self.reunions.of_number
        self.conversations.owed = self.receipts.owe
        self.receipts.send = self.outbox.send_receipts
        self.accounts.added = self._load_keys
        self.invites.accepted = contacts.changed = self.renewals.deliver = lambda contact: router.deliver(contact, ())
        contacts.kept_about = self.answers.forgetting
        contacts.leaving, contacts.removed = self._leaving, self._removed
        contacts.unblocked = router.tell  # meanwhile the account may be found under another number
        self.lookup.publisher.hints = lambda: self.invites.hints()
        self.lookup.directories.own = self.lookup.publisher.mailboxes = mailboxes.hints
        contacts.online = lambda account, contact: router.online(contacts.get(account, contact))

    def _leaving(self, change: Change, contact: Contact) -> None:
        self.reunions.leave(change, contact)
        self.lookup.shut_out(change, contact)

    def _removed(self, contact: Contact) -> None:
        self.sessions.forget_contact(contact.account, contact.id)
        self.quarantine.forget_contact(contact.account, contact.id)
        self.router.forget(contact)
        self.lookup.finder.forget(contact)

    async def load(self) -> None:
        """Read into memory what the node looks up at every step."""
        await self.accounts.load()
        await self.tokens.load()
        accounts = [row.id for row in self.accounts.all()]
        await self.contacts.load(accounts)
        await self.conversations.load(accounts)
        await self.numbers.load(accounts)
        await self.invites.load()
        await self.sessions.load(accounts)
        await self.quarantine.load(accounts)
        await self.reunions.load(accounts)
        await self.lookup.worked.load()
        await self.settlement.load()
        for account in accounts:
            await self._load_keys(account)
        self.receipts.owe(await self._store.receipts())

    async def _load_keys(self, account: AccountId) -> None:
        await self.lookup.numbers.load((account,))
        await self.seals.load(account)
        await self.prekeys.load(account)
        self.mailboxes.refresh()

    def gauges(self) -> Mapping[str, Gauge]:
        """The queues of a message's way, once transports are linked."""
        traffic = self.router.links.traffic
        return {
            "lane_late": self.router.late,
            "link_unacked": traffic.unacked,
            "link_unacked_bytes": traffic.unacked_bytes,
            "link_arriving": traffic.arriving,
            "quarantine": self.quarantine.packets,
            "quarantine_bytes": self.quarantine.bytes,
        }

    def give_up_gaps(self) -> None:
        """Let lanes look at contacts whose packets have waited for too long for those before them."""
        for contact in self.contacts.everybody():
            if self.quarantine.lost(contact.account, contact.id):
                self.router.deliver(contact, ())

    def screen(self, filters: Sequence[MessageFilter]) -> None:
        """Let filters see what passes."""
        self.outbox.filters = self.inbox.filters = filters

    def link(self, transports: Sequence[Transport], tasks: TaskGroup) -> None:
        """Serve and dial over these transports; before any of them listens. `tasks` runs links and lanes."""
        delivery = self._config.delivery
        limits = Limits(
            delivery.window, delivery.max_packet, delivery.packet_rate, delivery.packet_burst, delivery.stall_timeout,
            delivery.window_bytes,
        )  # fmt: skip
        links = Links(transports, self.router, self._clock, self._log, limits, self.lookup.worked)
        links.up, links.down, links.found = self.router.up, self.router.down, self.router.found
        self.router.links = self.handshakes.links = links
        links.spawn = lambda live, link: tasks.start_soon(live, link)
        self.router.tasks = self.deposits.tasks = self.deposits.nodes.tasks = tasks
        self.deposits.nodes.links = links
        self.mailboxes.link(links)
        self.lookup.link(links, self.router, tasks)
        links.serve()
        for transport in transports:
            transport.handle(PREKEY_PROTOCOL, self.handshakes.serve)
