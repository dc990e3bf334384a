"""What is sent while nobody listens: it waits on disk, survives restarts, and arrives once."""

from __future__ import annotations

from tests.daemon import Fleet, Friends, eventually, reaches, texts


async def test_texts_to_a_pending_contact_arrive_once_the_inviter_is_up(fleet: Fleet) -> None:
    ana, bruno = fleet.start("ana", "bruno")
    async with ana.session() as rpc:
        invite = (await rpc.call("invites.create"))["uri"]
    ana.stop()
    async with bruno.client() as rpc:
        accepted = await rpc.call("invites.accept", uri=invite)
        assert accepted["state"] == "pending"
        contact = accepted["contact"]
        sent = [await rpc.call("messages.send", contact=contact, text=f"espera {n}") for n in range(3)]
        states = {(await rpc.call("messages.get", message_id=one["message_id"]))["state"] for one in sent}
        assert states == {"queued"}
        ana.start()
        for one in sent:
            item = await reaches(rpc, one["message_id"], "delivered")
            assert item["route"] == "direct"
        assert (await rpc.call("contacts.get", contact=contact))["state"] == "accepted"
        me = (await rpc.call("identity.show"))["account"]
    async with ana.session() as rpc:
        assert await texts(rpc, me) == [f"espera {n}" for n in range(3)]


async def test_texts_to_a_peer_who_is_down_arrive_when_it_comes_back(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    bruno.kill()
    async with ana.client() as rpc:
        sent = [await rpc.call("messages.send", contact=fresh_friends.bruno_id, text=f"{n}") for n in range(5)]
        item = await rpc.call("messages.get", message_id=sent[0]["message_id"])
        assert (item["state"], item["route"]) in {("queued", None), ("sent", "direct")}
        bruno.start()
        for one in sent:
            await reaches(rpc, one["message_id"], "delivered")
    async with bruno.session() as rpc:
        assert await texts(rpc, fresh_friends.ana_id) == [f"{n}" for n in range(5)]


async def test_what_was_queued_arrives_although_the_sender_was_killed_meanwhile(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    bruno.stop()
    async with ana.session() as rpc:
        sent = [await rpc.call("messages.send", contact=fresh_friends.bruno_id, text=f"{n}") for n in range(5)]
    ana.kill()
    bruno.start()
    ana.start()
    async with ana.session() as rpc:
        for one in sent:
            await reaches(rpc, one["message_id"], "delivered")
    async with bruno.session() as rpc:
        assert await texts(rpc, fresh_friends.ana_id) == [f"{n}" for n in range(5)]


async def test_two_find_each_other_again_when_only_one_came_back_under_its_old_address(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    ana.stop()
    bruno.stop()
    bruno.move()
    ana.start()
    bruno.start()
    async with ana.session() as a, bruno.session() as b:
        to = await a.call("messages.send", contact=fresh_friends.bruno_id, text="daqui")
        fro = await b.call("messages.send", contact=fresh_friends.ana_id, text="dali")
        await reaches(a, to["message_id"], "delivered")
        await reaches(b, fro["message_id"], "delivered")


async def test_a_new_address_is_told_so_that_the_other_side_may_move_next(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    bruno.move()
    bruno.restart()
    moved = bruno.port()

    async def known() -> bool:
        return f"/ip4/127.0.0.1/tcp/{moved}" in str(ana.ask("SELECT nodes FROM contact"))

    await eventually(known, bool)
    ana.move()
    ana.restart()
    async with ana.session() as rpc:
        sent = await rpc.call("messages.send", contact=fresh_friends.bruno_id, text="mudei")
        await reaches(rpc, sent["message_id"], "delivered")


async def test_receipts_that_were_owed_are_paid_after_a_restart(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    async with ana.session() as rpc:
        sent = (await rpc.call("messages.send", contact=fresh_friends.bruno_id, text="lida"))["message_id"]
        await reaches(rpc, sent, "delivered")
    ana.stop()
    async with bruno.session() as rpc:
        await rpc.call("messages.mark_read", message_id=sent)
    bruno.kill()
    bruno.start()
    ana.start()
    async with ana.session() as rpc:
        await reaches(rpc, sent, "read")


async def test_removing_a_contact_ends_what_was_queued_for_it(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    bruno.stop()
    async with ana.session() as rpc:
        await rpc.call("messages.send", contact=fresh_friends.bruno_id, text="nunca")
        await rpc.call("contacts.remove", contact=fresh_friends.bruno_id)
        assert ana.ask("SELECT * FROM outgoing") == []
    bruno.start()
    ana.restart()
    async with ana.session() as rpc:
        assert (await rpc.call("contacts.list"))["items"] == []
