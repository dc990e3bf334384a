"""Two people on two daemons: they meet by an invite, write, read, search, and manage each other."""

from __future__ import annotations

import unicodedata

import anyio
import pytest

from mepassad.testing.rpc_client import RpcError
from tests.daemon import Fleet, Friends, becomes, befriend, eventually, items, reaches, texts


async def test_an_invite_makes_a_contact_on_both_sides(fleet: Fleet) -> None:
    here, there = fleet.start("ana", "bruno")
    async with here.client() as ana, there.client() as bruno:
        bruno_id, ana_id = await befriend(ana, bruno)
        assert (await ana.event("contact.added"))["data"]["contact"] == bruno_id
        assert (await bruno.event("contact.added"))["data"]["contact"] == ana_id
        seen = await ana.call("contacts.get", contact=bruno_id)
        assert (seen["name"], seen["state"], seen["kind"], seen["verified"]) == ("bruno", "accepted", "person", False)
        assert (await bruno.call("contacts.get", contact=ana_id))["name"] == "ana"
        for rpc in (ana, bruno):
            assert len((await rpc.call("contacts.list"))["items"]) == 1
            await eventually(lambda rpc=rpc: rpc.call("contacts.list"), lambda page: page["items"][0]["online"])


async def test_texts_and_replies_pass_both_ways_and_climb_to_read(friends: Friends) -> None:
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        asked = (await ana.call("messages.send", contact=friends.bruno_id, text="Tudo bem?"))["message_id"]
        assert (await ana.call("messages.get", message_id=asked))["state"] in ("queued", "sent", "delivered")
        came = (await bruno.event("message.received"))["data"]
        assert (came["contact"], came["text"], came["message_id"]) == (friends.ana_id, "Tudo bem?", asked)
        answer = {"contact": friends.ana_id, "text": "Tudo ótimo 🙂", "reply_to": asked}
        answered = (await bruno.call("messages.send", **answer))["message_id"]
        assert (await ana.event("message.received"))["data"]["reply_to"] == asked
        assert (await ana.call("messages.get", message_id=answered))["reply_to"] == asked
        for rpc, sent in ((ana, asked), (bruno, answered)):
            assert (await rpc.event("message.delivered"))["data"]["message_id"] == sent
            assert (await rpc.call("messages.get", message_id=sent))["route"] == "direct"
        await bruno.call("messages.mark_read", message_id=asked)
        read = (await ana.event("message.read"))["data"]
        assert (read["message_id"], read["route"], read["state"]) == (asked, "direct", "read")
        assert (await ana.call("messages.get", message_id=asked))["state"] == "read"
        assert (await bruno.call("messages.get", message_id=answered))["state"] == "delivered"


async def test_the_events_of_a_message_come_in_the_order_of_its_states(friends: Friends) -> None:
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        sent = (await ana.call("messages.send", contact=friends.bruno_id, text="em ordem"))["message_id"]
        await bruno.event("message.received")
        await bruno.call("messages.mark_read", message_id=sent)
        await ana.until(lambda: any(event["topic"] == "message.read" for event in ana.events))
        topics = [event["topic"] for event in ana.events if event["data"].get("message_id") == sent]
        assert topics in (
            ["message.sent", "message.delivered", "message.read"],
            ["message.delivered", "message.read"],
        )
        numbers = [event["seq"] for event in ana.events if event["seq"]]
        assert numbers == sorted(set(numbers))


