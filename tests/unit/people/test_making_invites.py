"""Invites as both sides see them: made within bounds, good for so many and so long, refused with a sentence."""

from __future__ import annotations

import os
from functools import partial

import anyio
import pytest
from msgspec.structs import replace

from mepassad.errors import (
    AlreadyContact,
    ContactRefused,
    InvalidParams,
    InviteExpired,
    InviteMalformed,
    InviteOwn,
    InviteUsed,
    InviteVersion,
)
from mepassad.people.invites import MAX_DAYS
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.invites import format_invite, parse_invite, proof
from mepassad.wire.packets import Reason

WEEK = 7 * 86_400


async def invite(node: RunningNode, uses: int = 1, expires_in: int = 3600) -> str:
    return (await node.node.invites.create(node.account, uses, expires_in))[0]


async def redeem(node: RunningNode, uri: str) -> None:
    await node.node.invites.accept(node.account, uri)


def state(node: RunningNode, other: RunningNode) -> str:
    found = node.node.contacts.find(node.account, other.account)
    return found.state if found else "unknown"


def accepted(node: RunningNode, other: RunningNode) -> bool:
    return state(node, other) == "accepted"


@pytest.mark.parametrize(("uses", "expires_in"), [(0, 60), (-1, 60), (1, 0), (1, -5), (1, MAX_DAYS * 86_400 + 1)])
async def test_an_invite_out_of_bounds_is_refused(nodes: Nodes, uses: int, expires_in: int) -> None:
    ana = await nodes.start("ana")
    with pytest.raises(InvalidParams):
        await invite(ana, uses, expires_in)


