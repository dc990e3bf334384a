"""Whole nodes in one process for tests: real rooms and stores over the memory transport, on a clock the test owns."""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup, TaskStatus

from mepassad.api.types import Account, AccountId, Contact, Message, NodeId
from mepassad.builtin.transport_memory.network import Network
from mepassad.bus import Fact, Signal
from mepassad.config.load import load
from mepassad.core import Core
from mepassad.node import Node, begin, up
from mepassad.plugins import Catalogue, discover
from mepassad.testing.clock import ManualClock
from mepassad.testing.settling import Settling
from mepassad.testing.wiretap import Wiretap

TIMEOUT = 40.0
"""Seconds of real time after which a test gives up waiting."""


Condition = Callable[[], bool | Awaitable[bool]]


async def eventually(condition: Condition) -> None:
    """Wait until a condition, plain or async, holds; fail after `TIMEOUT` seconds."""
    with anyio.fail_after(TIMEOUT):
        while not await _holds(condition):  # noqa: ASYNC110 any condition, not one that tells
            await anyio.sleep(0.001)


async def _holds(condition: Condition) -> bool:
    holds = condition()
    return await holds if inspect.isawaitable(holds) else holds


class RunningNode:
    """A node that is up: its rooms, its first account, and every fact and signal since it came up."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.events: list[Fact | Signal] = []
        self.failure: BaseException | None = None
        self.leave, self.left = anyio.Event(), anyio.Event()
        self.node_id = NodeId(node.addresses()[0].rpartition("/")[2])
        node.bus.subscribe(self.events.append)

    @property
    def core(self) -> Core:
        return self.node.core

    @property
    def account(self) -> AccountId:
        return self.node.accounts.resolve(None).id

    def contact(self, other: RunningNode) -> Contact:
        """The contact row of another node's first account."""
        return self.node.contacts.get(self.account, other.account)

    def facts(self, topic: str) -> list[dict[str, object]]:
        """The data of all events of a topic, in order."""
        return [event.data for event in self.events if event.topic == topic]

    def texts(self) -> list[object]:
        """The texts received, in order."""
        return [data["text"] for data in self.facts("message.received")]

    async def say(self, other: RunningNode, text: str) -> Message:
        """Send a text to another node's first account."""
        return await self.node.outbox.submit(self.account, other.account, text)

    async def state(self, message: Message) -> str:
        """What became of a message."""
        row = await self.node.store.message(message.account, message.id)
        assert row is not None
        return row.state

    async def owes(self, other: RunningNode) -> int:
        """How many rows wait in the outbox for another node's first account, 100 at most."""
        return len(await self.node.store.outgoing(self.account, other.account, 0, 100))

    async def stop(self) -> None:
        """Leave the node and wait until it is down. Raises what it failed of, if it did."""
        self.leave.set()
        await self.left.wait()
        if self.failure is not None:
            raise self.failure


