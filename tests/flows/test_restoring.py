"""A machine is lost: the words bring the account back at the same address, and what waited for it arrives."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.daemon import MEPASSAD, Daemon, Friends, eventually, reaches, received, run, texts


def words_of(daemon: Daemon) -> Path:
    """The words that the daemon's first start wrote, where they outlive the folder."""
    (file,) = daemon.data.glob("recovery-words-*.txt")
    return Path(shutil.copy(file, daemon.folder / "words"))


def lose(daemon: Daemon) -> Path:
    """End a daemon where it stands and burn its data folder; the words that are left."""
    words = words_of(daemon)
    daemon.kill()
    shutil.rmtree(daemon.data)
    return words


def restore(daemon: Daemon, words: Path) -> None:
    """Make the account anew from its words, and start."""
    done = run(MEPASSAD, "--config", daemon.config_file, "init", "--words-file", words)
    assert done.returncode == 0, done.stderr
    daemon.start()


async def test_what_waits_for_a_lost_machine_reaches_the_restored_one_at_its_address(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    async with bruno.client() as rpc:
        sent = await rpc.call("messages.send", contact=fresh_friends.ana_id, text="antes")
        await reaches(rpc, sent["message_id"], "delivered")
        words = lose(ana)
        waiting = [await rpc.call("messages.send", contact=fresh_friends.ana_id, text=text) for text in ("um", "dois")]
        restore(ana, words)
        for message in waiting:
            await reaches(rpc, message["message_id"], "delivered", "read")
        topics = [event["topic"] for event in rpc.events]
        assert topics.count("contact.keys_changed") == 1
        async with ana.client(after=0) as anas:
            await eventually(lambda: texts(anas, fresh_friends.bruno_id), lambda found: found == ["um", "dois"])
            back = await anas.call("messages.send", contact=fresh_friends.bruno_id, text="voltei")
            await reaches(anas, back["message_id"], "delivered")
        assert received(rpc.events) == ["voltei"]
        (me,) = (await rpc.call("contacts.list"))["items"]
        assert (me["contact"], me["state"]) == (fresh_friends.ana_id, "accepted")


async def test_another_account_at_the_address_of_a_lost_one_gets_nothing_and_learns_no_account(
    fresh_friends: Friends,
) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    lose(ana)
    ana.start()  # somebody else's account, on the same port
    async with bruno.client() as rpc, ana.client(after=0) as stranger:
        sent = await rpc.call("messages.send", contact=fresh_friends.ana_id, text="para a Ana")
        await eventually(lambda: _tried(bruno), lambda tries: tries >= 2)
        assert (await rpc.call("messages.get", message_id=sent["message_id"]))["state"] == "queued"
        assert (await stranger.call("contacts.list"))["items"] == []
    assert fresh_friends.ana_id not in ana.log()


async def _tried(daemon: Daemon) -> int:
    """How often it looked for a contact at another node than the contact's."""
    return daemon.log().count("somebody else answers")
