"""Two friends who write large texts to each other without pause: neither waits for the other to stop."""

from __future__ import annotations

import anyio

from mepassad.delivery.link import GATHERED
from mepassad.testing.rpc_client import RpcClient
from tests.daemon import Friends, eventually, items

COUNT, FILLING = 150, "x" * 60_000
PACKET = 80_000  # bytes that one of them takes at most
ANSWERS = 1 << 16  # bytes that what is answered meanwhile takes at most


async def write(rpc: RpcClient, contact: str) -> None:
    for number in range(COUNT):
        await rpc.begin("messages.send", contact=contact, text=f"{number} {FILLING}")


async def delivered(rpc: RpcClient, contact: str) -> int:
    own = [item for item in await items(rpc, "messages.list", contact=contact, limit=10) if not item["incoming"]]
    return [item["state"] for item in own].count("delivered")


async def test_both_get_all_that_two_write_at_once_and_their_streams_hold_little(fresh_friends: Friends) -> None:
    friends = fresh_friends
    async with friends.ana.session() as ana, friends.bruno.session() as bruno:
        ways = ((ana, friends.bruno_id), (bruno, friends.ana_id))
        async with anyio.create_task_group() as tasks:
            for way in ways:
                tasks.start_soon(write, *way)
        for rpc, contact in ways:
            await eventually(lambda rpc=rpc, contact=contact: delivered(rpc, contact), lambda found: found == COUNT)
            streams = (await rpc.call("system.stats"))["transports"]["libp2p"]
            most, limit = streams["stream_unwritten_most"], streams["stream_unwritten_limit"]
            assert most <= limit + GATHERED + PACKET + ANSWERS
    for daemon in (friends.ana, friends.bruno):
        assert "does not read its answers" not in daemon.log()
