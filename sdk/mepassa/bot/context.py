"""What a handler works with: a message, the way to answer it, and what is kept of the conversation."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from mepassa.bot.count import Count
from mepassa.bot.desk import Desk
from mepassa.bot.errors import TooManyAnswers
from mepassa.bot.message import Message
from mepassa.bot.pace import WINDOW

log = logging.getLogger("mepassa.bot")

NO_STATE = b"{}"

_TOO_FAST = "%s leaves messages of %s unanswered: more than %d answers in %d seconds; is it a bot as well?"


class Answer:
    """One answer of a handler. `sent` once the node has it, `tried` once it was to go out before the handler ended."""

    __slots__ = ("given_at", "request_id", "sent", "text", "tried")

    def __init__(self, text: str, request_id: str, given_at: float) -> None:
        """`given_at`: when, by the bot's monotonic clock."""
        self.text = text
        self.request_id = request_id
        self.given_at = given_at
        self.tried = False
        self.sent = False


class Context:
    """One message that came in, and the way to answer it."""

    def __init__(self, desk: Desk, message: Message, state: bytes, earlier: int) -> None:
        """`state`: JSON as it was before this message. `earlier`: answers that were given to it already."""
        self.message = message
        self.client = desk.node.own
        self.answers: list[Answer] = []
        self.given = earlier  # answers, those that were dropped included
        self.over = False
        self._most = earlier + desk.max_answers
        self.sending = Count()  # answers on their way before the handler ends
        self._desk = desk
        self._before = state
        self._state: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The message's text."""
        return self.message.text

    @property
    def state(self) -> dict[str, Any]:
        """What the bot keeps of this contact and conversation: a dict of what JSON knows.

        It is changed in place. The change is kept together with the answers to this message, in one step; when the
        handler fails, neither is.
        """
        if self._state is None:
            self._state = msgspec.json.decode(self._before)
        return self._state

    async def reply(self, text: str) -> None:
        """Answer in the same conversation.

        The answer goes out when the handler ends, together with the change of the state, or a moment (50 ms) later if
        the handler is still at work then. The n-th answer to a message is sent once, however often the bot or its node
        is restarted. What would be more than `Bot(answers_per_minute=…)` to one contact is not sent: it may be a bot
        that answers in its turn. Raises `TooManyAnswers`.
        """
        if not isinstance(text, str):
            raise TypeError(f"An answer is a str, not {type(text).__name__}.")
        if self.over:
            raise RuntimeError("The handler of this message is over; use `bot.send` to write later.")
        if self.given >= self._most:
            raise TooManyAnswers(f"A message gets at most {self._desk.max_answers} answers.")
        self.given += 1  # also where the pace does not allow it: the next one has the number that it always has
        if self._allowed():
            request_id = f"{self._desk.bot}:{self.message.id}:{self.given}"
            self.answers.append(Answer(text, request_id, self._desk.clock.monotonic()))
            self._desk.answered()

    @asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """While entered, a contact who is online sees that the bot is typing."""
        self._desk.node.typing(self.message.conversation, True)
        try:
            yield
        finally:
            self._desk.node.typing(self.message.conversation, False)

    def changed_state(self) -> bytes | None:
        """The state as JSON, None if it is as it was. Raises TypeError, ValueError, OverflowError or RecursionError
        where it holds what JSON does not know."""
        if self._state is None:
            return None
        state = msgspec.json.encode(self._state)
        return None if state == self._before else state

    def _allowed(self) -> bool:
        pace, contact = self._desk.pace, self.message.contact
        if pace.allows(contact):
            return True
        if pace.warns(contact):
            log.warning(_TOO_FAST, self._desk.bot, contact, pace.limit, WINDOW)
        return False
