"""The node as a bot sees it: its account, the bot's state and place there, and calls that need not wait."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec

from mepassa.bot.clock import Clock
from mepassa.client import Client
from mepassa.errors import ConnectionLost, MepassaError, NodeNotRunning, RpcError
from mepassa.events import Events, pauses

T = TypeVar("T")
Settled = Callable[[MepassaError | None], None]
"""Called once the node has answered a call, or will not."""

AWAY = (ConnectionLost, NodeNotRunning)
"""The node is not there now; a call may or may not have been carried out."""


def name_of(error: MepassaError) -> str:
    """The name of a refusal, else the kind of the error."""
    return error.name if isinstance(error, RpcError) else type(error).__name__


def is_fatal(error: MepassaError) -> bool:
    """Whether no call will ever succeed again: the bot's token is not good any more, or not for a bot."""
    return name_of(error) in ("TokenRefused", "NotPermitted")


def is_passing(error: MepassaError) -> bool:
    """Whether the same call may succeed later."""
    return isinstance(error, AWAY) or name_of(error) == "StoreFull"


def is_refusal(error: MepassaError) -> bool:
    """Whether the node will never take this call, but others."""
    return not (is_fatal(error) or is_passing(error) or name_of(error) == "AlreadyAnswered")


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
        self.account = account
        self._bot = bot
        self._clock = clock
        self._own = {"bot": bot, "account": account}

    def events(self, after: int) -> Events:
        """The messages that came in after an event."""
        return self.client.events(topics=["message.received"], after=after, account=self.account)

    async def state(self, conversation: str) -> tuple[int, bytes]:
        """The last event dealt with in a conversation, and its state as JSON. Waits for a node that is away.

        Raises `RpcError`.
        """
        kept = await self.patiently(lambda: self.client.call("bots.state", conversation=conversation, **self._own))
        return kept["seq"], msgspec.json.encode(kept["state"])

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
        await self.client.call("bots.save", place=place, **self._own)

    async def write(self, contact: str, text: str, request_id: str | None) -> str:
        """Send a text to a contact; the message's id. Waits for a node that is away. Raises `RpcError`."""
        request = f"{self._bot}:{request_id or secrets.token_urlsafe(12)}"
        sent = await self.patiently(
            lambda: self.client.call(
                "messages.send", account=self.account, contact=contact, text=text, request_id=request
            )
        )
        return str(sent["message_id"])

    async def conversations(self) -> AsyncIterator[Conversation]:
        """All conversations of the account. Waits for a node that is away. Raises `RpcError`."""
        list_after = partial(self.client.call, "conversations.list", account=self.account)
        after: str | None = None
        while True:
            page = await self.patiently(partial(list_after, after=after))
            for item in page["items"]:
                _, state = await self.state(item["conversation"])
                yield Conversation(item["conversation"], item["contact"], msgspec.json.decode(state))
            after = page["next"]
            if after is None:
                return

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Call until the node is there and has room; the call must be one that may be made twice. Raises `RpcError`."""
        for pause in pauses():
            try:
                return await call()
            except MepassaError as error:
                if not is_passing(error):
                    raise
            await self._clock.sleep(pause)
        raise AssertionError