class Nodes:
    """The nodes of one test by name, their network, clock and wiretap."""

    def __init__(self, folder: Path, tasks: TaskGroup) -> None:
        """Data folders are made below `folder`."""
        self._folder, self._tasks = folder, tasks
        self._settings: dict[str, Mapping[str, str]] = {}
        self.clock, self.tap = ManualClock(), Wiretap()
        self.network_name = uuid4().hex
        self.network = Network.named(self.network_name)
        self._settling = Settling()
        self.plugins: dict[str, object] = {"transport_memory": self.tap, "sqlite": self._settling}
        self.plugins["mailbox_sqlite"] = self._settling.mailbox
        self.up: dict[str, RunningNode] = {}
        self.first_words: Callable[[str, Account], None] | None = None  # who is told the words of a first account

    async def start(self, name: str, **settings: object) -> RunningNode:
        """Bring a node up on the folder of its name. `settings`: `delivery__window=4` and the like; the same as last
        time where none are given. Receipts do not wait for company unless told to."""
        given = {f"MEPASSAD__{key.upper()}": str(value) for key, value in settings.items()}
        self._settings[name] = given or self._settings.get(name, {})
        running: RunningNode = await self._tasks.start(self._live, name)
        self.up[name] = running
        return running

    async def pair(self, **settings: object) -> tuple[RunningNode, RunningNode]:
        """Ana and Bob, who are contacts of each other."""
        ana, bob = await self.start("ana", **settings), await self.start("bob", **settings)
        await self.introduce(ana, bob)
        return ana, bob

    async def restart(self, name: str) -> RunningNode:
        """Stop a node and bring it up again on the same folder."""
        await self.up.pop(name).stop()
        return await self.start(name)

    async def restore(self, name: str, node_key: bool = True) -> RunningNode:
        """Lose a node's data folder, keeping its node key if told to, and bring it up with its account restored from
        the words that its first start wrote."""
        await self.up.pop(name).stop()
        words = next(self.folder(name).glob("recovery-words-*.txt")).read_text()
        for path in sorted(self.folder(name).rglob("*"), reverse=True):
            if path.is_file() and not (node_key and path.name == "node.key"):
                path.unlink()
        self.clock.advance(1)  # a device list of the same second would not be a newer one
        loaded, plugins = load(None, self._environ(name), _catalogue(self.plugins))
        async with AsyncExitStack() as stack:
            _, core, _ = await begin(stack, loaded, plugins, self.clock)
            await core.load()
            await core.accounts.restore(words, name, "person")
        return await self.start(name)

    def folder(self, name: str) -> Path:
        """The data folder of a node."""
        return self._folder / name

    def _environ(self, name: str) -> dict[str, str]:
        return {
            "HOME": str(self._folder),
            "MEPASSAD__NODE__DATA_DIR": str(self.folder(name)),
            "MEPASSAD__NODE__NAME": name,
            "MEPASSAD__PLUGINS": f"[{', '.join(self.plugins)}]",
            "MEPASSAD__TRANSPORT_MEMORY__NAME": self.network_name,
            "MEPASSAD__DELIVERY__RECEIPT_DELAY_MS": "0",
            **self._settings[name],
        }

    async def _live(self, name: str, *, task_status: TaskStatus[RunningNode]) -> None:
        running: RunningNode | None = None
        loaded, plugins = load(None, self._environ(name), _catalogue(self.plugins))
        try:
            async with up(loaded, plugins, self.clock, self.first_words) as node:
                running = RunningNode(node)
                task_status.started(running)
                await running.leave.wait()
        except Exception as error:
            if running is None:
                raise
            running.failure = error
        finally:
            if running is not None:
                running.left.set()

    async def in_time(self, condition: Condition, step: float = 1.0) -> None:
        """As `eventually`, while the clock goes on by steps of that many seconds; each begins when nothing is left to
        do in the one before, so that a slow machine changes nothing."""
        with anyio.fail_after(TIMEOUT):
            while not await _holds(condition):
                await self.pass_by(step)

    async def pass_by(self, seconds: float, times: int = 1) -> None:
        """Let time go by in steps, each begun when nothing is left to do in the one before."""
        for _ in range(times):
            self.clock.advance(seconds)
            await self._settling.settled()

    def cut(self, one: RunningNode, other: RunningNode) -> None:
        """Break the link between two nodes, until `heal`."""
        self.network.cut(one.node_id, other.node_id)

    def heal(self, one: RunningNode, other: RunningNode) -> None:
        """Let two nodes reach each other again, once they try."""
        self.network.heal(one.node_id, other.node_id)

    async def introduce(self, inviter: RunningNode, guest: RunningNode) -> None:
        """Make contacts of the first accounts of two nodes, by an invite; both are done with it."""
        uri, _ = await inviter.node.invites.create(inviter.account, 1, 3600)
        await guest.node.invites.accept(guest.account, uri)

        async def acquainted() -> bool:
            known = inviter.node.contacts.find(inviter.account, guest.account)
            made = known is not None and guest.contact(inviter).state == "accepted"
            return made and not await inviter.owes(guest) and not await guest.owes(inviter)

        await eventually(acquainted)


class _Given(EntryPoint):
    """A plugin that a test hands over, where others are found installed."""

    plugin: object

    def load(self) -> object:
        return self.plugin


def _catalogue(plugins: Mapping[str, object]) -> Catalogue:
    """The installed plugins, and those of a test, which come first where they have the same name."""
    catalogue = Catalogue(_discovered(tuple(sys.path)))
    for name, plugin in plugins.items():
        point = _Given(name, "given.by:a_test", "mepassad.plugins")
        vars(point)["plugin"] = plugin
        catalogue.points[name] = point
    return catalogue


@cache  # to look takes a fifth of a node's start
def _discovered(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """The entry points of the plugins that are installed where this process looks for modules."""
    return tuple(discover().points.values())


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[Nodes]:
    """A place where a test brings nodes up; all that are still up at the end are stopped, and none may have failed."""
    async with anyio.create_task_group() as tasks:
        nodes = Nodes(folder, tasks)
        try:
            yield nodes
        finally:
            with anyio.CancelScope(shield=True), anyio.fail_after(TIMEOUT):
                for running in nodes.up.values():
                    running.leave.set()
                for running in nodes.up.values():
                    await running.left.wait()
        for running in nodes.up.values():
            await running.stop()
