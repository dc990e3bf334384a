"""The nouns that core and plugins share: ids, rows of the store, secrets. Plain values, no behaviour.

Ids are opaque text to clients: an account or contact is the bech32m account id (`mp1…`), a node its libp2p
peer id, a message or conversation 16 bytes in base64url. Times are Unix milliseconds (`*_ms`) or seconds (`*_at`).
"""

from __future__ import annotations

from typing import NewType

import msgspec

AccountId = NewType("AccountId", str)
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
NodeId = NewType("NodeId", str)


class Secret(bytes):
    """Bytes that never show: their repr and str name only the length, and they refuse to be formatted."""

    def __repr__(self) -> str:
        return f"Secret({len(self)} bytes)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the store; immutable, compared by value. Change one with `msgspec.structs.replace`."""


class Account(Row, frozen=True, kw_only=True):
    """One identity on this node. `device_list` is the signed list (wire), `device` this device's public key."""

    id: AccountId
    name: str
    kind: str  # person | bot | ai-agent | node
    device: bytes
    device_list: bytes
    created_at: int


class Contact(Row, frozen=True, kw_only=True):
    """Somebody an account talks to. `id` is their account id.

    `number` is the mailbox number we gave them, `their_number` the one they gave us; `nodes` maps each of
    their node ids to the addresses last heard. `invite` is the accepted link while the state is `pending`.
    """

    account: AccountId
    id: AccountId
    conversation: ConversationId
    state: str  # pending | accepted | refused
    name: str = ""  # chosen by themselves
    petname: str = ""  # chosen by the account
    kind: str = "person"
    blocked: bool = False
    verified: bool = False
    device_list: bytes = b""
    number: bytes = b""
    their_number: bytes = b""
    nodes: dict[str, list[str]] = {}
    invite: str = ""
    reason: str = ""
    directory: bytes = b""  # number and reunion key (32 bytes each) by which they are found when they were restored
    places: bytes = b""  # the newest `Places` (wire) that they told: mailboxes, and the keys to what lies there for us
    created_at: int

    def __repr__(self) -> str:
        return f"Contact({self.id}, {self.state})"


class Message(Row, frozen=True, kw_only=True):
    """One message of a conversation. `sort_ms` orders a conversation, `seq` (given by the store) breaks ties."""

    account: AccountId
    id: MessageId
    conversation: ConversationId
    contact: AccountId
    incoming: bool
    content_id: bytes
    kind: int
    text: str
    reply_to: str = ""
    time_ms: int
    sort_ms: int
    state: str  # out: queued sent delivered read failed expired; in: received read
    route: str = ""  # "" | direct | relayed | mailbox
    reason: str = ""
    request_id: str = ""
    tries: int = 0  # times that a node took a packet of it, until it was delivered
    latency_ms: int = 0  # from its making to its delivery, by this node's clock; 0 until then, else 1 at least
    seq: int = 0


class Conversation(Row, frozen=True, kw_only=True):
    """A conversation as a list shows it: who, how many unread, and when something last happened.

    While nothing was said, `last_ms` is when the contact was made and `last_message` is empty.
    """

    account: AccountId
    id: ConversationId
    contact: AccountId
    unread: int = 0
    last_ms: int = 0
    last_message: str = ""


class Outgoing(Row, frozen=True, kw_only=True):
    """One packet owed to one device (or, while `packet` is empty, a message that waits for a session).

    `message` is empty for invisible contents: receipts, hellos. From `next_at` on (Unix seconds) it is deposited in
    the contact's mailboxes, if there are any.
    """

    account: AccountId
    id: bytes  # packet id; while waiting: a hash of the content id and device
    contact: AccountId
    device: bytes
    message: str = ""
    packet: bytes = b""
    state: str = "waiting"  # waiting (no packet yet) | ready | sent
    attempts: int = 0
    next_at: int = 0
    expires_at: int = 0
    seq: int = 0


class Session(Row, frozen=True, kw_only=True):
    """A ratchet session with one device of a contact. `version` counts its commits; `used_ms` picks the newest.

    `heard`: something of the other side was opened in it, so it has the session too.
    """

    account: AccountId
    id: bytes
    contact: AccountId
    device: bytes
    state: bytes
    version: int
    used_ms: int
    heard: bool = False

    def __repr__(self) -> str:
        return f"Session({self.contact}, version={self.version})"


class Quarantined(Row, frozen=True, kw_only=True):
    """A packet that cannot be opened yet: too many before it are missing in its session. Tried again as they come."""

    account: AccountId
    packet: bytes  # its id
    contact: AccountId
    session: bytes
    raw: bytes
    at: int

    def __repr__(self) -> str:
        return f"Quarantined({self.contact}, {len(self.raw)} bytes)"


class PrivateKey(Row, frozen=True, kw_only=True):
    """One private prekey of a device, opaque to the core. `kind` is the crypto plugin's own word."""

    account: AccountId
    id: int
    kind: str
    secret: bytes
    public: bytes
    created_at: int
    retired_at: int = 0  # 0 while current
    given_at: int = 0  # when a one-time key was handed out, else 0

    def __repr__(self) -> str:
        return f"PrivateKey({self.kind}, id={self.id})"


class Invite(Row, frozen=True, kw_only=True):
    """An invite this account made. `number` is its request mailbox number, `secret` what the redeemer must know."""

    account: AccountId
    number: bytes
    secret: bytes
    uses_left: int
    expires_at: int
    created_at: int
    in_person: bool = False  # a code to be shown in person: who redeems it is verified

    def __repr__(self) -> str:
        return f"Invite(uses_left={self.uses_left}, expires_at={self.expires_at})"


class Receipt(Row, frozen=True, kw_only=True):
    """A receipt owed to a contact: that `message` was delivered or read here."""

    account: AccountId
    contact: AccountId
    message: MessageId
    kind: str  # delivered | read


class Event(Row, frozen=True, kw_only=True):
    """A durable fact: a topic and the id of the object it is about; its data is rendered from today's rows."""

    seq: int
    account: AccountId
    topic: str
    object: str
    at_ms: int
