"""The typed writes that a commit is made of: each is one change to what the store keeps."""

from __future__ import annotations

import msgspec

from mepassad.api.types import (
    Account,
    AccountId,
    Contact,
    ConversationId,
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


class Write(msgspec.Struct, frozen=True):
    """One change. A commit holds several; they happen together or not at all."""


class PutAccount(Write, frozen=True):
    """Add or replace an account."""

    row: Account


class PutContact(Write, frozen=True):
    """Add or replace a contact (and make its conversation on first sight)."""

    row: Contact


class DropContact(Write, frozen=True):
    """Forget a contact: its conversation, messages, sessions, outbox rows and receipts go with it."""

    account: AccountId
    contact: AccountId


class AddMessage(Write, frozen=True):
    """Add a message; `Duplicate` if its id is there already, or its `request_id` for this account."""

    row: Message


class SetMessageState(Write, frozen=True):
    """Move a message's state forward; `route`, `reason`, `tries` and `latency_ms` are kept as they were where empty.

    States only climb: queued < sent < delivered < read, and failed or expired end a queued or sent one. A step
    backwards is ignored, so that doubled and reordered acks are harmless.
    """

    account: AccountId
    message: MessageId
    state: str
    route: str = ""
    reason: str = ""
    tries: int = 0
    latency_ms: int = 0


class MarkRead(Write, frozen=True):
    """Mark all received messages of a conversation up to and including this one's place as read."""

    account: AccountId
    conversation: ConversationId
    up_to: MessageId


class AddOutgoing(Write, frozen=True):
    """Owe a packet (or an unprepared content) to a device."""

    row: Outgoing


class ReplaceOutgoing(Write, frozen=True):
    """Replace the outbox row with this id by others: a prepared packet for each device."""

    account: AccountId
    id: bytes
    rows: tuple[Outgoing, ...]


class SetOutgoing(Write, frozen=True):
    """Note a try: new state, count of attempts and when to try again (Unix seconds)."""

    account: AccountId
    id: bytes
    state: str
    attempts: int
    next_at: int


class NoteDeposits(Write, frozen=True):
    """A mailbox node took these packets (ids) at a time (Unix seconds).

    A note is replaced by a later one, dies with its outbox row, and is none where there is no such row.
    """

    account: AccountId
    node: NodeId
    packets: tuple[bytes, ...]
    at: int


class DropOutgoing(Write, frozen=True):
    """The packet is no longer owed."""

    account: AccountId
    id: bytes


class DropOutgoingOf(Write, frozen=True):
    """Nothing of this message is owed to this device any more (`device` b"" = to any device)."""

    account: AccountId
    message: MessageId
    device: bytes = b""


class PutSession(Write, frozen=True):
    """Add or advance a session. `row.version` is one above the version that was read (1 = new): otherwise the whole
    commit is refused with `Conflict`."""

    row: Session


class DropSession(Write, frozen=True):
    """Forget a session and its skipped keys."""

    account: AccountId
    id: bytes


class AddSkipped(Write, frozen=True):
    """Keep message keys of a session that were passed over."""

    account: AccountId
    session: bytes
    keys: tuple[tuple[bytes, bytes], ...]

    def __repr__(self) -> str:
        return f"AddSkipped({len(self.keys)} keys)"


class DropSkipped(Write, frozen=True):
    """Forget passed-over message keys: they were used, or are too old."""

    account: AccountId
    session: bytes
    references: tuple[bytes, ...]


class AddQuarantined(Write, frozen=True):
    """Keep a packet that cannot be opened yet; keeping it twice is harmless."""

    row: Quarantined


class DropQuarantined(Write, frozen=True):
    """A packet needs no further try."""

    account: AccountId
    packet: bytes


class PutKeys(Write, frozen=True):
    """Add or replace private prekeys."""

    rows: tuple[PrivateKey, ...]


class DropKeys(Write, frozen=True):
    """Forget private prekeys."""

    account: AccountId
    ids: tuple[int, ...]


class PutInvite(Write, frozen=True):
    """Add or replace an invite."""

    row: Invite


class MarkSeen(Write, frozen=True):
    """Remember a packet id, and which message it brought ("" = none); `Duplicate` if it was seen."""

    account: AccountId
    packet: bytes
    at: int
    message: str = ""


class OweReceipt(Write, frozen=True):
    """Owe a receipt to a contact; owing it twice is harmless."""

    row: Receipt


class DropReceipts(Write, frozen=True):
    """These receipts are in a packet now."""

    rows: tuple[Receipt, ...]


class AddEvent(Write, frozen=True):
    """Append a fact to the event log; its number comes back in `Committed.seqs`."""

    account: AccountId
    topic: str
    object: str
    at_ms: int


class SetSetting(Write, frozen=True):
    """Keep a setting of the node or an account; None drops it."""

    account: str
    key: str
    value: bytes | None

    def __repr__(self) -> str:
        return f"SetSetting({self.key})"


class SetPluginState(Write, frozen=True):
    """Keep a plugin's value; None drops it.

    With `was`, only where the value is that one now (None: where there is none): otherwise the whole commit is refused
    with `Conflict`. It is not for dropping.
    """

    plugin: str
    key: str
    value: bytes | None
    was: bytes | msgspec.UnsetType | None = msgspec.UNSET
