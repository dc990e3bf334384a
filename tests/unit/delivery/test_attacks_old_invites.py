"""Whoever keeps, reuses or relabels an invite: nobody is verified by it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mepassad.errors import InviteMalformed, InviteUsed, NotACode
from mepassad.testing.courier import Courier, packet
from mepassad.testing.nodes import Nodes, eventually
from mepassad.wire.ids import account_key
from mepassad.wire.invites import format_invite, parse_invite, verification_proof
from tests.unit.delivery.invited import HOUR, accept, code, link, nobody_is_verified, says, scan, state, took_it

# -- kept too long


@pytest.mark.parametrize(("late", "good"), [(299, True), (300, False), (301, False)])
async def test_a_code_verifies_nobody_from_its_last_second_on(nodes: Nodes, late: int, good: bool) -> None:
    ana, bob = await nodes.pair()
    kim = await nodes.start("kim")
    nodes.clock.jump(-nodes.clock.now() % HOUR)  # on the hour, so that what the codes say themselves lasts
    first, second = await code(ana), await code(ana)
    nodes.clock.jump(late)
    await scan(bob, first)
    await accept(kim, second)
    await took_it(bob, ana)
    await nodes.in_time(lambda: state(kim, ana) == ("accepted" if good else "refused"), 0)
    await eventually(lambda: bob.contact(ana).verified is ana.contact(bob).verified is good)
    await eventually(lambda: kim.contact(ana).verified is good)
    assert (state(ana, kim) == "accepted") is good


async def test_a_link_is_refused_from_its_last_second_on(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    stretched = replace(parse_invite(await link(ana, 100)), expires_at=int(nodes.clock.now()) // HOUR * HOUR + 9 * HOUR)
    nodes.clock.jump(100)
    await accept(bob, format_invite(stretched))
    await nodes.in_time(lambda: state(bob, ana) == "refused", 0)
    assert ana.node.contacts.everybody() == []


# -- reused


async def test_a_code_that_was_redeemed_makes_no_second_contact(nodes: Nodes) -> None:
    ana, bob, eve = [await nodes.start(name) for name in ("ana", "bob", "eve")]
    shown = await code(ana)
    await accept(bob, shown)
    await eventually(lambda: state(bob, ana) == "accepted")
    await accept(eve, shown)
    await nodes.in_time(lambda: state(eve, ana) == "refused")
    assert eve.contact(ana).reason == InviteUsed().sentence
    assert state(ana, eve) == "unknown"
    assert nobody_is_verified(eve)
    await eventually(lambda: [fact["contact"] for fact in ana.facts("invite.reused")] == [eve.account])


async def test_a_code_that_verified_one_contact_verifies_no_other_and_is_not_replayed(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    eve = await nodes.start("eve")
    await nodes.introduce(ana, eve)
    shown = await code(ana)
    await scan(bob, shown)
    await eventually(lambda: bob.contact(ana).verified)
    await scan(eve, shown)
    await took_it(eve, ana)
    assert not ana.contact(eve).verified
    assert nobody_is_verified(eve)
    await ana.node.contacts.unverify(ana.account, bob.account)
    seen = parse_invite(shown)
    again = says(bob, ana, seen.number, verification_proof(seen.secret, *map(account_key, (bob.account, ana.account))))
    assert await Courier().hand(ana, await packet(bob, ana, again)) == [None]
    assert not ana.contact(bob).verified


async def test_a_confirmation_that_is_replayed_verifies_nobody_again(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    shown = await code(ana)
    await scan(bob, shown)
    await eventually(lambda: bob.contact(ana).verified)
    await bob.node.contacts.unverify(bob.account, ana.account)
    seen = parse_invite(shown)
    again = says(ana, bob, seen.number, verification_proof(seen.secret, *map(account_key, (ana.account, bob.account))))
    assert await Courier().hand(bob, await packet(ana, bob, again)) == [None]
    assert not bob.contact(ana).verified


# -- relabelled


async def test_a_link_verifies_no_contact_whatever_it_is_called(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    uri = await link(ana)
    with pytest.raises(NotACode):
        await scan(bob, uri)
    with pytest.raises(InviteMalformed):
        await scan(bob, uri.replace(":i/", ":v/"))
    await scan(bob, format_invite(replace(parse_invite(uri), in_person=True)))
    await took_it(bob, ana)
    assert nobody_is_verified(ana, bob)
    (row,) = [row for row in await ana.node.store.invites() if row.number == parse_invite(uri).number]
    assert row.uses_left == 1


async def test_a_link_that_is_called_a_code_verifies_nobody_though_it_is_redeemed_as_the_link_that_it_is(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri = await link(ana)
    relabelled = format_invite(replace(parse_invite(uri), in_person=True))
    monkeypatch.setattr("mepassad.delivery.introductions.parse_invite", lambda text: parse_invite(uri))
    await accept(bob, relabelled)  # by a guest that shows the proof of a link, and believes in a code
    await nodes.in_time(lambda: state(bob, ana) == "accepted")
    await took_it(bob, ana)
    assert nobody_is_verified(ana, bob)
