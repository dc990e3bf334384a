"""SIGKILL under load: what was confirmed is never lost, and nothing is read twice.

`MEPASSAD_KILLS` is how many times a daemon is killed (`make torture`: 100), `MEPASSAD_SEED` decides when and which.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter

import anyio
import pytest

from tests.daemon import Daemon, Friends, eventually, items, received

KILLS = int(os.environ.get("MEPASSAD_KILLS", "10"))
SEED = int(os.environ.get("MEPASSAD_SEED", "1"))
WRITERS = 4  # for each daemon, each with one call in flight


class Writer:
    """Writes to a contact without pause. What was not confirmed is sent again under the same `request_id`."""

    def __init__(self, daemon: Daemon, contact: str, name: str) -> None:
        self.daemon, self.contact, self.name = daemon, contact, name
        self.confirmed: dict[str, str] = {}  # text → message id
        self._unsure = False

    async def run(self, stop: anyio.Event) -> None:
        while not stop.is_set() or self._unsure:
            try:
                streams = await asyncio.open_unix_connection(self.daemon.socket)
                try:
                    await self._write(*streams, stop)
                finally:
                    streams[1].close()
            except (OSError, EOFError):
                await anyio.sleep(0.02)

    async def _write(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: anyio.Event) -> None:
        while not stop.is_set() or self._unsure:
            text, self._unsure = f"{self.name} {len(self.confirmed)}", True
            params = {"contact": self.contact, "text": text, "request_id": text}
            writer.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "messages.send", "params": params}).encode())
            writer.write(b"\n")
            sent = json.loads(await reader.readuntil(b"\n"))["result"]
            self.confirmed[text], self._unsure = sent["message_id"], False


@pytest.mark.timeout(90 + 6 * KILLS)
async def test_nothing_confirmed_is_lost_or_doubled_when_daemons_are_killed_under_load(fresh_friends: Friends) -> None:
    friends, chance = fresh_friends, random.Random(SEED)
    ways = ((friends.ana, friends.bruno_id, friends.bruno), (friends.bruno, friends.ana_id, friends.ana))
    writers = [Writer(way[0], way[1], f"{way[0].folder.name}-{n}") for way in ways for n in range(WRITERS)]
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for writer in writers:
            tasks.start_soon(writer.run, stop)
        for _ in range(KILLS):
            victim = chance.choice((friends.ana, friends.bruno))
            if chance.random() < 0.8:  # else while it starts
                await anyio.to_thread.run_sync(victim.wait_ready)
            await anyio.sleep(chance.uniform(0.02, 0.5))  # a moment is what is tested here
            victim.kill()
            victim.launch()
        for daemon in (friends.ana, friends.bruno):
            await anyio.to_thread.run_sync(daemon.wait_ready)
        stop.set()
    for sender, contact, receiver in ways:
        sent = {text: id for writer in writers if writer.daemon is sender for text, id in writer.confirmed.items()}
        assert len(sent) > 5 * KILLS, "hardly any load"
        await all_delivered(sender, contact, sent)
        await read_once(receiver, sent)


async def all_delivered(sender: Daemon, contact: str, sent: dict[str, str]) -> None:
    """Wait until everything that was sent is delivered; nothing else was sent."""
    async with sender.session() as rpc:

        async def states() -> Counter[str]:
            listed = await items(rpc, "messages.list", contact=contact, limit=500)
            own = [item for item in listed if not item["incoming"]]
            assert {item["text"]: item["message_id"] for item in own} == sent
            assert len(own) == len(sent)
            return Counter(item["state"] for item in own)

        await eventually(states, lambda found: set(found) == {"delivered"}, patience=60)


async def read_once(receiver: Daemon, sent: dict[str, str]) -> None:
    """The reader has each message once, in the list and among the events."""
    async with receiver.client(after=0) as rpc:
        await rpc.until(lambda: len(received(rpc.events)) >= len(sent))
        told = [event["data"]["message_id"] for event in rpc.events if event["topic"] == "message.received"]
        assert Counter(told) == Counter(sent.values())
        contact = (await rpc.call("contacts.list"))["items"][0]["contact"]
        listed = [item for item in await items(rpc, "messages.list", contact=contact, limit=500) if item["incoming"]]
        assert Counter(item["text"] for item in listed) == Counter(list(sent))
        assert {item["message_id"] for item in listed} == set(sent.values())
        numbers = [event["seq"] for event in rpc.events if event["seq"]]
        assert numbers == list(range(1, len(numbers) + 1))
