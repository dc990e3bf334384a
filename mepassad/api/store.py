"""The contract of the node's store: immutable commits of typed writes, one writer, and plain reads."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from typing import NamedTuple, Protocol

import msgspec

from mepassad.api.types import (
    Account,
    AccountId,
    Contact,
    Conversation,
    ConversationId,
    Event,
    Invite,
    Message,
    MessageId,
    NodeId,
    Outgoing,
    PrivateKey,
    Quarantined,
    Receipt,
    Session,
)
from mepassad.api.writes import Write


class Commit(msgspec.Struct, frozen=True):
    """Writes that are one fact."""

    writes: tuple[Write, ...]


class Committed(msgspec.Struct, frozen=True):
    """What a commit became: the numbers of its events, in the order of its `AddEvent`s."""

    seqs: tuple[int, ...]


class Due(NamedTuple):
    """What is to be deposited at `now`: what no note that is younger than `noted_before` tells of (Unix seconds)."""

    now: int
    noted_before: int


class Page(msgspec.Struct, frozen=True):
    """A page of messages, newest first; `next` continues it, None at the end."""

    items: tuple[Message, ...]
    next: str | None


class Store(Protocol):
    """Keeps everything the node must not lose.

    `commit` takes the commit at once, in call order, and its awaitable ends when the commit is durable (fsynced).
    It raises `Conflict` (a session's version did not follow, or a plugin's value was another), `Duplicate` (see the
    writes), or `StoreFull`; a failed commit changed nothing, and other commits are not touched by it. Commits handed
    over in one loop tick share one fsync. After `StoreFull`, later commits work as soon as there is room. A commit is
    never half visible to reads. While too many wait for the disk, more are refused with `StoreBusy`. Text that UTF-8
    cannot hold is a ValueError.

    Where a passphrase seals the folder's keys, the core puts itself between: secrets come sealed, as other bytes. A
    backup that a store makes of itself lies in its folder under a name that ends in `.backup`: it is erased when the
    rows are sealed.

    Reads see every commit whose awaitable has ended. All rows are of one account unless said otherwise.
    """

    name: str

    def commit(self, commit: Commit) -> Awaitable[Committed]:
        """Keep a commit; see above."""
        ...

    async def accounts(self) -> Sequence[Account]:
        """All accounts of the node, oldest first."""
        ...

    async def contacts(self, account: AccountId) -> Sequence[Contact]:
        """All contacts, oldest first."""
        ...

    async def conversations(self, account: AccountId) -> Sequence[Conversation]:
        """All conversations with unread counts, the one where something happened last first."""
        ...

    async def message(self, account: AccountId, id: MessageId) -> Message | None:
        """One message."""
        ...

    async def message_by_request(self, account: AccountId, request_id: str) -> Message | None:
        """The message that a `request_id` made."""
        ...

    async def messages(self, account: AccountId, conversation: ConversationId, limit: int, before: str | None) -> Page:
        """A page of a conversation, newest first; `before` is a `next` of an earlier page. Raises ValueError on a
        `before` that is none."""
        ...

    async def unread(self, account: AccountId, up_to: MessageId, limit: int) -> Sequence[MessageId]:
        """Received messages not yet read in the conversation of `up_to`, up to and including its place, oldest
        first."""
        ...

    async def search(self, account: AccountId, query: str, limit: int, before: str | None) -> Page:
        """Messages that hold all words of `query` (the last one may be a beginning), accents and case ignored,
        newest first: the one that was stored last (the highest `seq`). Any text is a valid query. Raises ValueError
        on a bad `before`."""
        ...

    async def newest_ms(self, account: AccountId) -> dict[ConversationId, int]:
        """The largest `sort_ms` of each conversation."""
        ...

    async def outgoing(self, account: AccountId, contact: AccountId, after_seq: int, limit: int) -> Sequence[Outgoing]:
        """Rows owed to a contact, in the order they were added, with `seq` above `after_seq`."""
        ...

    async def outgoing_contacts(self) -> Sequence[tuple[AccountId, AccountId]]:
        """(account, contact) pairs of all accounts to whom something is owed."""
        ...

    async def outgoing_by_id(self, account: AccountId, ids: Collection[bytes]) -> Sequence[Outgoing]:
        """Rows by packet id."""
        ...

    async def expired_outgoing(self, now: int, limit: int) -> Sequence[Outgoing]:
        """Rows of all accounts whose `expires_at` (not 0) has passed."""
        ...

    async def undeposited(
        self, account: AccountId, contact: AccountId, node: NodeId, due: Due, after_seq: int, limit: int
    ) -> Sequence[Outgoing]:
        """Rows owed to a contact that have a packet, whose `next_at` has come, and that a mailbox node did not take
        lately; in the order they were added, with `seq` above `after_seq`."""
        ...

    async def sessions(self, account: AccountId) -> Sequence[Session]:
        """All sessions, most recently used first."""
        ...

    async def skipped(self, account: AccountId, session: bytes) -> dict[bytes, bytes]:
        """A session's passed-over message keys, iterating oldest first."""
        ...

    async def quarantined(self, account: AccountId) -> Sequence[Quarantined]:
        """All packets that cannot be opened yet, in the order they came."""
        ...

    async def keys(self, account: AccountId) -> Sequence[PrivateKey]:
        """All private prekeys, by id."""
        ...

    async def invite(self, account: AccountId, number: bytes) -> Invite | None:
        """An invite by its number."""
        ...

    async def invites(self) -> Sequence[Invite]:
        """The invites of all accounts."""
        ...

    async def seen(self, account: AccountId, packet: bytes) -> str | None:
        """The message that a marked packet brought ("" = none); None when the packet id was not marked."""
        ...

    async def receipts(self) -> Sequence[Receipt]:
        """All receipts owed, of all accounts."""
        ...

    async def events(self, after: int, limit: int, topics: Collection[str] | None) -> Sequence[Event]:
        """Facts of all accounts after a number, oldest first; `topics` None = all."""
        ...

    async def event_range(self) -> tuple[int, int]:
        """(oldest kept, newest) event number; (1, 0) when there are none."""
        ...

    async def setting(self, account: str, key: str) -> bytes | None:
        """A setting."""
        ...

    async def settings(self, account: str) -> dict[str, bytes]:
        """All settings of the node ("") or an account, by key."""
        ...

    async def plugin_state(self, plugin: str, key: str) -> bytes | None:
        """A plugin's value."""
        ...

    async def forget(self, seen_before: int, events_before_ms: int, events_keep: int) -> None:
        """Drop packet ids marked before a time (Unix seconds), and events before a time or beyond a count.

        The newest event is always kept: from it the numbers go on after a restart.
        """
        ...

    def stats(self) -> dict[str, int]:
        """Counters for `system.stats`: commits, writes, batches, bytes, and `queued` as a `Gauge` shows it."""
        ...
