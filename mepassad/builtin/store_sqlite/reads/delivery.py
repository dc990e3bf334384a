"""Reads of what a message passes: outbox rows, sessions and their keys, packet ids, receipts owed."""

# ruff: noqa: D102 - the methods are documented where they are promised, in mepassad.api.store

from __future__ import annotations

from collections.abc import Collection, Sequence

from mepassad.api.store import Due
from mepassad.api.types import AccountId, NodeId, Outgoing, PrivateKey, Quarantined, Receipt, Session
from mepassad.builtin.store_sqlite.reads.readers import Reads
from mepassad.builtin.store_sqlite.rows import select

IDS_A_QUERY = 500  # keeps one statement short, however many ids are asked for

_OWED = select(Outgoing, "FROM outgoing WHERE account = ? AND contact = ? AND seq > ? ORDER BY seq LIMIT ?")
_OWED_BY_ID = select(Outgoing, "FROM outgoing WHERE account = ? AND id IN ")
_EXPIRED = select(Outgoing, "FROM outgoing WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?")
_UNDEPOSITED = select(
    Outgoing,
    "FROM outgoing WHERE account = ?1 AND contact = ?2 AND seq > ?6 AND packet <> x'' AND next_at <= ?4 "
    "AND NOT EXISTS (SELECT 1 FROM deposit WHERE deposit.account = outgoing.account AND deposit.packet = outgoing.id "
    "AND deposit.node = ?3 AND deposit.at >= ?5) ORDER BY seq LIMIT ?7",
)
_OWED_CONTACTS = "SELECT DISTINCT account, contact FROM outgoing"
_SESSIONS = select(Session, "FROM session WHERE account = ? ORDER BY used_ms DESC, rowid DESC")
_SKIPPED = "SELECT reference, key FROM skipped WHERE account = ? AND session = ? ORDER BY seq"
_KEYS = select(PrivateKey, "FROM private_key WHERE account = ? ORDER BY id")
_QUARANTINED = select(Quarantined, "FROM quarantine WHERE account = ? ORDER BY rowid")
_SEEN = "SELECT message FROM seen WHERE account = ? AND packet = ?"
_RECEIPTS = select(Receipt, "FROM receipt")


class DeliveryReads(Reads):
    """See `mepassad.api.store.Store`."""

    async def outgoing(self, account: AccountId, contact: AccountId, after_seq: int, limit: int) -> Sequence[Outgoing]:
        return await self._all(Outgoing, _OWED, account, contact, after_seq, limit)

    async def outgoing_contacts(self) -> Sequence[tuple[AccountId, AccountId]]:
        return await self._readers.fetch(_OWED_CONTACTS)

    async def outgoing_by_id(self, account: AccountId, ids: Collection[bytes]) -> Sequence[Outgoing]:
        wanted = list(ids)
        found: list[Outgoing] = []
        for start in range(0, len(wanted), IDS_A_QUERY):
            some = wanted[start : start + IDS_A_QUERY]
            marks = ", ".join("?" * len(some))
            found += await self._all(Outgoing, f"{_OWED_BY_ID} ({marks})", account, *some)
        return found

    async def expired_outgoing(self, now: int, limit: int) -> Sequence[Outgoing]:
        return await self._all(Outgoing, _EXPIRED, now, limit)

    async def undeposited(
        self, account: AccountId, contact: AccountId, node: NodeId, due: Due, after_seq: int, limit: int
    ) -> Sequence[Outgoing]:
        return await self._all(Outgoing, _UNDEPOSITED, account, contact, node, *due, after_seq, limit)

    async def sessions(self, account: AccountId) -> Sequence[Session]:
        return await self._all(Session, _SESSIONS, account)

    async def skipped(self, account: AccountId, session: bytes) -> dict[bytes, bytes]:
        return dict(await self._readers.fetch(_SKIPPED, account, session))

    async def keys(self, account: AccountId) -> Sequence[PrivateKey]:
        return await self._all(PrivateKey, _KEYS, account)

    async def quarantined(self, account: AccountId) -> Sequence[Quarantined]:
        return await self._all(Quarantined, _QUARANTINED, account)

    async def seen(self, account: AccountId, packet: bytes) -> str | None:
        rows = await self._readers.fetch(_SEEN, account, packet)
        return str(rows[0][0]) if rows else None

    async def receipts(self) -> Sequence[Receipt]:
        return await self._all(Receipt, _RECEIPTS)
