"""The store: commits of one turn of the loop are kept together, reads are answered from memory."""

from __future__ import annotations

import asyncio
import re
import sys
import unicodedata
from collections.abc import Awaitable, Callable, Collection, Sequence

from mepassad.api import Gauge, MepassaError, StoreBroken, StoreBusy
from mepassad.api.store import Commit, Committed, Due, Page
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

from mepassad_store_memory.effects import Forget, apply, place
from mepassad_store_memory.rows import Rows
from mepassad_store_memory.shelf import Shelf

QUEUE = 4096
"""Commits of one turn of the loop; more are refused."""

Waiting = tuple[Commit, asyncio.Future[Committed]]


class MemoryStore:
    """Implements `mepassad.api.store.Store`. A commit takes as long as the disk does, and the node waits for it."""

    name = "store_memory"

    def __init__(self, shelf: Shelf) -> None:
        """Reads all that was kept. Raises `StoreBroken`."""
        try:
            self._shelf, self._rows = shelf, Rows(shelf.rows())
        except (ValueError, LookupError, TypeError) as error:
            raise StoreBroken(f"What is kept cannot be read: {error}.") from error
        self._waiting: list[Waiting] = []
        self._queue = Gauge(QUEUE, lambda: [len(self._waiting)])
        self._commits = self._writes = self._batches = 0

    # -- commits

    def commit(self, commit: Commit) -> Awaitable[Committed]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Committed] = loop.create_future()
        if len(self._waiting) >= QUEUE:
            answer.set_exception(StoreBusy())
            return answer
        if not self._waiting:
            loop.call_soon(self.flush)
        self._waiting.append((commit, answer))
        self._queue.note(len(self._waiting))
        return answer

    def flush(self) -> None:
        """Keep all commits that wait, each for itself, in one transaction."""
        waiting, self._waiting = self._waiting, []
        start, done = self._rows.mark(), list[tuple[Waiting, Committed]]()
        for commit, answer in waiting:
            before = self._rows.mark()
            try:
                for write in commit.writes:
                    apply(self._rows, write)
            except Exception as error:  # whatever it is, it is this commit's alone
                self._rows.undo(before)
                _settle(answer, error)
                continue
            done.append(((commit, answer), Committed(tuple(range(before[1] + 1, self._rows.event + 1)))))
        try:
            self._shelf.keep(self._rows.changes())
        except MepassaError as error:
            self._rows.undo(start)
            for (_, answer), _ in done:
                _settle(answer, error)
            return
        self._rows.settle()
        self._batches += 1
        for (commit, answer), committed in done:
            self._commits += 1
            self._writes += len(commit.writes)
            _settle(answer, committed)

    async def forget(self, seen_before: int, events_before_ms: int, events_keep: int) -> None:
        await self.commit(Commit((Forget(seen_before, events_before_ms, events_keep),)))

    def stats(self) -> dict[str, int]:
        counts = {"commits": self._commits, "writes": self._writes, "batches": self._batches}
        return {**counts, **self._queue.show("queued"), "bytes": self._shelf.size()}

    # -- people

    async def accounts(self) -> Sequence[Account]:
        rows: list[Account] = self._rows.all("account")
        return sorted(rows, key=lambda row: row.created_at)

    async def contacts(self, account: AccountId) -> Sequence[Contact]:
        rows: list[Contact] = self._rows.all("contact", account)
        return sorted(rows, key=lambda row: row.created_at)

    async def invite(self, account: AccountId, number: bytes) -> Invite | None:
        row: Invite | None = self._rows.get("invite", account, number)
        return row

    async def invites(self) -> Sequence[Invite]:
        return self._rows.all("invite")

    async def setting(self, account: str, key: str) -> bytes | None:
        value: bytes | None = self._rows.get("setting", account, key)
        return value

    async def settings(self, account: str) -> dict[str, bytes]:
        return self._rows.below("setting", account)

    async def plugin_state(self, plugin: str, key: str) -> bytes | None:
        value: bytes | None = self._rows.get("state", plugin, key)
        return value

    # -- messages

    async def conversations(self, account: AccountId) -> Sequence[Conversation]:
        said: dict[ConversationId, list[Message]] = {}
        for row in self._messages(account):
            said.setdefault(row.conversation, []).append(row)
        found = [_conversation(row, said.get(row.conversation, [])) for row in self._rows.all("contact", account)]
        return sorted(found, key=lambda one: one.last_ms, reverse=True)

    async def message(self, account: AccountId, id: MessageId) -> Message | None:
        row: Message | None = self._rows.get("message", account, id)
        return row

    async def message_by_request(self, account: AccountId, request_id: str) -> Message | None:
        id = self._rows.get("request", account, request_id)
        return await self.message(account, id) if id else None

    async def messages(self, account: AccountId, conversation: ConversationId, limit: int, before: str | None) -> Page:
        return self._page(account, lambda row: row.conversation == conversation, place, limit, before)

    async def search(self, account: AccountId, query: str, limit: int, before: str | None) -> Page:
        *whole, last = _words(query) or [""]

        def holds(row: Message) -> bool:
            words = _words(row.text)
            return bool(last) and set(whole) <= set(words) and any(word.startswith(last) for word in words)

        return self._page(account, holds, lambda row: (0, row.seq), limit, before)

    async def unread(self, account: AccountId, up_to: MessageId, limit: int) -> Sequence[MessageId]:
        end = await self.message(account, up_to)
        rows = [row for row in self._messages(account) if end and row.conversation == end.conversation]
        found = [row for row in rows if row.state == "received" and end and place(row) <= place(end)]
        return [row.id for row in sorted(found, key=place)[:limit]]

    async def newest_ms(self, account: AccountId) -> dict[ConversationId, int]:
        rows = sorted(self._messages(account), key=place)
        return {row.conversation: row.sort_ms for row in rows}

    def _messages(self, account: AccountId) -> list[Message]:
        return self._rows.all("message", account)

    def _page(
        self,
        account: AccountId,
        wanted: Callable[[Message], bool],
        order: Callable[[Message], tuple[int, int]],
        limit: int,
        before: str | None,
    ) -> Page:
        end = _parsed(before) if before is not None else None
        rows = [row for row in self._messages(account) if wanted(row) and (end is None or order(row) < end)]
        rows.sort(key=order, reverse=True)
        more = "{}.{}".format(*order(rows[limit - 1])) if len(rows) > limit else None
        return Page(tuple(rows[:limit]), more)

    # -- delivery

    async def outgoing(self, account: AccountId, contact: AccountId, after_seq: int, limit: int) -> Sequence[Outgoing]:
        rows: list[Outgoing] = self._rows.all("outgoing", account)
        return [row for row in rows if row.contact == contact and row.seq > after_seq][:limit]

    async def outgoing_contacts(self) -> Sequence[tuple[AccountId, AccountId]]:
        return list({(row.account, row.contact): None for row in self._rows.all("outgoing")})

    async def outgoing_by_id(self, account: AccountId, ids: Collection[bytes]) -> Sequence[Outgoing]:
        return [row for id in ids if (row := self._rows.get("outgoing", account, id))]

    async def expired_outgoing(self, now: int, limit: int) -> Sequence[Outgoing]:
        return [row for row in self._rows.all("outgoing") if 0 < row.expires_at <= now][:limit]

    async def undeposited(
        self, account: AccountId, contact: AccountId, node: NodeId, due: Due, after_seq: int, limit: int
    ) -> Sequence[Outgoing]:
        owed = [row for row in await self.outgoing(account, contact, after_seq, sys.maxsize) if row.packet]
        ready = [row for row in owed if row.next_at <= due.now]
        return [row for row in ready if not self._noted(account, row.id, node, due.noted_before)][:limit]

    def _noted(self, account: AccountId, id: bytes, node: NodeId, since: int) -> bool:
        at = self._rows.get("deposit", account, id, node)
        return at is not None and at >= since

    async def sessions(self, account: AccountId) -> Sequence[Session]:
        rows: list[Session] = self._rows.all("session", account)
        return sorted(rows, key=lambda row: row.used_ms, reverse=True)

    async def skipped(self, account: AccountId, session: bytes) -> dict[bytes, bytes]:
        return self._rows.below("skipped", account, session)

    async def quarantined(self, account: AccountId) -> Sequence[Quarantined]:
        return self._rows.all("quarantine", account)

    async def keys(self, account: AccountId) -> Sequence[PrivateKey]:
        rows: list[PrivateKey] = self._rows.all("key", account)
        return sorted(rows, key=lambda row: row.id)

    async def seen(self, account: AccountId, packet: bytes) -> str | None:
        marked: tuple[int, str] | None = self._rows.get("seen", account, packet)
        return marked[1] if marked else None

    async def receipts(self) -> Sequence[Receipt]:
        return self._rows.all("receipt")

    # -- events

    async def events(self, after: int, limit: int, topics: Collection[str] | None) -> Sequence[Event]:
        rows: list[Event] = self._rows.all("event")
        return [row for row in rows if row.seq > after and (topics is None or row.topic in topics)][:limit]

    async def event_range(self) -> tuple[int, int]:
        rows: list[Event] = self._rows.all("event")
        return (rows[0].seq, rows[-1].seq) if rows else (1, 0)


def _settle(answer: asyncio.Future[Committed], result: Committed | Exception) -> None:
    """Tell who waits, unless they went away."""
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _conversation(row: Contact, said: Sequence[Message]) -> Conversation:
    unread = sum(1 for message in said if message.state == "received")
    last = max(said, key=place, default=None)
    last_ms = last.sort_ms if last else row.created_at * 1000
    return Conversation(
        account=row.account, id=row.conversation, contact=row.id, unread=unread, last_ms=last_ms,
        last_message=last.id if last else "",
    )  # fmt: skip


def _parsed(before: str) -> tuple[int, int]:
    if not re.fullmatch(r"-?[0-9]{1,19}\.[0-9]{1,19}", before):
        raise ValueError("before: this is no `next` of an earlier page")
    first, second = before.split(".")
    return int(first), int(second)


def _words(text: str) -> list[str]:
    """The words of a text, without case and accents."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char) != "Mn")
    return re.findall(r"[^\W_]+", plain.casefold())
