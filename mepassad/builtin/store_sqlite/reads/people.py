"""Reads of what a person has: accounts, contacts, conversations, invites."""

# ruff: noqa: D102 - the methods are documented where they are promised, in mepassad.api.store

from __future__ import annotations

from collections.abc import Sequence

from mepassad.api.types import Account, AccountId, Contact, Conversation, ConversationId, Invite
from mepassad.builtin.store_sqlite.reads.readers import Reads
from mepassad.builtin.store_sqlite.rows import select

_ACCOUNTS = select(Account, "FROM account ORDER BY created_at, rowid")
_CONTACTS = select(Contact, "FROM contact WHERE account = ? ORDER BY created_at, rowid")
_INVITES = select(Invite, "FROM invite")
_INVITE = select(Invite, "FROM invite WHERE account = ? AND number = ?")
# Both sub-selects are answered by an index alone; where nothing was said yet, what happened is the contact itself.
_CONVERSATIONS = """
SELECT contact.account, contact.conversation, contact.id,
    (SELECT count(*) FROM message WHERE account = contact.account AND conversation = contact.conversation
        AND incoming = 1 AND state = 'received'),
    coalesce(last.sort_ms, contact.created_at * 1000), coalesce(last.id, '')
FROM contact LEFT JOIN message AS last ON last.seq =
    (SELECT seq FROM message WHERE account = contact.account AND conversation = contact.conversation
        ORDER BY sort_ms DESC, seq DESC LIMIT 1)
WHERE contact.account = ? ORDER BY 5 DESC, contact.rowid DESC
"""
_NEWEST = """
SELECT conversation, (SELECT sort_ms FROM message WHERE account = contact.account
    AND conversation = contact.conversation ORDER BY sort_ms DESC LIMIT 1) AS newest
FROM contact WHERE account = ? AND newest IS NOT NULL
"""


class PeopleReads(Reads):
    """See `mepassad.api.store.Store`."""

    async def accounts(self) -> Sequence[Account]:
        return await self._all(Account, _ACCOUNTS)

    async def contacts(self, account: AccountId) -> Sequence[Contact]:
        return await self._all(Contact, _CONTACTS, account)

    async def conversations(self, account: AccountId) -> Sequence[Conversation]:
        return await self._all(Conversation, _CONVERSATIONS, account)

    async def newest_ms(self, account: AccountId) -> dict[ConversationId, int]:
        return dict(await self._readers.fetch(_NEWEST, account))

    async def invite(self, account: AccountId, number: bytes) -> Invite | None:
        return await self._one(Invite, _INVITE, account, number)

    async def invites(self) -> Sequence[Invite]:
        return await self._all(Invite, _INVITES)