async def test_unread_messages_are_counted_until_they_are_marked(friends: Friends) -> None:
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        before = (await bruno.call("conversations.get", contact=friends.ana_id))["unread"]
        sent = [await ana.call("messages.send", contact=friends.bruno_id, text=f"nº {n}") for n in range(3)]
        ids = [one["message_id"] for one in sent]
        for message in ids:
            await reaches(ana, message, "delivered")
        place = await bruno.call("conversations.get", contact=friends.ana_id)
        assert (place["unread"], place["last_message"]) == (before + 3, ids[2])
        assert (await ana.call("conversations.get", contact=friends.bruno_id))["unread"] >= 0
        await bruno.call("messages.mark_read", message_id=ids[1])
        assert (await bruno.call("conversations.list"))["items"][0]["unread"] == 1
        await reaches(ana, ids[1], "read")
        assert (await ana.call("messages.get", message_id=ids[2]))["state"] == "delivered"
        await bruno.call("messages.mark_read", message_id=ids[2])
        assert (await bruno.call("conversations.get", contact=friends.ana_id))["unread"] == 0


async def test_search_ignores_accents_and_case_on_both_sides(friends: Friends) -> None:
    text = "A Conceição trouxe pão de açúcar"
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        sent = (await ana.call("messages.send", contact=friends.bruno_id, text=text))["message_id"]
        await bruno.event("message.received")
        for rpc in (ana, bruno):
            for query in ("conceicao", "AÇUCAR pao", unicodedata.normalize("NFD", "pão"), "conce"):

                async def search(rpc=rpc, query=query) -> list[str]:
                    return [item["message_id"] for item in (await rpc.call("messages.search", query=query))["items"]]

                assert await eventually(search, bool) == [sent], query
            assert (await rpc.call("messages.search", query="jabuticaba"))["items"] == []


async def test_pages_come_newest_first_and_meet_without_a_gap(friends: Friends) -> None:
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        before = await texts(bruno, friends.ana_id)
        for n in range(25):
            await ana.call("messages.send", contact=friends.bruno_id, text=f"página {n}")
        await eventually(lambda: texts(bruno, friends.ana_id), lambda found: len(found) == len(before) + 25)
        page = await bruno.call("messages.list", contact=friends.ana_id, limit=10)
        assert [item["text"] for item in page["items"]] == [f"página {n}" for n in range(24, 14, -1)]
        for limit in (1, 7, 500):
            listed = await texts(bruno, friends.ana_id, limit=limit)
            assert listed == [*before, *(f"página {n}" for n in range(25))]
        for limit in (0, 501):
            with pytest.raises(RpcError, match="InvalidParams"):
                await bruno.call("messages.list", contact=friends.ana_id, limit=limit)


async def test_one_request_id_makes_one_message_also_when_it_is_sent_many_times_at_once(friends: Friends) -> None:
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        request = {"contact": friends.bruno_id, "text": "uma vez", "request_id": "r-1"}
        found: list[str] = []

        async def send() -> None:
            async with friends.ana.session() as other:
                found.append((await other.call("messages.send", **request))["message_id"])

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(send)
        await send()
        assert len(set(found)) == 1
        await reaches(ana, found[0], "delivered")
        assert (await texts(bruno, friends.ana_id)).count("uma vez") == 1
        with pytest.raises(RpcError, match="RequestReused"):
            await ana.call("messages.send", **{**request, "text": "outra"})


async def test_what_cannot_be_sent_is_refused_with_its_named_error(friends: Friends) -> None:
    async with friends.ana.client() as ana:
        for params, error in (
            ({"text": ""}, "EmptyMessage"),
            ({"text": " \n\t"}, "EmptyMessage"),
            ({"text": "x" * 65_537}, "MessageTooLarge"),
            ({"text": "ã" * 32_769}, "MessageTooLarge"),
            ({"text": "oi", "reply_to": "nothing"}, "UnknownMessage"),
        ):
            with pytest.raises(RpcError, match=error):
                await ana.call("messages.send", contact=friends.bruno_id, **params)
        with pytest.raises(RpcError, match="UnknownContact"):
            await ana.call("messages.send", contact=friends.ana_id, text="to myself")
        sent = await ana.call("messages.send", contact=friends.bruno_id, text="ã" * 32_768)
        await reaches(ana, sent["message_id"], "delivered")


