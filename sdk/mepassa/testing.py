"""`BotTester`: a bot in a test, with people who write to it, a real node behind it, and a clock that the test owns."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import anyio
from anyio.abc import TaskStatus

from mepassa.bot import Bot
from mepassa.bot.clock import Clock
from mepassa.bot.load import load_bot
from mepassa.client import Client
from mepassa.errors import MepassaError

PIPELINES = "mepassa.pipelines"
"""The group of entry points by which nodes for tests are found; mepassad has one."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class PipelineMissing(MepassaError):
    """No node for tests is installed."""


class Person(Protocol):
    """Somebody who writes to the bot, as the pipeline knows them."""

    account: str

    async def send(self, text: str) -> str:
        """Write to the bot, and let happen all that can happen now."""
        ...

    @property
    def received(self) -> list[str]:
        """What the bot wrote to them, in order."""
        ...

    @property
    def typing(self) -> bool:
        """Whether the bot is typing."""
        ...


class ManualClock(Protocol):
    """Time that stands still until it is advanced."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds that went by."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced that far."""
        ...


class Pipeline(Protocol):
    """A node for tests, with the nodes of the people who write to the bot."""

    clock: ManualClock

    async def start(self, bot: str) -> tuple[Path, str]:
        """The node's socket, and a token for the bot's own account."""
        ...

    async def restart(self, bot: str) -> tuple[Path, str]:
        """Stop the node and start it on what it kept."""
        ...

    async def meet(self, name: str, bot: str) -> Person:
        """A person who is a contact of the bot."""
        ...

    async def settled(self) -> None:
        """Let happen all that can happen now."""
        ...

    async def advance(self, seconds: float) -> None:
        """Let time go by."""
        ...


class Contact:
    """Somebody who writes to the bot, on a node of their own."""

    def __init__(self, name: str, meet: Callable[[str], Any]) -> None:
        self.name = name
        self._meet = meet
        self._person: Person | None = None

    async def say(self, text: str) -> list[str]:
        """Write to the bot; what it answers at once. What it does later comes with `BotTester.advance`."""
        person = await self.meet()
        before = len(person.received)
        await person.send(text)
        return person.received[before:]

    async def meet(self) -> Person:
        """Become a contact of the bot, without a word; `say` does it by itself."""
        if self._person is None:
            met: Person = await self._meet(self.name)
            self._person = met
        return self._person

    @property
    def inbox(self) -> list[str]:
        """All that the bot ever wrote to them."""
        return self._person.received if self._person else []

    @property
    def last(self) -> str:
        """What the bot wrote to them last. Raises LookupError where it never did."""
        if not self.inbox:
            raise LookupError(f"The bot has not written to {self.name}.")
        return self.inbox[-1]

    @property
    def typing(self) -> bool:
        """Whether they see the bot typing."""
        return self._person is not None and self._person.typing

    @property
    def id(self) -> str:
        """Their contact id, once they met the bot. Raises LookupError before."""
        if self._person is None:
            raise LookupError(f"{self.name} has not met the bot yet; `await {self.name}.meet()` first.")
        return self._person.account


class BotTester:
    """A bot that runs, inside `async with`.

        async with BotTester(bot) as t:
            ana = t.contact("ana")
            assert await ana.say("/ping") == ["pong"]

    The node behind it is a real one: messages are encrypted, kept and delivered, over a network in memory. Leaving
    raises AssertionError when a task failed, or a handler and no error handler caught it, unless the test took that
    from `errors`.
    """

    def __init__(self, bot: Bot | str | Path, *, overrides: Mapping[str, Any] | None = None) -> None:
        """`bot`: a `Bot`, or where one is, as for `load_bot`. `overrides`: values in place of providers, by name."""
        self.bot = bot if isinstance(bot, Bot) else load_bot(str(bot))
        self.errors: list[Exception] = []
        self._overrides = dict(overrides or {})
        self._contacts: dict[str, Contact] = {}
        self._stack = AsyncExitStack()
        self._pipeline: Pipeline
        self._serving: anyio.CancelScope

    async def __aenter__(self) -> BotTester:
        """Raises `PipelineMissing`, `InvalidBot`."""
        make = _find_pipeline()
        self.bot.plan(self._overrides)
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bot"))
            self._pipeline = await stack.enter_async_context(make(Path(folder)))
            self._tasks = await stack.enter_async_context(anyio.create_task_group())
            await self._begin(*await self._pipeline.start(self.bot.name))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        await self._stack.aclose()  # not told of `error`, which would come out of it in groups of groups
        if error is None and self.errors:
            raise AssertionError(f"The bot failed {len(self.errors)} time(s).") from self.errors[0]

    def contact(self, name: str) -> Contact:
        """Somebody of that name; the same one for the same name."""
        return self._contacts.setdefault(name, Contact(name, lambda name: self._pipeline.meet(name, self.bot.name)))

    @property
    def now(self) -> datetime:
        """The time of day of the test's clock, in UTC."""
        return datetime.fromtimestamp(self._pipeline.clock.now(), UTC)

    async def advance(self, span: float | str | timedelta) -> None:
        """Let time go by, seconds or such as "5m", and happen what is due then."""
        await self._pipeline.advance(_seconds(span))

    async def restart(self) -> None:
        """End bot and node where they stand, as a crash does, and start both on what the node kept."""
        self._serving.cancel()
        await self._pipeline.settled()
        await self._begin(*await self._pipeline.restart(self.bot.name))

    async def _begin(self, socket: Path, token: str) -> None:
        await self._tasks.start(self._serve, socket, token)
        while not self.bot.running:
            await self._pipeline.settled()
        await self._pipeline.settled()

    async def _serve(self, socket: Path, token: str, *, task_status: TaskStatus[None]) -> None:
        with anyio.CancelScope() as self._serving:
            async with Client(socket, token=token) as client:
                task_status.started()
                clock = _OfTheTest(self._pipeline.clock)
                await self.bot.serve(client, clock=clock, overrides=self._overrides, failed=self.errors.append)


class _OfTheTest(Clock):
    """The test's clock, as a bot meets it."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


def _find_pipeline() -> Callable[[Path], AbstractAsyncContextManager[Pipeline]]:
    for point in entry_points(group=PIPELINES):
        found: Callable[[Path], AbstractAsyncContextManager[Pipeline]] = point.load()
        return found
    raise PipelineMissing("Testing a bot needs a node: install `mepassa[test]`, which brings mepassad.")


def _seconds(span: float | str | timedelta) -> float:
    if isinstance(span, timedelta):
        return span.total_seconds()
    if not isinstance(span, str):
        return span
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", span)
    if match is None:
        raise ValueError(f"{span!r} is no span of time; write for example 90s, 5m, 2h or 1d.")
    return timedelta(**{_UNITS[match[2]]: float(match[1])}).total_seconds()
