"""The hybrid demo: a message goes direct, then over a relay, then by a mailbox. Run: make demo-hybrid"""

from __future__ import annotations

import re
import time
from pathlib import Path

import anyio

from scripts.staging import DemoFailed, Node, end, introduce, ms, play, running, say, send

LINE = re.compile(r"mailboxes: \[.*\]")
SERVER = "roles: [bootstrap, relay, mailbox]"
NOWHERE = "[]"  # as behind a router that lets nobody in


async def line_of(server: Node) -> str:
    """What the server prints for the configuration of others. Raises `DemoFailed`."""
    told = LINE.search((server.folder / "log").read_text())
    if told is None:
        raise DemoFailed("The server printed no line for others.")
    return told[0]


async def restart(node: Node, listen: str) -> None:
    """Start a node again that listens elsewhere."""
    await end(node.process)
    node.listen = listen
    up = await node.start()
    say(f"  {node.name:<11} again, up in {ms(up)}, listens {'nowhere' if listen == NOWHERE else 'on loopback'}")


async def reached_over(ana: Node, contact: str, text: str, route: str) -> None:
    """A message arrives over a route, in the end: the way may have to be found first. Raises `DemoFailed`."""
    for _ in range(20):
        message, begin, durable = await send(ana, contact, text)
        sent, _ = await ana.hear("message.sent", message)
        delivered, data = await ana.hear("message.delivered", message)
        if data["route"] == route:
            times = f"queued {ms(durable)}, sent {ms(sent - begin)}, delivered {ms(delivered - begin)}"
            say(f"  {route:<11} {times}")
            say()
            return
        await anyio.sleep(0.5)
    raise DemoFailed(f"The messages went {data['route']}, not {route}.")


async def direct(ana: Node, contact: str) -> None:
    """Both can be dialled."""
    say("Ana writes to Bia, whose node can be dialled")
    await reached_over(ana, contact, "Straight from me to you.", "direct")


async def relayed(ana: Node, bia: Node, contact: str) -> None:
    """Neither can be dialled, and no hole can be punched where nobody listens."""
    say("Both move behind routers that let nobody in")
    await restart(bia, NOWHERE)
    await restart(ana, NOWHERE)
    begin = time.perf_counter()
    for _ in range(600):
        if (await ana.client.contacts.get(contact=contact)).online:
            break
        await anyio.sleep(0.05)
    say(f"  online      {ms(time.perf_counter() - begin)} later, over the server, which cannot read what it carries")
    await reached_over(ana, contact, "Over a relay that cannot read it.", "relayed")


async def away(ana: Node, bia: Node, contact: str) -> None:
    """They are never there at the same time."""
    say("Bia's node is off, Ana writes, and goes off too")
    await end(bia.process)
    message, begin, durable = await send(ana, contact, "Read this when you are back.")
    when, data = await ana.hear("message.sent", message)
    say(f"  {data['route']:<11} queued {ms(durable)}, sent {ms(when - begin)}: it waits at the server, sealed")
    await end(ana.process)
    up = await bia.start()
    again = time.perf_counter()
    when, _ = await bia.hear("message.received", message)
    say(f"  bia         up in {ms(up)}, has it {ms(when - again)} later; Ana is away")
    await ana.start()
    again = time.perf_counter()
    when, data = await ana.hear("message.delivered", message)
    say(f"  ana         back, knows that it was delivered {ms(when - again)} later, {data['route']}")
    await count(bia, "Read this when you are back.")
    say()


async def count(node: Node, text: str) -> None:
    """The message came once. Raises `DemoFailed`."""
    other = (await node.client.call("contacts.list"))["items"][0]["contact"]
    items = (await node.client.call("messages.list", contact=other))["items"]
    if (copies := sum(item["text"] == text for item in items)) != 1:
        raise DemoFailed(f"The message is {copies} times with {node.name}.")
    say(f"  once        {node.name} has it exactly once")


async def show(place: Path) -> None:
    """The whole demo in a folder. Raises `DemoFailed`, `MepassaError`."""
    say(f"A server and two nodes in {place}")
    server = Node("server", place, more=SERVER)
    async with running(server):
        line = await line_of(server)
        say(f"  its line    {line[:52]}…")
        ana, bia = Node("ana", place, more=line), Node("bia", place, more=line)
        async with running(ana), running(bia):
            say()
            contact = await introduce(ana, bia)
            await direct(ana, contact)
            await relayed(ana, bia, contact)
            await away(ana, bia, contact)


if __name__ == "__main__":
    play(show)
