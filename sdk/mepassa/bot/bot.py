"""A bot: what its file registers, and how it is run."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from mepassa.bot.clock import Clock
from mepassa.bot.desk import unheard
from mepassa.bot.engine import Engine
from mepassa.bot.errors import InvalidBot
from mepassa.bot.inject import Injector
from mepassa.bot.limits import ANSWERS_PER_MINUTE, MAX_ANSWERS, MAX_CONCURRENT, STOP_TIMEOUT, TIMEOUT, Limits
from mepassa.bot.node import Conversation, Node
from mepassa.bot.plan import Plan, make_plan
from mepassa.bot.router import Router
from mepassa.bot.signature import Function, must_be_async
from mepassa.bot.words import Words
from mepassa.client import Client

A = TypeVar("A", bound=Callable[..., Awaitable[None]])


class Bot(Router):
    """A program that answers the messages of one account.

    What it answers to a message, the change of its state and the mark that the message is dealt with are one step:
    however often the bot or its node is restarted, each message is answered once. Messages of one conversation are
    handled one after the other, those of several at the same time. A handler that raises is logged and does not stop
    the bot. On its very first start a bot gets all messages that the node still remembers, so that nobody who wrote
    early goes without an answer.
    """

    def __init__(
        self,
        name: str,
        *,
        language: str = "en",
        timeout: float = TIMEOUT,
        stop_timeout: float = STOP_TIMEOUT,
        max_answers: int = MAX_ANSWERS,
        answers_per_minute: int | None = ANSWERS_PER_MINUTE,
        max_concurrent: int = MAX_CONCURRENT,
    ) -> None:
        """A bot without handlers.

        `name`: 1 to 32 of a–z, 0–9, - and _; the node keeps the bot's state and place under it, and it marks its
        answers. `language` of what it says by itself: en or pt-BR. `timeout`: seconds that a handler may take;
        `stop_timeout`: those it gets when the bot is to stop. `max_answers` to one message; `answers_per_minute` to one
        contact, None for as many as there are. `max_concurrent`: conversations in which handlers are at work at once.
        Raises `InvalidBot`.
        """
        super().__init__()
        if not re.fullmatch(r"[a-z0-9_-]{1,32}", name):
            raise InvalidBot("A bot's name has 1 to 32 characters of a–z, 0–9, - and _.")
        self.name = name
        self._say = Words(language)
        self._limits = Limits(timeout, stop_timeout, max_answers, answers_per_minute, max_concurrent)
        self._middlewares: list[Function] = []
        self._errors: list[tuple[tuple[type[Exception], ...], Function]] = []
        self._tasks: list[Function] = []
        self._running: tuple[Node, Engine] | None = None

    def middleware(self, function: A) -> A:
        """Register a function around every message: it has the parameters `ctx` and `call_next`, and what comes after
        it happens in `await call_next()`. The first one is the outermost. Raises `InvalidBot`."""
        must_be_async(function, "middleware")
        self._middlewares.append(function)
        return function

    def error(self, *kinds: type[Exception]) -> Callable[[A], A]:
        """Register a function for errors of handlers: it has the parameters `ctx` and `error`, and may reply.

        What the handler answered and changed before is dropped. The first function that is registered for the error's
        kind gets it. It also gets what the node refuses, such as `ContactBlocked`. Raises `InvalidBot`.
        """
        for kind in kinds:
            if not (isinstance(kind, type) and issubclass(kind, Exception)):
                raise InvalidBot(f"`@bot.error` takes kinds of exceptions, and {kind!r} is none.")

        def register(function: A) -> A:
            must_be_async(function, "error handler")
            self._errors.append((kinds, function))
            return function

        return register

    def task(self, function: A) -> A:
        """Register a function that runs for as long as the bot does, beside the handlers; it may ask for `bot`,
        `client`, `clock` and what is provided once a run. If it fails it is begun again. Raises `InvalidBot`."""
        must_be_async(function, "task")
        self._tasks.append(function)
        return function

    def run(self, arguments: Sequence[str] | None = None) -> None:
        """Run until it is interrupted, with the options of the command line (`--help` lists them)."""
        from mepassa.bot.run import main  # here, because it is only for bots that run alone

        main(self, arguments)

    async def serve(
        self,
        client: Client,
        *,
        account: str | None = None,
        clock: Clock | None = None,
        overrides: Mapping[str, Any] | None = None,
        failed: Callable[[Exception], None] = unheard,
    ) -> None:
        """Run over `client` until `stop` is called. `account`: whose messages, None for the client's own.

        For tests: `clock`, where they own the time; `overrides`, values in place of what providers of these names
        make; `failed` is told each failure that no error handler caught. Raises `InvalidBot`, `NodeNotRunning` or
        `ConnectionLost` when there is no node at the start, `RpcError`.
        """
        if self._running is not None:
            raise RuntimeError(f"The bot {self.name} is running already.")
        plan, clock = self.plan(overrides or {}), clock or Clock()
        opened = await client.bots.open(bot=self.name, account=account)
        node = Node(client, clock, self.name, opened.account)
        engine = Engine(self.name, plan, node, clock, self._limits, opened.seq or 0, failed)
        self._running = node, engine
        try:
            async with plan.injector.run(bot=self, client=node.own, clock=clock):
                await engine.run()
        finally:
            self._running = None

    @property
    def running(self) -> bool:
        """Whether `serve` takes up messages."""
        return self._running is not None and not self._running[1].stopping

    def stop(self) -> None:
        """Let `serve` take up nothing more, finish what is being handled, for `stop_timeout` at most, and return."""
        if self._running is not None:
            self._running[1].stop()

    async def send(self, contact: str, text: str, *, request_id: str | None = None) -> str:
        """Write to a contact who did not ask just now; the message's id. It waits for a node that is away.

        With the same `request_id`, at most 90 characters, a text is sent once, also over restarts. Raises `RpcError`.
        """
        return await self._node.write(contact, text, request_id)

    async def conversations(self) -> AsyncIterator[Conversation]:
        """What is kept of each conversation, as of the last message that was dealt with. Raises `RpcError`."""
        async for conversation in self._node.conversations():
            yield conversation

    @property
    def _node(self) -> Node:
        if self._running is None:
            raise RuntimeError(f"The bot {self.name} is not running.")
        return self._running[0]

    def plan(self, overrides: Mapping[str, Any]) -> Plan:
        """What it runs by, with these values in place of what providers make. Raises `InvalidBot`."""
        injector = Injector(self.providers(), overrides)
        return make_plan(injector, list(self.rules()), self._middlewares, self._errors, self._tasks, self._say)
