"""Bad days of a contact's machine: frozen and woken, killed in mid-frame and back at once. Nothing is lost or doubled.

`MEPASSAD_STOPPED` is for how many seconds a daemon is frozen (`make torture`: 60), `MEPASSAD_KILLS` how often one is
killed (100).
Two friends chat meanwhile and notice nothing, and nothing of it stays (`tests/bad_days.py`).
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from mepassad.testing.rpc_client import RpcClient
from tests.bad_days import bad_day
from tests.daemon import Daemon, Fleet, Friends, eventually, items, reaches
from tests.load import Writer, all_delivered, read_once

STOPPED = float(os.environ.get("MEPASSAD_STOPPED", "1"))
KILLS = int(os.environ.get("MEPASSAD_KILLS", "3"))
LARGE = 60_000  # characters of a text of which four do not fit the window of a stream
ENDED = "it takes nothing any more"
UNDER_WAY = 100_000  # bytes at the receiver's door that make it sure that a frame was begun and not ended


@pytest.fixture(scope="module")
def friends(shared: Fleet) -> Friends:
    """Ana, who is patient with whoever does not answer, and bruno."""
    return Friends(*shared.start("ana", "bruno", **patience(30 + 2 * STOPPED)))


@pytest.fixture
def pair(fleet: Fleet, friends: Friends) -> Friends:
    """Ana, and in the place of `bruno` a new contact, carla, whose daemon is down until a test starts it."""
    pair = Friends(friends.ana, *fleet.start("carla"))
    pair.bruno.stop()
    return pair


@pytest.fixture
def impatient(friends: Friends) -> Iterator[None]:
    """Ana hangs up after a second on whoever does not answer."""
    friends.ana.configure(**patience(1))
    friends.ana.restart()
    yield
    friends.ana.configure(**patience(30 + 2 * STOPPED))
    friends.ana.restart()


def patience(seconds: float) -> dict[str, dict[str, float]]:
    """The configuration of a daemon that waits so long for whoever does not answer."""
    return {"delivery": {"stall_timeout": seconds}, "transport_libp2p": {"dead_peer_timeout": seconds}}


@asynccontextmanager
async def frozen(daemon: Daemon) -> AsyncIterator[None]:
    """A daemon does not run meanwhile, as on a machine that sleeps or thrashes."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


@asynccontextmanager
async def correspondence(pair: Friends) -> AsyncIterator[None]:
    """Both write to each other without pause meanwhile. Then each has all of the other, once."""
    ways = ((pair.ana, pair.bruno_id, pair.bruno, pair.ana_id), (pair.bruno, pair.ana_id, pair.ana, pair.bruno_id))
    writers = [Writer(way[0], way[1], f"to {way[1]}") for way in ways]
    over = anyio.Event()
    async with anyio.create_task_group() as tasks:
        for writer in writers:
            tasks.start_soon(writer.run, over)
        await twenty_more(writers)
        yield
        await twenty_more(writers)
        over.set()
    for writer, (sender, contact, receiver, author) in zip(writers, ways, strict=True):
        await all_delivered(sender, contact, writer.confirmed)
        await read_once(receiver, author, writer.confirmed)


async def twenty_more(writers: list[Writer]) -> None:
    """Wait until each writer wrote twenty more texts."""
    goals = [len(writer.confirmed) + 20 for writer in writers]
    while any(len(writer.confirmed) < goal for writer, goal in zip(writers, goals, strict=True)):
        await anyio.sleep(0.01)


@pytest.mark.timeout(60 + 6 * STOPPED)
async def test_who_is_frozen_for_less_than_the_timeout_goes_on_as_if_nothing_had_been(
    friends: Friends, pair: Friends
) -> None:
    async with bad_day(friends) as chat:
        pair.bruno.start()
        async with correspondence(pair), frozen(pair.bruno):
            await chat.more()
            await anyio.sleep(STOPPED)  # a time is what is tested here
        assert ENDED not in pair.ana.log()
        pair.bruno.stop()


@pytest.mark.timeout(60 + 6 * STOPPED)
@pytest.mark.usefixtures("impatient")
async def test_who_is_frozen_for_longer_is_hung_up_on_and_found_again(friends: Friends, pair: Friends) -> None:
    async with bad_day(friends) as chat:
        pair.bruno.start()
        async with correspondence(pair), frozen(pair.bruno):
            async with pair.ana.session() as rpc:  # whichever layer has enough of it first
                await eventually(
                    lambda: rpc.call("contacts.get", contact=pair.bruno_id), lambda carla: not carla["online"]
                )
            await chat.more()
            await anyio.sleep(STOPPED)  # a time is what is tested here
        pair.bruno.stop()


@pytest.mark.timeout(90 + 6 * KILLS)
async def test_who_is_killed_in_the_middle_of_a_frame_and_is_back_at_once_loses_and_doubles_nothing(
    friends: Friends, pair: Friends
) -> None:
    ana, sender, sent = pair.ana, pair.bruno, {}
    async with bad_day(friends) as chat:
        sender.launch()
        for kill in range(KILLS):
            await anyio.to_thread.run_sync(sender.wait_ready)
            async with sender.session() as rpc:
                await reaches(rpc, await write(rpc, pair, sent, f"{kill}"), "delivered")  # there is a link
                async with frozen(ana):
                    for number in range(6):
                        await write(rpc, pair, sent, f"{kill}.{number} ".ljust(LARGE, "x"))
                    await eventually(under_way(ana, sender), lambda size: size > UNDER_WAY)
                    sender.kill()
                    sender.launch()
            await chat.more()
        await anyio.to_thread.run_sync(sender.wait_ready)
        async with sender.session() as rpc:
            for message in sent.values():
                await reaches(rpc, message, "delivered")
        sender.stop()
    async with ana.session() as rpc:
        read = [item["text"] for item in await items(rpc, "messages.list", contact=pair.bruno_id, limit=8)]
    assert read[::-1] == list(sent)


async def write(rpc: RpcClient, pair: Friends, sent: dict[str, str], text: str) -> str:
    """Write to ana; the message's id."""
    sent[text] = str((await rpc.call("messages.send", contact=pair.ana_id, text=text))["message_id"])
    return sent[text]


def under_way(receiver: Daemon, sender: Daemon) -> Callable[[], Awaitable[int]]:
    """Asks how many bytes lie in one socket of a receiver who does not read."""

    async def look() -> int:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours = [row for row in rows if int(row[1][-4:], 16) == receiver.port() or int(row[2][-4:], 16) == sender.port()]
        return max((int(row[4].rpartition(":")[2], 16) for row in ours), default=0)

    return look
