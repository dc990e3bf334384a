"""What the RPC needs of the node: Protocols, so that it is tested without one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from mepassad.api.gauges import Gauge
from mepassad.api.store import Page
from mepassad.api.types import Account, AccountId, Contact, Conversation, ConversationId, Message, MessageId
from mepassad.bus import Fact, Signal
from mepassad.delivery.answers import Answer
from mepassad.people.tokens import Token


class Bus(Protocol):
    """Facts and signals of the node; see `mepassad.bus.Bus`."""

    newest: int

    def subscribe(self, receive: Callable[[Fact | Signal], None]) -> Callable[[], None]:
        """Call `receive` synchronously with everything from now on; returns what ends it."""
        ...

    async def replay(self, after: int, limit: int, topics: Collection[str] | None) -> list[Fact]:
        """Kept facts after a number, oldest first; fewer than `limit` only when there are no more."""
        ...

    async def oldest(self) -> int:
        """The number of the oldest kept fact; 1 when there are none."""
        ...


class Messages(Protocol):
    """The reads of the store that RPC methods make directly; see `mepassad.api.store.Store`."""

    async def message(self, account: AccountId, id: MessageId) -> Message | None:
        """One message."""
        ...

    async def messages(self, account: AccountId, conversation: ConversationId, limit: int, before: str | None) -> Page:
        """A page of a conversation, newest first. Raises ValueError on a bad `before`."""
        ...

    async def search(self, account: AccountId, query: str, limit: int, before: str | None) -> Page:
        """Messages that hold all words of `query`, newest first. Raises ValueError on a bad `before`."""
        ...


class Accounts(Protocol):
    """The accounts of this node."""

    def resolve(self, account: str | None) -> Account:
        """By id, or the first. Raises `UnknownAccount`, `NoAccount`."""
        ...

    def all(self) -> Sequence[Account]:
        """All, oldest first."""
        ...

    async def create(self, name: str, kind: str) -> tuple[Account, str]:
        """A new account and its 24 words, which are not kept. Raises `InvalidName`."""
        ...


class Contacts(Protocol):
    """The contacts of each account. All but `all` raise `UnknownContact`."""

    def all(self, account: AccountId, /) -> Sequence[Contact]:
        """All, oldest first."""
        ...

    def get(self, account: AccountId, contact: AccountId, /) -> Contact:
        """One."""
        ...

    async def rename(self, account: AccountId, contact: AccountId, petname: str, /) -> Contact:
        """Give a petname, or take it away with an empty one. Raises `InvalidName`."""
        ...

    async def block(self, account: AccountId, contact: AccountId, blocked: bool, /) -> Contact:
        """Refuse what comes from them and send them nothing, or no longer."""
        ...

    async def verify(self, account: AccountId, contact: AccountId, number: str, /) -> Contact:
        """Mark as verified by their safety number. Raises `NumbersDiffer`, `InvalidParams`."""
        ...

    async def unverify(self, account: AccountId, contact: AccountId, /) -> Contact:
        """Take the mark away."""
        ...

    async def remove(self, account: AccountId, contact: AccountId, /) -> None:
        """Forget them and everything said."""
        ...

    def online(self, account: AccountId, contact: AccountId, /) -> bool:
        """Whether there is a live connection to them."""
        ...


class Invites(Protocol):
    """Links that make contacts."""

    async def create(
        self, account: AccountId, uses: int, expires_in: int | None, in_person: bool, /
    ) -> tuple[str, int]:
        """A new invite for some seconds, or as long as invites are good here, or a code: its URI and when it expires
        (Unix seconds)."""
        ...

    async def accept(self, account: AccountId, uri: str, /) -> Contact:
        """The contact that the invite makes, pending until the other side answered. Raises `Invite…` errors."""
        ...


class Verifications(Protocol):
    """Codes that contacts showed in person."""

    async def scan(self, account: AccountId, uri: str, named: AccountId | None, /) -> Contact:
        """Show a code's maker that it was scanned. Raises the errors of `contacts.verify`."""
        ...


