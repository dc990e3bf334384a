"""Bots as tests of them run them: over a node in memory, on a clock that the test owns where time matters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
from bots_node import BotsNode
from mepassa import Bot, Client, Context
from mepassa.bot import Clock
from mepassa.bot.load import load_bot
from wire_node import ANA

ROOT = Path(__file__).parents[3]
PATIENCE = 30.0  # seconds until a test gives up waiting


class ManualClock(Clock):
    """Time goes by when a test says so."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._sleepers: list[tuple[float, anyio.Event]] = []

    def now(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        woken = anyio.Event()
        self._sleepers.append((self.passed + seconds, woken))
        await woken.wait()

    def advance(self, seconds: float) -> None:
        """Let so many seconds go by."""
        self.passed += seconds
        for due, woken in self._sleepers:
            if due <= self.passed:
                woken.set()
        self._sleepers = [one for one in self._sleepers if not one[1].is_set()]

    async def goes_by_until(self, done: Callable[[], bool]) -> None:
        """Let time go by, half a second at a time, until it is so."""
        with anyio.fail_after(PATIENCE):
            while not done():
                self.advance(0.5)
                await anyio.sleep(0.001)

    async def slept_for(self, seconds: float) -> None:
        """Wait until somebody sleeps until so many seconds from now, or less."""
        await until(lambda: any(due <= self.passed + seconds + 1e-9 for due, _ in self._sleepers))


def echo_bot(name: str = "echo") -> Bot:
    """A bot that says back what it is told, without a limit."""
    bot = Bot(name, answers_per_minute=None)

    @bot.message
    async def echo(ctx: Context) -> None:
        await ctx.reply(ctx.text)

    return bot


def example(name: str) -> Bot:
    """A fresh bot of `examples/bots`."""
    return load_bot(str(ROOT / "examples" / "bots" / f"{name}.py"))


async def until(done: Callable[[], bool]) -> None:
    """Wait until it is so."""
    with anyio.fail_after(PATIENCE):
        while not done():
            await anyio.sleep(0.001)


@asynccontextmanager
async def running(
    bot: Bot, node: BotsNode, *, account: str | None = None, clock: Clock | None = None
) -> AsyncIterator[Client]:
    """The bot runs while entered; leaving stops it well."""
    async with Client(node.path) as client, anyio.create_task_group() as tasks:
        ended = anyio.Event()

        async def serve() -> None:
            await bot.serve(client, account=account, clock=clock)
            ended.set()

        tasks.start_soon(serve)
        yield client
        bot.stop()
        with anyio.fail_after(PATIENCE):
            await ended.wait()


async def run_until(bot: Bot, node: BotsNode, done: Callable[[], bool], account: str | None = None) -> None:
    """Run the bot until it is so, then stop it."""
    async with running(bot, node, account=account):
        await until(done)


async def answers(bot: Bot, node: BotsNode, *texts: str, contact: str = ANA) -> list[str]:
    """What a contact is answered to each text; "-" where nobody wants it."""

    @bot.message
    async def nobody(ctx: Context) -> None:
        await ctx.reply("-")

    for text in texts:
        node.say(text, contact)
    await run_until(bot, node, lambda: len(node.answers) == len(texts))
    return node.texts(contact)
