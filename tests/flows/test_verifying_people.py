"""Two people make sure of each other: by a number read out, by a code shown, and never by a link."""

from __future__ import annotations

import pytest

from mepassad.errors import CodeOfAnother, NumbersDiffer
from mepassad.testing.rpc_client import RpcClient, RpcError
from tests.daemon import Fleet, Friends, becomes, befriend, eventually


async def is_verified(rpc: RpcClient, contact: str) -> None:
    """Wait until a contact is verified, and the event that tells it has come."""
    await eventually(lambda: rpc.call("contacts.get", contact=contact), lambda item: item["verified"])
    told = {"contact": "", "verified": False}
    while (told["contact"], told["verified"]) != (contact, True):
        told = (await rpc.event("contact.changed"))["data"]


async def test_a_number_that_both_see_verifies_and_another_changes_nothing(fresh_friends: Friends) -> None:
    async with fresh_friends.ana.client() as ana, fresh_friends.bruno.client() as bruno:
        number = (await ana.call("contacts.safety_number", contact=fresh_friends.bruno_id))["groups"]
        assert number == (await bruno.call("contacts.safety_number", contact=fresh_friends.ana_id))["groups"]
        wrong = ["00000", *number[1:]] if number[0] != "00000" else ["00001", *number[1:]]
        with pytest.raises(RpcError, match=NumbersDiffer.__name__):
            await bruno.call("contacts.verify", contact=fresh_friends.ana_id, number=" ".join(wrong))
        await bruno.call("contacts.verify", contact=fresh_friends.ana_id, number=" ".join(number))
        await is_verified(bruno, fresh_friends.ana_id)
        assert not (await ana.call("contacts.get", contact=fresh_friends.bruno_id))["verified"]
        with pytest.raises(RpcError, match=NumbersDiffer.__name__):
            await bruno.call("contacts.verify", contact=fresh_friends.ana_id, number=" ".join(wrong))
        assert (await bruno.call("contacts.get", contact=fresh_friends.ana_id))["verified"]
        assert not (await bruno.call("contacts.unverify", contact=fresh_friends.ana_id))["verified"]


async def test_a_code_verifies_two_who_were_contacts_before(fresh_friends: Friends) -> None:
    async with fresh_friends.ana.client() as ana, fresh_friends.bruno.client() as bruno:
        code = (await ana.call("invites.create", in_person=True))["uri"]
        await bruno.call("contacts.verify", contact=fresh_friends.ana_id, code=code)
        await is_verified(bruno, fresh_friends.ana_id)
        await is_verified(ana, fresh_friends.bruno_id)
    fresh_friends.bruno.stop()
    fresh_friends.bruno.start()
    async with fresh_friends.bruno.client() as bruno:
        assert (await bruno.call("contacts.get", contact=fresh_friends.ana_id))["verified"]


async def test_a_code_makes_verified_contacts_of_two_who_were_none(fleet: Fleet) -> None:
    here, there = fleet.start("ana", "bruno")
    async with here.client() as ana, there.client() as bruno:
        code = (await ana.call("invites.create", in_person=True))["uri"]
        assert code.startswith("mepassa:v/1/")
        ana_id = (await bruno.call("invites.accept", uri=code))["contact"]
        await is_verified(bruno, ana_id)
        (known,) = (await ana.call("contacts.list"))["items"]
        assert known["verified"]


async def test_somebody_in_the_middle_is_uncovered_by_a_code_and_told_by_a_second_redeemer(fleet: Fleet) -> None:
    here, there, between = fleet.start("ana", "bruno", "mallory")
    async with here.client() as ana, there.client() as bruno, between.client() as mallory:
        meant_for_bruno = (await ana.call("invites.create"))["uri"]
        await becomes(mallory, (await mallory.call("invites.accept", uri=meant_for_bruno))["contact"], "accepted")
        _, false_ana = await befriend(mallory, bruno)
        code = (await ana.call("invites.create", in_person=True))["uri"]
        with pytest.raises(RpcError, match=CodeOfAnother.__name__):
            await bruno.call("contacts.verify", contact=false_ana, code=code)
        true_ana = (await bruno.call("invites.accept", uri=meant_for_bruno))["contact"]
        await becomes(bruno, true_ana, "refused")
        bruno_id = (await bruno.call("identity.show"))["account"]
        reused = (await ana.event("invite.reused"))["data"]
        assert reused["contact"] == bruno_id
        await bruno.call("invites.accept", uri=code)
        await is_verified(bruno, true_ana)
        listed = {item["contact"]: item["verified"] for item in (await bruno.call("contacts.list"))["items"]}
        assert listed == {false_ana: False, true_ana: True}


async def test_a_link_that_calls_itself_a_code_is_refused(fresh_friends: Friends) -> None:
    async with fresh_friends.ana.client() as ana, fresh_friends.bruno.client() as bruno:
        link = (await ana.call("invites.create"))["uri"]
        for uri, error in ((link, "NotACode"), (link.replace(":i/", ":v/"), "InviteMalformed")):
            with pytest.raises(RpcError, match=error):
                await bruno.call("contacts.verify", contact=fresh_friends.ana_id, code=uri)
