"""Clients that attach late: nothing is missed, everything is seen in order, and each thing once."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mepassad.testing.rpc_client import RpcError
from tests.daemon import Friends, reaches, received


async def say(friends: Friends, *texts: str) -> None:
    """Send from ana to bruno, and wait until it was delivered."""
    async with friends.ana.session() as ana:
        sent = [await ana.call("messages.send", contact=friends.bruno_id, text=text) for text in texts]
        await reaches(ana, sent[-1]["message_id"], "delivered")


async def test_a_client_that_never_listened_gets_everything_from_the_oldest_on(fresh_friends: Friends) -> None:
    said = [f"cedo {n}" for n in range(20)]
    await say(fresh_friends, *said)
    async with fresh_friends.bruno.client(after=0) as late:
        await late.until(lambda: len(received(late.events)) == 20)
        assert received(late.events) == said
        facts = [event for event in late.events if event["seq"]]
        assert [event["topic"] for event in facts[:3]] == ["contact.changed", "contact.added", "message.received"]
        assert [event["seq"] for event in facts] == list(range(1, 23))


async def test_a_client_resumes_after_the_last_number_it_dealt_with(friends: Friends) -> None:
    await say(friends, "a", "b")
    async with friends.bruno.client(after=0) as first:
        await first.until(lambda: received(first.events)[-2:] == ["a", "b"])
        last = max(event["seq"] for event in first.events if event["seq"])
    await say(friends, "c", "d")
    async with friends.bruno.client(after=last) as second:
        await say(friends, "e")
        await second.until(lambda: "e" in received(second.events))
        assert received(second.events) == ["c", "d", "e"]
        assert min(event["seq"] for event in second.events if event["seq"]) == last + 1


async def test_numbers_go_on_after_a_restart_of_the_daemon(friends: Friends) -> None:
    await say(friends, "antes")
    async with friends.bruno.client(after=0) as first:
        await first.until(lambda: "antes" in received(first.events))
        last = max(event["seq"] for event in first.events if event["seq"])
    friends.bruno.restart()
    await say(friends, "depois")
    async with friends.bruno.client(after=last) as second:
        await second.until(lambda: bool(received(second.events)))
        assert received(second.events) == ["depois"]


async def test_clients_that_attach_while_messages_pour_in_see_each_once_without_a_gap(friends: Friends) -> None:
    async with friends.bruno.client() as before, friends.ana.session() as ana:
        for n in range(300):
            await ana.begin("messages.send", contact=friends.bruno_id, text=f"chuva {n}")
        await before.until(lambda: len(received(before.events)) >= 20)
        async with friends.bruno.client(after=0) as oldest, friends.bruno.client() as now:
            for rpc in (oldest, before):
                await rpc.until(lambda rpc=rpc: received(rpc.events)[-1:] == ["chuva 299"], timeout=20)
                assert [text for text in received(rpc.events) if text.startswith("chuva")] == [
                    f"chuva {n}" for n in range(300)
                ]
            for rpc in (oldest, before, now):
                numbers = [event["seq"] for event in rpc.events if event["seq"]]
                # One that attached "from now" when all was over has no numbers, and so no gap.
                assert all(later - earlier == 1 for earlier, later in pairwise(numbers))


async def test_only_the_topics_that_were_asked_for_come(friends: Friends) -> None:
    async with friends.bruno.session() as rpc:
        await rpc.call("events.subscribe", topics=["message.received"])
        await say(friends, "só isto")
        await rpc.event("message.received")
        assert {event["topic"] for event in rpc.events} <= {"message.received"}
        with pytest.raises(RpcError, match="UnknownTopic"):
            await rpc.call("events.subscribe", topics=["message.sung"])


async def test_a_cursor_beyond_the_newest_event_waits_for_nothing_old(friends: Friends) -> None:
    await say(friends, "velho")
    async with friends.bruno.client(after=0) as rpc:
        await rpc.until(lambda: "velho" in received(rpc.events))
    async with friends.bruno.session() as rpc:
        newest = (await rpc.call("events.subscribe"))["seq"]
        assert newest >= 1
        await say(friends, "novo")
        assert (await rpc.event("message.received"))["data"]["text"] == "novo"
