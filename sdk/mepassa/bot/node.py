"""The node as a bot sees it: its account, the bot's state and place there, and calls that need not wait."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec

from mepassa.bot.account import AccountClient
from mepassa.bot.clock import Clock
from mepassa.client import Client
from mepassa.errors import ConnectionLost, MepassaError, NodeNotRunning, ProtocolError
from mepassa.events import Events, pauses
from mepassa.generated.errors import NotPermitted, StoreFull, TokenRefused, TooManySessions
from mepassa.generated.values import MessageReceived

T = TypeVar("T")
Settled = Callable[[MepassaError | None], None]
"""Called once the node has answered a call, or will not."""

AWAY = (ConnectionLost, NodeNotRunning, TooManySessions)
"""The node is not there now, or has no place for one more; a call may or may not have been carried out."""


PASSING = (*AWAY, StoreFull)
"""The same call may succeed later."""

FATAL = (TokenRefused, NotPermitted)
"""No call will succeed any more: the bot's token is not good, or not for a bot."""


@dataclass(frozen=True)
class Conversation:
    """What a bot keeps of one conversation."""

    id: str
    contact: str
    state: dict[str, Any]


class Node:
    """One account of a node, for one bot."""

    def __init__(self, client: Client, clock: Clock, bot: str, account: str) -> None:
        self.client = client
        self.own = AccountClient(client, account)
        self.account = account
        self._bot = bot
        self._clock = clock
        self._own = {"bot": bot, "account": account}

    def events(self, after: int) -> Events[MessageReceived]:
        """The messages that came in after an event."""
        return self.client.events(topics=["message.received"], after=after, account=self.account)

    async def state(self, conversation: str) -> tuple[int, bytes]:
        """The last event dealt with in a conversation, and its state as JSON. Waits for a node that is away.

        Raises `RpcError`, `ProtocolError`.
        """
        kept = await self.patiently(
            lambda: self.client.bots.state(bot=self._bot, account=self.account, conversation=conversation)
        )
        return kept.seq, msgspec.json.encode(kept.state)

    def answer(
        self,
        conversation: str,
        after: int,
        seq: int,
        place: int,
        answers: Sequence[tuple[str, str]],
        state: bytes | None,
        settled: Settled,
    ) -> None:
        """Keep what came of an event: answers (text, request id), state, and that all up to `place` are dealt with."""
        params: dict[str, Any] = {
            **self._own,
            "conversation": conversation,
            "after": after,
            "seq": seq,
            "place": place,
            "answers": [{"text": text, "request_id": request_id} for text, request_id in answers],
        }
        if state is not None:
            params["state"] = msgspec.Raw(state)
        self.client.post("bots.answer", params, settled)

    def save(self, place: int, settled: Settled) -> None:
        """Keep that all events up to `place` are dealt with."""
        self.client.post("bots.save", {**self._own, "place": place}, settled)

    def send(self, conversation: str, text: str, request_id: str, settled: Settled) -> None:
        """Send a text at once."""
        params = {"account": self.account, "conversation": conversation, "text": text, "request_id": request_id}
        self.client.post("messages.send", params, settled)

    def typing(self, conversation: str, active: bool) -> None:
        """Let a contact see that somebody is typing, or no longer; where that fails it does not matter."""
        params = {"account": self.account, "conversation": conversation, "active": active}
        self.client.post("conversations.typing", params, lambda error: None)

    async def keep_place(self, place: int) -> None:
        """Keep that all events up to `place` are dealt with, and wait until it is kept. Raises `RpcError`, `AWAY`."""
        await self.client.bots.save(bot=self._bot, account=self.account, place=place)

    async def write(self, contact: str, text: str, request_id: str | None) -> str:
        """Send a text to a contact; the message's id. Waits for a node that is away. Raises `RpcError`."""
        request = f"{self._bot}:sent:{request_id or secrets.token_urlsafe(12)}"  # no answer to a message has such a one
        sent = await self.patiently(
            lambda: self.client.messages.send(account=self.account, contact=contact, text=text, request_id=request)
        )
        return sent.message_id

    async def conversations(self) -> AsyncIterator[Conversation]:
        """All conversations of the account. Waits for a node that is away. Raises `RpcError`."""
        after: str | None = None
        while True:
            page = await self.patiently(partial(self.client.conversations.list, after=after, account=self.account))
            for item in page.items:
                _, state = await self.state(item.conversation)
                yield Conversation(item.conversation, item.contact, msgspec.json.decode(state))
            if page.next is None:
                return
            after = page.next

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until the node is there and has room; the call must be one that may be made twice. Raises `RpcError`."""
        for pause in pauses():
            try:
                return await call()
            except ProtocolError:
                raise
            except PASSING:
                await self._clock.sleep(pause)
        raise AssertionError("pauses do not end")
