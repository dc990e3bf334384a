"""The node behind the SDK's `BotTester`: real rooms and stores over the memory transport, on a clock of the test's own.

The SDK imports nothing of the daemon: it finds `pipeline` by the entry point `mepassa.pipelines`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mepassad.api.types import AccountId
from mepassad.testing.clock import ManualClock
from mepassad.testing.nodes import Nodes, RunningNode, living

STEPS = 1000
BOT = "bot"  # the name of the bot's node; a person's is `person-` and their name


class Person:
    """Somebody who writes to the bot, on a node of their own."""

    def __init__(self, nodes: Nodes, node: RunningNode, bot: AccountId) -> None:
        """They are contacts already."""
        self._nodes, self._node, self._bot = nodes, node, bot
        self.account: str = node.account

    async def send(self, text: str) -> str:
        """Write to the bot, and let happen all that can happen now; the message's id."""
        message = await self._node.node.outbox.submit(self._node.account, self._bot, text)
        await self._nodes.pass_by(0)
        return message.id

    @property
    def received(self) -> list[str]:
        """What the bot wrote to them, in order."""
        texts = [data["text"] for data in self._node.facts("message.received") if data["contact"] == self._bot]
        return [text for text in texts if isinstance(text, str)]

    @property
    def typing(self) -> bool:
        """Whether the bot is typing, as they see it."""
        seen = self._node.facts("typing")
        return bool(seen) and bool(seen[-1]["active"])

    async def connected(self) -> bool:
        """Whether there is a live connection to the bot."""
        return self._node.node.contacts.online(self._node.account, self._bot)


class Pipeline:
    """The bot's node, and those of the people whom it knows."""

    def __init__(self, nodes: Nodes) -> None:
        """`start` brings the bot's node up."""
        self._nodes = nodes
        nodes.first_words = lambda words, account: None  # nobody restores these accounts
        self.clock: ManualClock = nodes.clock
        self._people: dict[str, Person] = {}

    async def start(self, bot: str) -> tuple[Path, str]:
        """The node is up: its socket, and a token for the bot's own account."""
        running = self._nodes.up.get(BOT) or await self._nodes.start(BOT)
        _, token, _ = await running.node.bots.register(bot, bot)
        return running.node.config.rpc.socket, token

    async def restart(self, bot: str) -> tuple[Path, str]:
        """Stop the node, start it on what it kept, and wait until everybody is connected again; as `start`."""
        await self._nodes.up.pop(BOT).stop()
        started = await self.start(bot)
        for person in self._people.values():
            await self._nodes.in_time(person.connected)
        return started

    async def meet(self, name: str, bot: str) -> Person:
        """A person of that name, who is a contact of the bot."""
        if name not in self._people:
            host, guest = self._nodes.up[BOT], await self._nodes.start(f"person-{name}", node__name=name)
            account, _ = await host.node.bots.account(bot, bot)
            self._people[name] = await self._introduce(host, account.id, guest)
        return self._people[name]

    async def _introduce(self, host: RunningNode, bot: AccountId, guest: RunningNode) -> Person:
        uri, _ = await host.node.invites.create(bot, 1, 3600)
        await guest.node.invites.accept(guest.account, uri)
        await self._nodes.in_time(lambda: guest.node.contacts.get(guest.account, bot).state == "accepted")
        await self._nodes.pass_by(0)
        return Person(self._nodes, guest, bot)

    async def settled(self) -> None:
        """Let happen all that can happen now."""
        await self._nodes.pass_by(0)

    async def advance(self, seconds: float) -> None:
        """Let time go by in `STEPS` steps at most, of a second at least, so that what is due happens in its order."""
        step = max(1.0, seconds / STEPS)
        while seconds > 0:
            await self._nodes.pass_by(min(seconds, step))
            seconds -= step


@asynccontextmanager
async def pipeline(folder: Path) -> AsyncIterator[Pipeline]:
    """A place for a bot and the people who write to it; what they keep is below `folder`."""
    async with living(folder) as nodes:
        yield Pipeline(nodes)