class Conversations(Protocol):
    """The conversations of each account. All but `all` raise `UnknownConversation` or `UnknownMessage`."""

    async def all(self, account: AccountId, /) -> Sequence[Conversation]:
        """All, the one where something happened last first."""
        ...

    async def get(self, account: AccountId, conversation: ConversationId, /) -> Conversation:
        """One."""
        ...

    def contact_of(self, account: AccountId, conversation: ConversationId, /) -> AccountId:
        """Whom it is with."""
        ...

    async def mark_read(self, account: AccountId, message: MessageId, /) -> None:
        """Mark everything up to and including a message as read, and owe receipts for it."""
        ...


class Outbox(Protocol):
    """The way out."""

    max_text: int

    async def submit(
        self, account: AccountId, contact: AccountId, text: str, reply_to: str, request_id: str, /
    ) -> Message:
        """Keep a message to be sent; durable when it returns. Raises the errors of `messages.send`."""
        ...

    async def typing(self, account: AccountId, contact: AccountId, active: bool, /) -> None:
        """Tell a contact who is online that one is typing, or stopped. Raises `UnknownContact`, `StoreFull`."""
        ...


class Tokens(Protocol):
    """What programs show to act for the user of this node."""

    ended: Callable[[str], None]

    def all(self) -> Sequence[Token]:
        """All that are good, oldest first."""
        ...

    def check(self, shown: str, /) -> Token:
        """The token that was shown. Raises `TokenRefused`."""
        ...

    def good(self, id: str, /) -> bool:
        """Whether a token that was shown before is still good."""
        ...

    async def create(
        self, name: str, scopes: Collection[str], account: str, bot: str, expires_in: int, /
    ) -> tuple[Token, str]:
        """A new token, and what is to be shown for it. Raises `InvalidName`, `TooManyTokens`."""
        ...

    async def revoke(self, id: str, /) -> None:
        """A token is good no more. Raises `UnknownToken`."""
        ...


class Bots(Protocol):
    """What bots need beyond what everybody may do."""

    async def register(self, bot: str, name: str, /) -> tuple[Account, str, Path | None]:
        """A bot's account, a token, and where the words of an account lie that was made now."""
        ...


class Answers(Protocol):
    """What bots made of what they were told: answers, state and place, each time in one commit."""

    async def place(self, account: AccountId, bot: str, /) -> int | None:
        """Up to which event a bot has dealt with all; None = it never ran."""
        ...

    async def state(self, account: AccountId, bot: str, conversation: ConversationId, /) -> tuple[int, bytes]:
        """The last event dealt with in a conversation (0: none), and the state as JSON."""
        ...

    async def keep(self, account: AccountId, bot: str, answer: Answer, /) -> Sequence[Message]:
        """Keep what a bot made of an event. Raises the errors of `bots.answer`."""
        ...

    async def save(self, account: AccountId, bot: str, place: int, /) -> None:
        """Move a bot's place on."""
        ...


class Node(Protocol):
    """The daemon as RPC methods see it."""

    @property
    def gauges(self) -> dict[str, Gauge]:
        """The queues that `stats` tells of; the server adds its own."""
        ...

    @property
    def version(self) -> str:
        """The version of the daemon."""
        ...

    @property
    def bus(self) -> Bus:
        """Facts and signals."""
        ...

    @property
    def store(self) -> Messages:
        """What is kept."""
        ...

    @property
    def accounts(self) -> Accounts:
        """Who lives here."""
        ...

    @property
    def contacts(self) -> Contacts:
        """Whom they know."""
        ...

    @property
    def invites(self) -> Invites:
        """How they come to know each other."""
        ...

    @property
    def verifications(self) -> Verifications:
        """How they come to trust each other."""
        ...

    @property
    def conversations(self) -> Conversations:
        """What they have open."""
        ...

    @property
    def outbox(self) -> Outbox:
        """The way out."""
        ...

    @property
    def tokens(self) -> Tokens:
        """Who may act for its user."""
        ...

    @property
    def bots(self) -> Bots:
        """The accounts of bots."""
        ...

    @property
    def answers(self) -> Answers:
        """What bots answer."""
        ...

    def addresses(self) -> list[str]:
        """Multiaddrs under which this node listens, with `/p2p/`."""
        ...

    def stats(self) -> dict[str, object]:
        """Counters."""
        ...

    def stop(self) -> None:
        """Begin to stop; returns at once."""
        ...
