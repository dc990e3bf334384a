"""The node as a whole: started, refused, counted, stopped."""

from __future__ import annotations

import asyncio
import resource
import socket
import stat

import pytest

from mepassad.api.transport import Reachability
from mepassad.errors import AlreadyRunning, StoreBroken, UnsafePath
from mepassad.testing.nodes import Nodes, eventually


async def test_a_first_start_makes_an_account_with_the_configured_name(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    (account,) = node.node.accounts.all()
    assert (account.name, account.kind) == ("ana", "person")
    (words,) = nodes.folder("ana").glob("recovery-words-*.txt")
    assert len(words.read_text().split()) == 24
    assert stat.S_IMODE(words.stat().st_mode) == 0o600
    await nodes.restart("ana")
    assert len(list(nodes.folder("ana").glob("recovery-words-*.txt"))) == 1


async def test_a_second_node_on_the_same_folder_is_refused_and_the_first_goes_on(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    with pytest.raises(AlreadyRunning):
        await nodes.start("ana")
    await bob.say(ana, "still here?")
    await eventually(lambda: ana.texts() == ["still here?"])
    nodes.up["ana"] = ana


async def test_a_folder_that_others_may_write_to_is_refused(nodes: Nodes) -> None:
    nodes.folder("ana").mkdir(mode=0o777)
    nodes.folder("ana").chmod(0o777)
    with pytest.raises(UnsafePath):
        await nodes.start("ana")
    assert list(nodes.folder("ana").iterdir()) == []


async def test_a_store_that_cannot_be_read_is_refused_and_left_alone(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    await nodes.up.pop("ana").stop()
    (database,) = nodes.folder("ana").glob("*.db")
    database.write_bytes(b"junk" * 1000)
    with pytest.raises(StoreBroken):
        await nodes.start("ana")
    assert database.read_bytes() == b"junk" * 1000
    assert node.failure is None


async def test_stats_tell_how_the_node_is(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.clock.advance(12)
    await ana.say(bob, "hi")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    stats = ana.node.stats()
    assert (stats["accounts"], stats["contacts"], stats["uptime_seconds"]) == (1, 1, 12.0)
    assert stats["routes"] == {"direct": 1}
    assert isinstance(stats["max_rss_bytes"], int)
    assert isinstance(stats["rss_bytes"], int)
    assert stats["rss_bytes"] > 0
    assert isinstance(stats["links"], int)
    assert stats["links"] >= 1
    assert stats["transports"] == {"memory": {"connections": 1}}
    assert stats["descriptor_limit"] == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


async def test_stats_count_descriptors_threads_and_tasks_of_the_process(nodes: Nodes) -> None:
    node = (await nodes.start("ana")).node
    await nodes.pass_by(1, times=10)  # what begins with the node has begun, and what ends soon has ended
    before = node.stats()
    loop = asyncio.get_running_loop()
    ends = [*socket.socketpair(), *socket.socketpair()]
    waiting = loop.create_task(asyncio.sleep(60))
    await loop.run_in_executor(None, int)  # the executor keeps its thread
    after = node.stats()
    waiting.cancel()
    for end in ends:
        end.close()
    grown = {name: after[name] - before[name] for name in ("descriptors", "threads", "tasks")}  # type: ignore[operator]
    assert grown == {"descriptors": 4, "threads": 1, "tasks": 1}


async def test_stats_count_the_tasks_inside_a_transport_too(nodes: Nodes) -> None:
    class Busy:
        name = "busy"

        def tasks(self) -> int:
            return 1000

        def reachability(self) -> Reachability:
            return Reachability()

        def stats(self) -> dict[str, int]:
            return {}

    node = (await nodes.start("ana")).node
    before = node.stats()["tasks"]
    node.transports = [*node.transports, Busy()]  # type: ignore[list-item]
    assert node.stats()["tasks"] == before + 1000  # type: ignore[operator]


async def test_a_stop_that_is_asked_for_is_seen_by_who_runs_the_node(nodes: Nodes) -> None:
    node = await nodes.start("ana")
    assert not node.node.stopped.is_set()
    node.node.stop()
    assert node.node.stopped.is_set()


async def test_what_a_caller_was_told_is_kept_is_there_after_a_stop(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    nodes.cut(ana, bob)
    sent = [await ana.say(bob, str(n)) for n in range(20)]
    ana = await nodes.restart("ana")
    rows = [await ana.node.store.message(message.account, message.id) for message in sent]
    assert [row.text for row in rows if row] == [str(n) for n in range(20)]
