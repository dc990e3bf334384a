"""Reads of messages: one, a page of a conversation, a search."""

# ruff: noqa: D102 - the methods are documented where they are promised, in mepassad.api.store

from __future__ import annotations

from collections.abc import Sequence

from mepassad.api.store import Page
from mepassad.api.types import AccountId, ConversationId, Message, MessageId
from mepassad.builtin.store_sqlite.reads import cursors
from mepassad.builtin.store_sqlite.reads.readers import Reads
from mepassad.builtin.store_sqlite.reads.words import match_expression
from mepassad.builtin.store_sqlite.rows import select

_MESSAGE = select(Message, "FROM message WHERE account = ? AND id = ?")
_BY_REQUEST = select(Message, "FROM message WHERE account = ? AND request_id = ? AND request_id <> ''")
_PAGE = select(
    Message,
    "FROM message WHERE account = ? AND conversation = ? AND (sort_ms, seq) < (?, ?) "
    "ORDER BY sort_ms DESC, seq DESC LIMIT ?",
)
_UNREAD = """
SELECT message.id FROM message JOIN message AS last ON last.account = message.account
    AND last.conversation = message.conversation AND (message.sort_ms, message.seq) <= (last.sort_ms, last.seq)
WHERE last.account = ? AND last.id = ? AND message.incoming = 1 AND message.state = 'received'
ORDER BY message.sort_ms, message.seq LIMIT ?
"""
# By number alone, which FTS5 walks downwards without sorting: a word of 100,000 messages costs what a page costs.
_SEARCH = select(
    Message,
    "FROM message JOIN message_text ON message_text.rowid = message.seq "
    "WHERE message_text MATCH ? AND message_text.rowid < ? AND account = ? "
    "ORDER BY message_text.rowid DESC LIMIT ?",
)


class MessageReads(Reads):
    """See `mepassad.api.store.Store`."""

    async def message(self, account: AccountId, id: MessageId) -> Message | None:
        return await self._one(Message, _MESSAGE, account, id)

    async def message_by_request(self, account: AccountId, request_id: str) -> Message | None:
        return await self._one(Message, _BY_REQUEST, account, request_id)

    async def messages(self, account: AccountId, conversation: ConversationId, limit: int, before: str | None) -> Page:
        place = cursors.place(before)
        rows = await self._all(Message, _PAGE, account, conversation, *place, limit + 1)
        items = tuple(rows[:limit])
        return Page(items, cursors.of_place(items[-1].sort_ms, items[-1].seq) if len(rows) > limit else None)

    async def unread(self, account: AccountId, up_to: MessageId, limit: int) -> Sequence[MessageId]:
        return [row[0] for row in await self._readers.fetch(_UNREAD, account, up_to, limit)]

    async def search(self, account: AccountId, query: str, limit: int, before: str | None) -> Page:
        number = cursors.number(before)
        expression = match_expression(query)
        if not expression:
            return Page((), None)
        rows = await self._all(Message, _SEARCH, expression, number, account, limit + 1)
        items = tuple(rows[:limit])
        return Page(items, cursors.of_number(items[-1].seq) if len(rows) > limit else None)
