"""Load that outlives daemons: writers who go on when theirs is killed, and what must have arrived in the end."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import anyio

from tests.daemon import Daemon, eventually, items


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


async def read_once(receiver: Daemon, contact: str, sent: dict[str, str]) -> None:
    """The reader has each message of a contact once, in the list and among the events."""
    async with receiver.client(after=0) as rpc:

        def told() -> list[str]:
            news = [event["data"] for event in rpc.events if event["topic"] == "message.received"]
            return [data["message_id"] for data in news if data["contact"] == contact]

        await rpc.until(lambda: len(told()) >= len(sent))
        assert Counter(told()) == Counter(sent.values())
        listed = [item for item in await items(rpc, "messages.list", contact=contact, limit=500) if item["incoming"]]
        assert Counter(item["text"] for item in listed) == Counter(list(sent))
        assert {item["message_id"] for item in listed} == set(sent.values())
        numbers = [event["seq"] for event in rpc.events if event["seq"]]
        assert numbers == list(range(1, len(numbers) + 1))
