"""A data folder goes back to an older copy of itself, as a virtual machine does: both sides find together again."""

from __future__ import annotations

import shutil

import pytest

from mepassad.testing.rpc_client import RpcClient
from tests.daemon import Daemon, Friends, eventually, reaches, texts


async def chat(one: RpcClient, other: RpcClient, friends: Friends, words: str) -> None:
    """A text each way, both delivered."""
    for rpc, contact in ((one, friends.bruno_id), (other, friends.ana_id)):
        sent = await rpc.call("messages.send", contact=contact, text=words)
        await reaches(rpc, sent["message_id"], "delivered", "read")


def roll_back(daemon: Daemon) -> None:
    """Stop the daemon and put the copy of its folder in the place of its data."""
    assert daemon.stop() == 0
    shutil.rmtree(daemon.data)
    shutil.copytree(daemon.folder / "copy", daemon.data)
    daemon.start()


def copy(daemon: Daemon) -> None:
    """Copy the daemon's data as a snapshot does, and go on."""
    assert daemon.stop() == 0
    shutil.copytree(daemon.data, daemon.folder / "copy")
    daemon.start()


@pytest.mark.parametrize("rounds", [1, 3], ids=["one turn of the ratchet later", "three turns later"])
@pytest.mark.parametrize("first", ["the one that went back", "the other"])
async def test_after_a_folder_went_back_all_that_is_said_arrives_whoever_speaks_first(
    fresh_friends: Friends, rounds: int, first: str
) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    async with ana.session() as one, bruno.session() as other:
        await chat(one, other, fresh_friends, "before")
    copy(ana)
    async with ana.session() as one, bruno.session() as other:
        for number in range(rounds):
            await chat(one, other, fresh_friends, f"forgotten {number}")
    roll_back(ana)
    async with ana.session() as one, bruno.session() as other:
        speakers = [(one, fresh_friends.bruno_id, "from Ana"), (other, fresh_friends.ana_id, "from Bruno")]
        for rpc, contact, words in speakers if first == "the one that went back" else reversed(speakers):
            sent = await rpc.call("messages.send", contact=contact, text=words)
            await reaches(rpc, sent["message_id"], "delivered")
        await chat(one, other, fresh_friends, "after")
        heard = await eventually(lambda: texts(one, fresh_friends.bruno_id), lambda found: found.count("after") == 2)
        assert sorted(text for text in heard if "from" in text) == ["from Ana", "from Bruno"]
        heard = await texts(other, fresh_friends.ana_id)
        assert sorted(text for text in heard if "from" in text) == ["from Ana", "from Bruno"]


async def test_what_waited_in_the_outbox_of_a_folder_that_went_back_arrives_once(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    assert bruno.stop() == 0
    async with ana.session() as one:
        await one.call("messages.send", contact=fresh_friends.bruno_id, text="waiting")
    copy(ana)
    bruno.start()
    async with ana.session() as one, bruno.session() as other:
        await eventually(lambda: texts(other, fresh_friends.ana_id), lambda found: found == ["waiting"])
        await chat(one, other, fresh_friends, "between")
    roll_back(ana)
    async with ana.session() as one, bruno.session() as other:
        sent = await one.call("messages.send", contact=fresh_friends.bruno_id, text="later")
        await reaches(one, sent["message_id"], "delivered")
        await eventually(lambda: texts(one, fresh_friends.bruno_id), lambda found: "later" in found)
        assert await texts(other, fresh_friends.ana_id) == ["waiting", "between", "between", "later"]
