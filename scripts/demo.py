"""The demo: two nodes and an echo bot as real processes in a temporary folder, shown at work. Run: make demo"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process, TaskStatus
from mepassa import Client, Event, MepassaError, NodeNotRunning

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0  # seconds for the whole demo
STATES = ("sent", "delivered", "read")
TEXTS = ("Olá, Bia! Are you there?", "Only we two can read it.", "São João, pão de açúcar", "See you at eight.")
CONFIG = """\
node: {{name: {name}, data_dir: {folder}}}
rpc: {{socket: {folder}/rpc.sock}}
plugins: [transport_libp2p]
transport_libp2p: {{listen: [/ip4/127.0.0.1/tcp/0]}}
"""


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

    def __init__(self, name: str, place: Path) -> None:
        """It does not run yet."""
        self.name, self.folder = name, place / name
        self.client = Client(self.folder / "rpc.sock")
        self.told: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
        self._news = anyio.Event()
        self.process: Process | None = None

    async def start(self) -> float:
        """Start the daemon and wait for its first answer; seconds from exec."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        config = self.folder / "config.yaml"
        config.write_text(CONFIG.format(name=self.name, folder=self.folder))
        begin = time.perf_counter()
        self.process = await spawn(self.folder / "log", "-m", "mepassad", "--config", str(config))
        while True:
            try:
                await self.client.call("system.hello", client="demo")
                return time.perf_counter() - begin
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

    async def watch(self, *, task_status: TaskStatus[None]) -> None:
        """Keep when each thing was first told, until cancelled."""
        async with self.client.follow() as events:
            task_status.started()
            async for event in events:
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


async def read(bia: Node, message: str) -> None:
    """Bia's eyes reach the message."""
    await bia.hear("message.received", message)
    await bia.client.call("messages.mark_read", message_id=message)


def row(*cells: str) -> None:
    """One line of the table of messages."""
    say("  {:<25}{:>8}{:>8}{:>11}{:>8}{:>8}{:>10}".format(*cells))


async def converse(ana: Node, bia: Node, contact: str) -> None:
    """Some messages there, read, and their echoes back."""
    say("Ana writes, Bia reads, Bia's bot echoes; milliseconds after Ana's call")
    row("message", "queued", "sent", "delivered", "read", "echo", "route")
    for text in TEXTS:
        message, begin, durable = await send(ana, contact, text)
        await read(bia, message)
        told = [await ana.hear(f"message.{state}", message) for state in STATES]
        told.append(await ana.hear("message.received", text))
        seen = [durable, *(when - begin for when, _ in told)]
        row(text, *(f"{seconds * 1e3:.1f}" for seconds in seen), told[0][1]["route"])
    say()


async def survive(ana: Node, bia: Node, contact: str) -> None:
    """Kill Bia's daemon with a message on its way to it, and start it again."""
    text = "This one met a dead node."
    say("Bia's node is killed with a message on its way")
    ana.told.pop(("contact.offline", contact), None)
    os.kill(bia.pid, signal.SIGSTOP)  # it takes the bytes from now on, but no longer looks at them
    message, _, durable = await send(ana, contact, text)
    say(f"  queued      {ms(durable)}, durable at Ana's node and handed to the connection")
    os.kill(bia.pid, signal.SIGKILL)
    say(f"  SIGKILL     pid {bia.pid}")
    if bia.process is not None:
        await bia.process.wait()
    await ana.hear("contact.offline", contact)
    state = (await ana.client.call("messages.get", message_id=message))["state"]
    say(f"  meanwhile   state {state}; Ana's node knows that Bia is gone")
    again = time.perf_counter()
    up = await bia.start()
    say(f"  back        pid {bia.pid}, up in {ms(up)}")
    await read(bia, message)
    for name in STATES:
        when, data = await ana.hear(f"message.{name}", message)
        say(f"  {name:<11} {ms(when - again)} after the start, {data['route']}")
    when, _ = await ana.hear("message.received", text)
    say(f"  echo        {ms(when - again)} after the start")
    await count(ana, bia, text)
    say()


async def count(ana: Node, bia: Node, text: str) -> None:
    """Nothing was doubled on either side. Raises `DemoFailed`."""
    for node in (bia, ana):
        other = (await node.client.call("contacts.list"))["items"][0]["contact"]
        items = (await node.client.call("messages.list", contact=other))["items"]
        copies = sum(item["text"] == text and item["incoming"] for item in items)
        if copies != 1:
            raise DemoFailed(f"The message is {copies} times with {node.name}.")
    say("  once        each side has it exactly once")


@asynccontextmanager
async def bot(bia: Node) -> AsyncIterator[Process]:
    """The echo bot, as a process of its own at Bia's socket, for her account."""
    command = [str(ROOT / "examples/bots/echo.py"), "--socket", str(bia.client.socket)]
    account = (await bia.client.identity.show()).account
    process = await spawn(bia.folder / "bot.log", *command, "--account", account)
    try:
        yield process
    finally:
        await end(process)


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[None]:
    """A started node with its client and the task that follows its events."""
    try:
        async with node.client, anyio.create_task_group() as tasks:
            up = await node.start()
            address = (await node.client.call("identity.show"))["addresses"][0]
            say(f"  {node.name:<11} pid {node.pid}, up in {ms(up)}, {address[: address.index('/p2p/') + 13]}…")
            await tasks.start(node.watch)
            yield
            tasks.cancel_scope.cancel()
    finally:
        await end(node.process)


async def show(place: Path) -> None:
    """The whole demo in a folder. Raises `DemoFailed`, `MepassaError`."""
    ana, bia = Node("ana", place), Node("bia", place)
    say(f"Two nodes and a bot in {place}")
    async with running(ana), running(bia), bot(bia) as echo:
        say(f"  {'echo':<11} pid {echo.pid}, examples/bots/echo.py at Bia's socket")
        say()
        contact = await introduce(ana, bia)
        await converse(ana, bia, contact)
        await survive(ana, bia, contact)


def reason(error: BaseException) -> str:
    """The first sentence inside whatever was raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"it took longer than {PATIENCE:.0f} seconds" if isinstance(error, TimeoutError) else str(error)


async def main() -> int:
    """Show it; the exit code."""
    begin = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="mepassa-demo-") as place, anyio.fail_after(PATIENCE):
            await show(Path(place))
    except (DemoFailed, MepassaError, TimeoutError, ExceptionGroup) as error:
        sys.stderr.write(f"The demo failed: {reason(error)}\n")
        return 1
    say(f"All is stopped and removed, after {time.perf_counter() - begin:.1f} s.")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))  # one way to be interrupted
    try:
        sys.exit(anyio.run(main))
    except KeyboardInterrupt:
        sys.exit(130)
