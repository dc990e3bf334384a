"""SIGKILL under load: what was confirmed is never lost, and nothing is read twice.

`MEPASSAD_KILLS` is how many times a daemon is killed at least (`make torture`: 100), `MEPASSAD_SEED` decides when and
which.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import anyio
import pytest

from tests.daemon import Daemon, Friends
from tests.load import Writer, all_delivered, read_once

KILLS = int(os.environ.get("MEPASSAD_KILLS", "10"))
SEED = int(os.environ.get("MEPASSAD_SEED", "1"))
WRITERS = 4  # for each daemon, each with one call in flight
LOAD = 5  # texts of each daemon, at least, for each that is killed


def said(writers: Sequence[Writer], daemon: Daemon) -> int:
    """How many texts of a daemon were confirmed."""
    return sum(len(writer.confirmed) for writer in writers if writer.daemon is daemon)


@pytest.mark.timeout(90 + 6 * KILLS)
async def test_nothing_confirmed_is_lost_or_doubled_when_daemons_are_killed_under_load(fresh_friends: Friends) -> None:
    friends, chance = fresh_friends, random.Random(SEED)
    ways = (
        (friends.ana, friends.bruno_id, friends.bruno, friends.ana_id),
        (friends.bruno, friends.ana_id, friends.ana, friends.bruno_id),
    )
    writers = [Writer(way[0], way[1], f"{way[0].folder.name}-{n}") for way in ways for n in range(WRITERS)]
    stop, kills = anyio.Event(), 0
    async with anyio.create_task_group() as tasks:
        for writer in writers:
            tasks.start_soon(writer.run, stop)
        while kills < KILLS or min(said(writers, way[0]) for way in ways) <= LOAD * KILLS:
            kills += 1
            victim = chance.choice((friends.ana, friends.bruno))
            if chance.random() < 0.8:  # else while it starts
                await anyio.to_thread.run_sync(victim.wait_ready)
            await anyio.sleep(chance.uniform(0.02, 0.5))  # a moment is what is tested here
            victim.kill()
            victim.launch()
        for daemon in (friends.ana, friends.bruno):
            await anyio.to_thread.run_sync(daemon.wait_ready)
        stop.set()
    for sender, contact, receiver, author in ways:
        sent = {text: id for writer in writers if writer.daemon is sender for text, id in writer.confirmed.items()}
        await all_delivered(sender, contact, sent)
        await read_once(receiver, author, sent)
