"""Who comes too late for an invite: they read why, and its maker learns that somebody else had it."""

from __future__ import annotations

import os

import pytest
from msgspec.structs import replace

from mepassad.api import StoreFull
from mepassad.api.store import Commit, Committed
from mepassad.api.writes import AddEvent
from mepassad.errors import InviteUsed
from mepassad.facts import timestamp
from mepassad.people.invites import MAX_LATE
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.ids import account_id
from mepassad.wire.invites import format_invite, parse_invite

DAY = 86_400


async def used(nodes: Nodes, inviter: RunningNode, guest: RunningNode) -> str:
    """A link that a guest has used up."""
    uri, _ = await inviter.node.invites.create(inviter.account, 1, DAY)
    await try_it(nodes, guest, uri, inviter)
    assert guest.contact(inviter).state == "accepted"
    return uri


async def try_it(nodes: Nodes, guest: RunningNode, uri: str, inviter: RunningNode) -> None:
    """Let a guest redeem a link, and wait until they know what came of it."""
    await guest.node.invites.accept(guest.account, uri)
    await nodes.in_time(lambda: guest.contact(inviter).state != "pending")


def told(node: RunningNode) -> list[object]:
    """Who came too late, as the node has told it since it is up."""
    return [fact["contact"] for fact in node.facts("invite.reused")]


async def test_a_second_who_redeems_an_invite_is_told_to_both_sides(nodes: Nodes) -> None:
    ana, bob, eve = [await nodes.start(name) for name in ("ana", "bob", "eve")]
    uri = await used(nodes, ana, bob)
    earliest = timestamp(int(nodes.clock.now() * 1000))
    await try_it(nodes, eve, uri, ana)
    assert eve.contact(ana).reason == InviteUsed().sentence
    assert "somebody else" in InviteUsed().sentence
    await eventually(lambda: len(told(ana)) == 1)
    (fact,) = ana.facts("invite.reused")
    assert fact == {"account": ana.account, "contact": eve.account, "time": fact["time"]}
    assert earliest <= str(fact["time"]) <= timestamp(int(nodes.clock.now() * 1000))
    assert [row.id for row in ana.node.contacts.everybody()] == [bob.account]
    replayed = await ana.node.bus.replay(0, 100, ["invite.reused"])
    assert [fact.data for fact in replayed] == ana.facts("invite.reused")


async def test_each_who_comes_too_late_is_told_once_also_after_a_restart(nodes: Nodes) -> None:
    ana, bob, eve, kim = [await nodes.start(name) for name in ("ana", "bob", "eve", "kim")]
    uri = await used(nodes, ana, bob)
    await try_it(nodes, eve, uri, ana)
    await eventually(lambda: told(ana) == [eve.account])
    ana = await nodes.restart("ana")
    for guest in (eve, kim, eve):
        await try_it(nodes, guest, uri, ana)
    await eventually(lambda: told(ana) == [kim.account])


async def test_of_one_invite_so_many_late_guests_are_told_and_not_one_more(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    number = parse_invite(await used(nodes, ana, bob)).number
    guests = [account_id(os.urandom(32)) for _ in range(MAX_LATE + 1)]
    for guest in guests[:-2]:
        ana.core.invites.report(number, guest)
    await eventually(lambda: len(told(ana)) == MAX_LATE - 1)
    ana = await nodes.restart("ana")
    for guest in guests:
        ana.core.invites.report(number, guest)
    await eventually(lambda: told(ana) == [guests[MAX_LATE - 1]])
    assert len(await ana.node.bus.replay(0, 100, ["invite.reused"])) == MAX_LATE


async def test_who_does_not_know_the_secret_of_a_used_invite_is_not_told_of(nodes: Nodes) -> None:
    ana, bob, eve = [await nodes.start(name) for name in ("ana", "bob", "eve")]
    link = parse_invite(await used(nodes, ana, bob))
    await try_it(nodes, eve, format_invite(replace(link, secret=bytes(16))), ana)
    assert eve.contact(ana).reason != InviteUsed().sentence
    assert told(ana) == []


async def test_a_contact_and_a_blocked_one_are_not_told_of(nodes: Nodes) -> None:
    ana, bob, eve = [await nodes.start(name) for name in ("ana", "bob", "eve")]
    await used(nodes, ana, eve)
    uri = await used(nodes, ana, bob)
    await eve.node.contacts.remove(eve.account, ana.account)
    await try_it(nodes, eve, uri, ana)
    assert eve.contact(ana).state == "accepted"
    await ana.node.contacts.block(ana.account, eve.account, True)
    await eve.node.contacts.remove(eve.account, ana.account)
    await eve.node.invites.accept(eve.account, uri)
    await bob.say(ana, "later than that")
    await eventually(lambda: ana.texts() == ["later than that"])
    assert told(ana) == []


async def test_a_contact_who_comes_with_another_device_is_known_again_and_not_told_of(nodes: Nodes) -> None:
    ana, bob, old, new = [await nodes.start(name) for name in ("ana", "bob", "old", "new")]
    eve, words = await old.core.accounts.create("Eve", "person")
    link, _ = await ana.node.invites.create(ana.account, 1, DAY)
    await old.node.invites.accept(eve.id, link)
    await nodes.in_time(lambda: old.node.contacts.get(eve.id, ana.account).state == "accepted")
    uri = await used(nodes, ana, bob)
    nodes.clock.advance(1)
    await new.core.accounts.restore(words, "Eve", "person")
    await new.node.invites.accept(eve.id, uri)
    await nodes.in_time(lambda: new.node.contacts.get(eve.id, ana.account).state == "accepted")
    assert [fact["contact"] for fact in ana.facts("contact.keys_changed")] == [eve.id]
    assert told(ana) == []


async def test_an_invite_that_has_expired_as_well_tells_nothing(nodes: Nodes) -> None:
    ana, bob, eve = [await nodes.start(name) for name in ("ana", "bob", "eve")]
    link = parse_invite(await used(nodes, ana, bob))
    nodes.clock.jump(DAY)
    await try_it(nodes, eve, format_invite(replace(link, expires_at=link.expires_at + DAY)), ana)
    assert eve.contact(ana).state == "refused"
    assert told(ana) == []


async def test_what_a_full_disk_did_not_keep_is_told_the_next_time(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    number, late = parse_invite(await used(nodes, ana, bob)).number, account_id(os.urandom(32))
    commit = ana.node.store.commit

    async def full(change: Commit) -> Committed:
        if any(isinstance(write, AddEvent) for write in change.writes):
            raise StoreFull
        return await commit(change)

    monkeypatch.setattr(ana.node.store, "commit", full)
    ana.core.invites.report(number, late)
    await eventually(lambda: ana.core.invites._late[number] == [])
    monkeypatch.undo()
    ana.core.invites.report(number, late)
    await eventually(lambda: told(ana) == [late])