async def test_a_name_of_ones_own_hides_the_chosen_one(friends: Friends) -> None:
    async with friends.ana.client() as ana:
        renamed = await ana.call("contacts.rename", contact=friends.bruno_id, name="Bruninho")
        assert (renamed["name"], renamed["petname"], renamed["chosen_name"]) == ("Bruninho", "Bruninho", "bruno")
        assert (await ana.event("contact.changed"))["data"]["name"] == "Bruninho"
        assert (await ana.call("contacts.rename", contact=friends.bruno_id, name=""))["name"] == "bruno"
        with pytest.raises(RpcError, match="InvalidName"):
            await ana.call("contacts.rename", contact=friends.bruno_id, name="x" * 65)


async def test_a_blocked_contact_is_not_heard_and_not_written_to(fresh_friends: Friends) -> None:
    friends = fresh_friends
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        assert (await bruno.call("contacts.block", contact=friends.ana_id))["blocked"]
        with pytest.raises(RpcError, match="ContactBlocked"):
            await bruno.call("messages.send", contact=friends.ana_id, text="oi")
        unheard = (await ana.call("messages.send", contact=friends.bruno_id, text="unheard"))["message_id"]
        await reaches(ana, unheard, "sent")  # it does not tell that it is blocked
        await bruno.call("contacts.block", contact=friends.ana_id, blocked=False)
        heard = (await ana.call("messages.send", contact=friends.bruno_id, text="heard"))["message_id"]
        await reaches(ana, heard, "delivered")
        assert "heard" in await texts(bruno, friends.ana_id)
        assert (await bruno.event("message.received"))["data"]["text"] == "heard"


async def test_a_removed_contact_is_gone_with_all_that_was_said(fresh_friends: Friends) -> None:
    friends = fresh_friends
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        sent = (await ana.call("messages.send", contact=friends.bruno_id, text="jabuti"))["message_id"]
        await bruno.event("message.received")
        await bruno.call("contacts.remove", contact=friends.ana_id)
        gone = await bruno.event("contact.changed")
        assert (gone["data"]["contact"], gone["data"]["state"]) == (friends.ana_id, "removed")
        for listed in ("contacts.list", "conversations.list"):
            assert (await bruno.call(listed))["items"] == []
        assert (await bruno.call("messages.search", query="jabuti"))["items"] == []
        with pytest.raises(RpcError, match="UnknownMessage"):
            await bruno.call("messages.get", message_id=sent)
        with pytest.raises(RpcError, match="UnknownContact"):
            await bruno.call("messages.send", contact=friends.ana_id, text="oi")
        assert not friends.bruno.ask("SELECT * FROM message WHERE text LIKE '%jabuti%'")


async def test_two_who_removed_each_other_meet_again_by_a_new_invite(fresh_friends: Friends) -> None:
    friends = fresh_friends
    async with friends.ana.client() as ana, friends.bruno.client() as bruno:
        await ana.call("contacts.remove", contact=friends.bruno_id)
        await bruno.call("contacts.remove", contact=friends.ana_id)
        await befriend(bruno, ana)
        sent = (await ana.call("messages.send", contact=friends.bruno_id, text="de novo"))["message_id"]
        await reaches(ana, sent, "delivered")
        await becomes(bruno, friends.ana_id, "accepted")
        assert await texts(bruno, friends.ana_id) == ["de novo"]


async def test_presence_is_told_when_a_peer_goes_and_comes_back(fresh_friends: Friends) -> None:
    friends = fresh_friends
    async with friends.ana.client() as ana:
        await eventually(lambda: ana.call("contacts.get", contact=friends.bruno_id), lambda item: item["online"])
        ana.events.clear()
        friends.bruno.stop()
        assert (await ana.event("contact.offline"))["data"]["contact"] == friends.bruno_id
        assert not (await ana.call("contacts.get", contact=friends.bruno_id))["online"]
        friends.bruno.start()
        assert (await ana.event("contact.online"))["data"]["contact"] == friends.bruno_id
    async with friends.bruno.session() as bruno:
        assert len(await items(bruno, "contacts.list", cursor="after")) == 1
