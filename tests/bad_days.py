"""What a bad day must not touch: two friends who chat meanwhile, and what their daemon holds afterwards."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from tests.daemon import Daemon, Friends, eventually, reaches, texts

PROMPT = 15.0  # seconds in which a friend's text is delivered, whatever others do
GROWTH = 32 << 20  # bytes that a daemon may hold more afterwards: what Python does not give back, and no leak
NOISE = 64 << 10  # bytes that a bad day may add to the log

_NUMBERS = itertools.count(1)


class Chat:
    """Two friends who write to each other without pause, each text once the one before was delivered."""

    def __init__(self, friends: Friends) -> None:
        self._ways = ((friends.ana, friends.bruno_id), (friends.bruno, friends.ana_id))
        self._name = f"conversa {next(_NUMBERS)}"
        self._delivered: tuple[list[str], list[str]] = ([], [])
        self._over = anyio.Event()

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[Chat]:
        """Chat meanwhile, and at least five texts each. Then each has all of the other, once and in order."""
        async with anyio.create_task_group() as tasks:
            for way in (0, 1):
                tasks.start_soon(self._write, way)
            yield self
            await self.more()
            self._over.set()
        for daemon, contact in self._ways:
            async with daemon.session() as rpc:
                listed = await texts(rpc, contact)
            for way in (0, 1):
                assert [text for text in listed if text.startswith(f"{self._name}:{way}:")] == self._delivered[way]
            assert self._name not in daemon.log()

    async def more(self) -> None:
        """Wait until each was delivered five more texts of the other."""
        goals = [len(texts) + 5 for texts in self._delivered]
        while any(len(texts) < goal for texts, goal in zip(self._delivered, goals, strict=True)):
            await anyio.sleep(0.01)

    async def _write(self, way: int) -> None:
        daemon, contact = self._ways[way]
        async with daemon.session() as rpc:
            while not self._over.is_set():
                text = f"{self._name}:{way}:{len(self._delivered[way])}"
                with anyio.fail_after(PROMPT):
                    sent = await rpc.call("messages.send", contact=contact, text=text)
                    await reaches(rpc, sent["message_id"], "delivered")
                self._delivered[way].append(text)


@asynccontextmanager
async def bad_day(friends: Friends) -> AsyncIterator[Chat]:
    """Something bad happens to `friends.ana`. The friends notice nothing, and nothing of it stays with her."""
    async with Chat(friends).going_on():
        pass  # what a first conversation brings into memory is there
    ana, before = friends.ana, await levels(friends.ana)
    memory, log = rss(ana), len(ana.log())
    async with Chat(friends).going_on() as chat:
        yield chat
    await eventually(lambda: levels(ana), lambda now: all(now[name] <= before[name] for name in before), patience=10)
    grown = rss(ana) - memory
    assert grown < GROWTH, f"{grown >> 20} MiB more"
    assert len(ana.log()) - log < NOISE
    assert "Traceback" not in ana.log()


async def levels(daemon: Daemon) -> dict[str, int]:
    """What a daemon holds of things that come and go; its database opens files when it first needs them."""
    async with daemon.session() as rpc:
        stats = await rpc.call("system.stats")
    counted = {name: stats[name] for name in ("links", "tasks")}
    here = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{daemon.pid}/fd") if os.path.lexists(entry.path)]
    return {"descriptors": sum(not path.startswith(str(daemon.data)) for path in here), **counted}


def rss(daemon: Daemon) -> int:
    """The memory that a daemon holds now, in bytes; without the pages of libraries, which come when they are used."""
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024
