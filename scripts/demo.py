"""The demo: two nodes and an echo bot as real processes in a temporary folder, shown at work. Run: make demo"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio.abc import Process

from scripts.staging import ROOT, DemoFailed, Node, end, introduce, ms, play, running, say, send, spawn

STATES = ("sent", "delivered", "read")
TEXTS = ("Olá, Bia! Are you there?", "Only we two can read it.", "São João, pão de açúcar", "See you at eight.")


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


if __name__ == "__main__":
    play(show)
