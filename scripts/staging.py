"""The stage of the demos: daemons as real processes in a temporary folder, their events, and lines for a person."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process, TaskGroup, TaskStatus
from mepassa import Client, Event, MepassaError, NodeNotRunning

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0  # seconds for a whole demo
CONFIG = """\
node: {{name: {name}, data_dir: {folder}}}
rpc: {{socket: {folder}/rpc.sock}}
plugins: [transport_libp2p]
transport_libp2p: {{listen: {listen}, mdns: false}}
{more}
"""
LOOPBACK = "[/ip4/127.0.0.1/tcp/0]"


class DemoFailed(Exception):
    """What did not happen, in a sentence."""


def say(line: str = "") -> None:
    """Show a line at once."""
    sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.flush()


def ms(seconds: float) -> str:
    """Seconds as milliseconds."""
    return f"{seconds * 1e3:.1f} ms"


async def spawn(log: Path, *command: str) -> Process:
    """A process of this Python, outside of whatever the caller's environment says about mepassa."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEPASSAD")}
    with log.open("ab") as out:
        return await anyio.open_process(
            [sys.executable, *command], stdin=None, stdout=out, stderr=out, env={**environment, "HOME": str(log.parent)}
        )


async def end(process: Process | None) -> None:
    """End a process of the demo: politely, then not."""
    if process is None or process.returncode is not None:
        return
    with anyio.CancelScope(shield=True):
        process.terminate()
        with anyio.move_on_after(5):
            await process.wait()
            return
        process.kill()
        await process.wait()


class Node:
    """One daemon: its folder, its process, a client, and what its events told."""

    def __init__(self, name: str, place: Path, listen: str = LOOPBACK, more: str = "") -> None:
        """It does not run yet. `listen` and `more` go into its configuration, at each start."""
        self.name, self.folder = name, place / name
        self.listen, self.more = listen, more
        self.client = Client(self.folder / "rpc.sock")
        self.told: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
        self._news, self._cursor = anyio.Event(), 0
        self._watching = anyio.CancelScope()
        self.tasks: TaskGroup  # in which its events are followed
        self.process: Process | None = None

    async def start(self) -> float:
        """Start the daemon and wait for its first answer; seconds from exec."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        config = self.folder / "config.yaml"
        config.write_text(CONFIG.format(name=self.name, folder=self.folder, listen=self.listen, more=self.more))
        begin = time.perf_counter()
        self.process = await spawn(self.folder / "log", "-m", "mepassad", "--config", str(config))
        while True:
            try:
                await self.client.call("system.hello", client="demo")
                up = time.perf_counter() - begin
                self._watching.cancel()  # who waits for a daemon to be back does so a second too long
                await self.tasks.start(self._watch)
                return up
            except NodeNotRunning:
                if self.process.returncode is not None:
                    raise DemoFailed(f"{self.name} did not start:\n{(self.folder / 'log').read_text()}") from None
                await anyio.sleep(0.01)

    @property
    def pid(self) -> int:
        """Of the daemon that runs now."""
        if self.process is None:
            raise DemoFailed(f"{self.name} is not running.")
        return self.process.pid

    async def _watch(self, *, task_status: TaskStatus[None]) -> None:
        """Keep when each thing was first told, until it is started again."""
        with anyio.CancelScope() as self._watching:
            async with self.client.follow(after=self._cursor) as events:
                task_status.started()
                async for event in events:
                    self._cursor = event.seq or self._cursor
                    self._keep(event)

    def _keep(self, event: Event[dict[str, Any]]) -> None:
        # The echo is told by its text: what names it is not known before it comes.
        names = [str(event.data.get(key)) for key in ("message_id", "contact", "text") if event.data.get(key)]
        for name in names:
            self.told.setdefault((event.topic, name), (time.perf_counter(), event.data))
        self._news.set()
        self._news = anyio.Event()

    async def hear(self, topic: str, name: str) -> tuple[float, dict[str, Any]]:
        """Wait until a topic was told of a message (by its id or text) or contact: when, and its data."""
        while (topic, name) not in self.told:
            await self._news.wait()
        return self.told[topic, name]


async def introduce(ana: Node, bia: Node) -> str:
    """Make them contacts by an invite; the contact that Ana has then."""
    say("Ana makes an invite, Bia accepts it")
    begin = time.perf_counter()
    uri = (await ana.client.call("invites.create"))["uri"]
    say(f"  invite      {uri[:44]}… ({len(uri)} characters)")
    await bia.client.call("invites.accept", uri=uri)
    contact: str = (await bia.client.call("identity.show"))["account"]
    when, _ = await ana.hear("contact.added", contact)
    await ana.hear("contact.online", contact)
    say(f"  contacts    after {ms(when - begin)}")
    say()
    return contact


async def send(ana: Node, contact: str, text: str) -> tuple[str, float, float]:
    """Send a text: the message's id, when that began, and seconds until it was durable."""
    begin = time.perf_counter()
    message = (await ana.client.call("messages.send", contact=contact, text=text))["message_id"]
    return message, begin, time.perf_counter() - begin


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[None]:
    """A started node with its client and the task that follows its events."""
    try:
        async with node.client, anyio.create_task_group() as node.tasks:
            up = await node.start()
            address = (await node.client.call("identity.show"))["addresses"][0]
            say(f"  {node.name:<11} pid {node.pid}, up in {ms(up)}, {address[: address.index('/p2p/') + 13]}…")
            yield
            node.tasks.cancel_scope.cancel()
    finally:
        await end(node.process)


def reason(error: BaseException) -> str:
    """The first sentence inside whatever was raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"it took longer than {PATIENCE:.0f} seconds" if isinstance(error, TimeoutError) else str(error)


async def perform(show: Callable[[Path], Awaitable[None]]) -> int:
    """Show a demo in a folder of its own; the exit code."""
    begin = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="mepassa-demo-") as place, anyio.fail_after(PATIENCE):
            await show(Path(place))
    except (DemoFailed, MepassaError, TimeoutError, ExceptionGroup) as error:
        sys.stderr.write(f"The demo failed: {reason(error)}\n")
        return 1
    say(f"All is stopped and removed, after {time.perf_counter() - begin:.1f} s.")
    return 0


def play(show: Callable[[Path], Awaitable[None]]) -> None:
    """Show a demo and exit."""
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))  # one way to be interrupted
    try:
        sys.exit(anyio.run(perform, show))
    except KeyboardInterrupt:
        sys.exit(130)