async def test_an_invite_at_the_bounds_is_made(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    link = parse_invite(await invite(ana, 1, MAX_DAYS * 86_400))
    assert link.expires_at >= nodes.clock.now() + MAX_DAYS * 86_400
    assert parse_invite(await invite(ana, 1, 1)).expires_at > nodes.clock.now()


async def test_an_invite_names_the_account_and_where_it_lives(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    link = parse_invite(await invite(ana))
    assert link.account == ana.core.accounts.me(ana.account).key
    assert list(link.nodes) == [ana.node_id]
    assert parse_invite(await invite(ana)).secret != link.secret


async def test_an_invite_for_two_makes_two_contacts_and_refuses_the_third_with_a_sentence(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    guests = [await nodes.start(name) for name in ("bob", "eve", "kim")]
    uri = await invite(ana, uses=2)
    for guest in guests[:2]:
        await redeem(guest, uri)
        await nodes.in_time(partial(accepted, guest, ana))
    late = guests[2]
    await redeem(late, uri)
    message = await late.say(ana, "me too?")
    await nodes.in_time(lambda: state(late, ana) == "refused")
    assert late.contact(ana).reason == InviteUsed().sentence
    await eventually(lambda: len(late.facts("message.failed")) == 1)
    assert await late.state(message) == "failed"
    assert late.facts("message.failed")[0]["reason"] == InviteUsed().sentence
    assert len(ana.node.contacts.all(ana.account)) == 2
    with pytest.raises(ContactRefused):
        await late.say(ana, "again?")
    await redeem(late, await invite(ana))
    await nodes.in_time(lambda: state(late, ana) == "accepted")
    await late.say(ana, "finally")
    await eventually(lambda: ana.texts() == ["finally"])


async def test_what_is_said_while_an_invite_is_being_refused_fails_too(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri = await invite(ana)
    nodes.cut(ana, bob)
    contact = await bob.node.invites.accept(bob.account, uri)
    async with anyio.create_task_group() as tasks:
        for n in range(5):
            tasks.start_soon(bob.say, ana, str(n))
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()  # handed to the store, and not durable yet
        await bob.core.handshakes.refuse(contact, Reason.INVITE_USED)
    await eventually(lambda: len(bob.facts("message.failed")) == 5)
    assert await bob.owes(ana) == 0


async def test_three_who_redeem_an_invite_for_one_at_once_make_one_contact(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    guests = [await nodes.start(name) for name in ("bob", "eve", "kim")]
    uri = await invite(ana)
    for guest in guests:
        await redeem(guest, uri)
    await nodes.in_time(lambda: sorted(state(guest, ana) for guest in guests) == ["accepted", "refused", "refused"])
    assert len(ana.node.contacts.all(ana.account)) == 1


async def test_what_was_redeemed_stays_redeemed_after_a_restart(nodes: Nodes) -> None:
    ana, bob, eve = [await nodes.start(name) for name in ("ana", "bob", "eve")]
    uri = await invite(ana)
    await redeem(bob, uri)
    await nodes.in_time(lambda: state(bob, ana) == "accepted")
    ana = await nodes.restart("ana")
    await redeem(eve, uri)
    await nodes.in_time(lambda: state(eve, ana) == "refused")


async def test_an_expired_invite_is_refused_by_who_is_asked_to_accept_it(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri = await invite(ana)
    nodes.clock.advance(2 * 3600)
    with pytest.raises(InviteExpired):
        await redeem(bob, uri)
    assert state(bob, ana) == "unknown"


async def test_an_invite_that_expires_on_the_way_is_refused_with_a_sentence(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri = await invite(ana)
    nodes.cut(ana, bob)
    await redeem(bob, uri)
    nodes.clock.advance(2 * 3600)
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: state(bob, ana) == "refused", 10)
    assert bob.contact(ana).reason == InviteExpired().sentence


async def test_an_invite_is_good_until_its_second(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    link = parse_invite(await invite(ana, expires_in=100))
    transcript = os.urandom(32)
    judge = ana.core.invites.judge
    given = proof(link.secret, transcript)
    nodes.clock.advance(99.9)
    assert not isinstance(judge(ana.account, link.number, given, transcript), Reason)
    nodes.clock.advance(0.1)
    assert judge(ana.account, link.number, given, transcript) == Reason.INVITE_EXPIRED


async def test_a_wrong_proof_and_an_unknown_number_are_the_same_answer(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    second, _ = await ana.core.accounts.create("Second", "person")
    link, transcript = parse_invite(await invite(ana)), os.urandom(32)
    good = proof(link.secret, transcript)
    judge = ana.core.invites.judge
    assert not isinstance(judge(ana.account, link.number, good, transcript), Reason)
    for account, number, given, heard in [
        (ana.account, os.urandom(32), good, transcript),
        (ana.account, link.number, os.urandom(32), transcript),
        (ana.account, link.number, b"", transcript),
        (ana.account, link.number, good[:-1], transcript),
        (ana.account, link.number, good, os.urandom(32)),
        (ana.account, os.urandom(32), proof(bytes(16), transcript), transcript),
        (second.id, link.number, good, transcript),
    ]:
        assert judge(account, number, given, heard) == Reason.INVITE_UNKNOWN


async def test_an_altered_secret_is_refused_by_the_inviter(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    link = parse_invite(await invite(ana))
    await redeem(bob, format_invite(replace(link, secret=os.urandom(16))))
    await nodes.in_time(lambda: state(bob, ana) == "refused")
    assert "altered" in bob.contact(ana).reason
    assert ana.node.contacts.all(ana.account) == []
    await redeem(bob, format_invite(link))
    await nodes.in_time(lambda: state(bob, ana) == "accepted")


async def test_ones_own_invite_and_a_contacts_are_refused_by_name(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    with pytest.raises(InviteOwn):
        await redeem(ana, await invite(ana))
    with pytest.raises(AlreadyContact):
        await redeem(bob, await invite(ana))
    for wrong, error in (("hello", InviteMalformed), ("mepassa:i/9/AAAA", InviteVersion)):
        with pytest.raises(error):
            await redeem(ana, wrong)


async def test_accepting_twice_is_harmless(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri = await invite(ana)
    nodes.cut(ana, bob)
    first = await bob.node.invites.accept(bob.account, uri)
    assert await bob.node.invites.accept(bob.account, f" {uri}\n") == first
    assert first.state == "pending"
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: state(bob, ana) == "accepted")
    await eventually(lambda: len(bob.facts("contact.added")) == len(ana.facts("contact.added")) == 1)


async def test_a_pending_contact_is_taken_up_after_a_restart(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri = await invite(ana)
    nodes.cut(ana, bob)
    await redeem(bob, uri)
    await bob.say(ana, "waiting")
    bob = await nodes.restart("bob")
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: ana.texts() == ["waiting"])


async def test_a_blocked_contact_cannot_come_back_by_another_invite(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.node.contacts.block(ana.account, bob.account, True)
    uri = await invite(ana)
    await bob.node.contacts.remove(bob.account, ana.account)
    await redeem(bob, uri)
    await bob.say(ana, "let me in")
    await nodes.pass_by(10, 20)
    assert ana.texts() == []
    assert ana.contact(bob).blocked
    assert state(bob, ana) != "accepted"


async def test_the_standing_invite_is_the_same_until_it_is_used_or_grows_old(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")

    async def standing() -> str:
        return await ana.node.invites.standing(ana.account)

    first = await standing()
    assert await standing() == first
    ana = await nodes.restart("ana")
    assert await standing() == first
    await redeem(bob, first)
    await nodes.in_time(lambda: state(bob, ana) == "accepted")
    second = await standing()
    assert second != first
    nodes.clock.advance(WEEK - 3600)
    assert await standing() != second
