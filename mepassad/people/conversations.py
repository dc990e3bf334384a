"""Conversations: lists with unread counts, and marking as read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mepassad.api.context import Clock
from mepassad.api.store import Commit, Store
from mepassad.api.types import AccountId, Conversation, ConversationId, MessageId, Receipt
from mepassad.api.writes import MarkRead, OweReceipt
from mepassad.errors import UnknownConversation, UnknownMessage
from mepassad.people.contacts import Contacts

_RECEIPTS_AT_ONCE = 500


class Conversations:
    """What was said with whom, and how much of it is unread."""

    def __init__(self, store: Store, contacts: Contacts, clock: Clock) -> None:
        """`owed` is called with receipts that are durable and should go out."""
        self._store, self._contacts, self._clock = store, contacts, clock
        self._newest: dict[tuple[AccountId, ConversationId], int] = {}
        self.owed: Callable[[Sequence[Receipt]], None] = lambda receipts: None

    async def load(self, accounts: Sequence[AccountId]) -> None:
        """Learn where each conversation ends."""
        for account in accounts:
            for conversation, newest in (await self._store.newest_ms(account)).items():
                self._newest[account, conversation] = newest

    def place(self, account: AccountId, conversation: ConversationId, time_ms: int, incoming: bool) -> int:
        """The `sort_ms` of a new message.

        One's own goes to the end, even when the clock was set back. A received one goes where its sender's clock
        says, but not beyond the end and not before the oldest that could still be under way.
        """
        now = int(self._clock.now() * 1000)
        key = (account, conversation)
        end = max(now, self._newest.get(key, 0))
        place = min(max(time_ms, end - 15 * 86_400_000), end) if incoming else end
        self._newest[key] = max(place, self._newest.get(key, 0))
        return place

    async def all(self, account: AccountId) -> Sequence[Conversation]:
        """All conversations, the one where something happened last first."""
        return await self._store.conversations(account)

    async def get(self, account: AccountId, conversation: ConversationId) -> Conversation:
        """One conversation. Raises `UnknownConversation`."""
        for row in await self._store.conversations(account):
            if row.id == conversation:
                return row
        raise UnknownConversation

    def contact_of(self, account: AccountId, conversation: ConversationId) -> AccountId:
        """With whom a conversation is. Raises `UnknownConversation`."""
        return self._contacts.of_conversation(account, conversation)

    async def mark_read(self, account: AccountId, message: MessageId) -> None:
        """Mark received messages up to this one as read, durably, and owe their senders receipts.

        Raises `UnknownMessage`, `StoreFull`.
        """
        row = await self._store.message(account, message)
        if row is None:
            raise UnknownMessage
        while unread := await self._store.unread(account, message, _RECEIPTS_AT_ONCE):
            receipts = [Receipt(account=account, contact=row.contact, message=found, kind="read") for found in unread]
            reads = MarkRead(account, row.conversation, unread[-1])
            await self._store.commit(Commit((reads, *(OweReceipt(receipt) for receipt in receipts))))
            self.owed(receipts)
