"""Typing: seen by a contact who is online, kept by nobody."""

from __future__ import annotations

from tests.daemon import Fleet, befriend, eventually


async def test_a_contact_who_is_online_sees_typing_begin_and_end(fleet: Fleet) -> None:
    here, there = fleet.start("ana", "bruno")
    async with here.client() as ana, there.client() as bruno:
        bruno_id, ana_id = await befriend(ana, bruno)
        await eventually(lambda: ana.call("contacts.get", contact=bruno_id), lambda contact: contact["online"])
        conversation = (await ana.call("conversations.get", contact=bruno_id))["conversation"]
        for place, active in ({"contact": bruno_id}, True), ({"conversation": conversation}, False):
            await ana.call("conversations.typing", **place, active=active)
            seen = await bruno.event("typing")
            assert seen["seq"] is None
            assert seen["data"] == {
                "account": (await bruno.call("identity.show"))["account"],
                "contact": ana_id,
                "conversation": conversation,
                "active": active,
            }


async def test_typing_to_a_contact_who_is_away_is_forgotten(fleet: Fleet) -> None:
    here, there = fleet.start("ana", "bruno")

    async def owed() -> list[tuple[int]]:
        return here.ask("SELECT count(*) FROM outgoing")

    async with here.client() as ana:
        async with there.client() as bruno:
            bruno_id, _ = await befriend(ana, bruno)
        await eventually(owed, lambda count: count == [(0,)])  # what the meeting brought has gone out
        there.stop()
        await eventually(lambda: ana.call("contacts.get", contact=bruno_id), lambda contact: not contact["online"])
        await ana.call("conversations.typing", contact=bruno_id, active=True)
        assert await owed() == [(0,)]
        there.start()
        async with there.client(after=0) as bruno:
            await ana.call("messages.send", contact=bruno_id, text="agora sim")
            await bruno.event("message.received")
            assert [event for event in bruno.events if event["topic"] == "typing"] == []
