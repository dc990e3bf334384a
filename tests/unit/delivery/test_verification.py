"""Codes shown in person: who scanned one and who showed it are verified, or neither."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable

import pytest
from msgspec.structs import replace

from mepassad.api import StoreFull
from mepassad.api.store import Commit, Committed
from mepassad.api.types import AccountId
from mepassad.api.writes import PutContact
from mepassad.errors import (
    AlreadyContact,
    CodeOfAnother,
    ContactBlocked,
    InvalidParams,
    InviteExpired,
    InviteMalformed,
    InviteOwn,
    InviteVersion,
    NotACode,
    UnknownContact,
)
from mepassad.people.invites import CODE_LIFE
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.ids import account_key
from mepassad.wire.invites import format_invite, parse_invite, proof, verification_proof
from mepassad.wire.packets import Reason


async def code(node: RunningNode) -> str:
    """A code of a node's first account."""
    return (await node.node.invites.create(node.account, 1, None, True))[0]


async def scan(node: RunningNode, uri: str, named: AccountId | None = None) -> None:
    await node.node.verifications.scan(node.account, uri, named)


def verified(*nodes: RunningNode) -> bool:
    """Whether each of two nodes has verified the other."""
    return all(one.contact(other).verified for one in nodes for other in nodes if one is not other)


async def test_who_redeems_a_code_and_who_showed_it_are_verified(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    await bob.node.invites.accept(bob.account, await code(ana))
    assert not bob.contact(ana).verified
    await eventually(lambda: bob.contact(ana).verified)
    assert verified(ana, bob)
    assert [fact["verified"] for fact in ana.facts("contact.added")] == [True]
    await eventually(lambda: [fact["verified"] for fact in bob.facts("contact.changed")] == [False, True])


async def test_contacts_are_verified_by_a_code(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    before = {node: len(node.facts("contact.changed")) for node in (ana, bob)}
    await scan(bob, await code(ana), ana.account)
    for node, other in ((ana, bob), (bob, ana)):
        await eventually(lambda node=node: len(node.facts("contact.changed")) > before[node])
        assert [fact["verified"] for fact in node.facts("contact.changed")[before[node] :]] == [True]
        assert await node.node.store.contacts(node.account) == [node.contact(other)]
    assert verified(ana, bob)


async def test_a_code_verifies_who_is_not_named_too_and_says_nothing_of_who_was_verified_before(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await scan(bob, await code(ana))
    await eventually(lambda: bob.contact(ana).verified)
    await bob.node.contacts.unverify(bob.account, ana.account)
    await scan(bob, await code(ana))
    await eventually(lambda: bob.contact(ana).verified)
    assert [fact["verified"] for fact in ana.facts("contact.changed")] == [True]


async def test_a_code_that_was_scanned_before_a_restart_still_verifies(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    nodes.cut(ana, bob)
    await bob.node.invites.accept(bob.account, await code(ana))
    bob = await nodes.restart("bob")
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: bob.contact(ana).verified)
    assert verified(ana, bob)


async def test_who_had_removed_the_other_is_verified_by_their_code(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await bob.node.contacts.remove(bob.account, ana.account)
    await bob.node.invites.accept(bob.account, await code(ana))
    await nodes.in_time(lambda: bob.contact(ana).verified)
    assert verified(ana, bob)
    (row,) = [row for row in await ana.node.store.invites() if row.in_person]
    assert row.uses_left == 0


async def test_who_had_removed_the_other_is_not_verified_by_their_link(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await bob.node.contacts.remove(bob.account, ana.account)
    link, _ = await ana.node.invites.create(ana.account, 1, 3600)
    await bob.node.invites.accept(bob.account, link)
    await nodes.in_time(lambda: bob.contact(ana).state == "accepted")
    assert not ana.contact(bob).verified
    assert not bob.contact(ana).verified


async def test_who_still_waits_for_a_link_redeems_the_code_instead(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    nodes.cut(ana, bob)
    link, _ = await ana.node.invites.create(ana.account, 1, 3600)
    await bob.node.invites.accept(bob.account, link)
    await scan(bob, await code(ana), ana.account)
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: bob.contact(ana).verified)
    assert verified(ana, bob)


async def test_a_link_takes_the_place_of_a_code_that_still_waits(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    nodes.cut(ana, bob)
    await bob.node.invites.accept(bob.account, await code(ana))
    await bob.node.invites.accept(bob.account, (await ana.node.invites.create(ana.account, 1, 3600))[0])
    assert ana.node.invites.scanned(ana.account, bob.account) is None
    assert bob.node.invites.scanned(bob.account, ana.account) is None


async def test_what_verifies_nobody_is_refused_by_name(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    kim = await nodes.start("kim")
    link, _ = await ana.node.invites.create(ana.account, 1, 3600)
    strange, shown = await code(kim), await code(ana)
    refusals: list[tuple[str, AccountId | None, type[Exception]]] = [
        (link, ana.account, NotACode),
        (strange, ana.account, CodeOfAnother),
        (strange, None, UnknownContact),
        (strange, kim.account, UnknownContact),
        (await code(bob), None, InviteOwn),
        (shown[:-1], None, InviteMalformed),
        (shown.replace("v/1", "v/2"), None, InviteVersion),
    ]
    for uri, named, error in refusals:
        with pytest.raises(error):
            await scan(bob, uri, named)
    with pytest.raises(AlreadyContact, match=r"contacts\.verify"):
        await bob.node.invites.accept(bob.account, shown)
    await bob.node.contacts.block(bob.account, ana.account, True)
    with pytest.raises(ContactBlocked):
        await scan(bob, shown)
    await bob.node.contacts.block(bob.account, ana.account, False)
    nodes.clock.advance(2 * 3600)
    with pytest.raises(InviteExpired):
        await scan(bob, shown)
    assert bob.node.invites.scanned(bob.account, ana.account) is None


@pytest.mark.parametrize(("uses", "expires_in"), [(2, None), (0, None), (1, 299), (1, 301), (1, 86_400)])
async def test_a_code_has_one_use_and_five_minutes_and_nothing_else(
    nodes: Nodes, uses: int, expires_in: int | None
) -> None:
    ana = await nodes.start("ana")
    with pytest.raises(InvalidParams, match="300"):
        await ana.node.invites.create(ana.account, uses, expires_in, True)
    uri, expires_at = await ana.node.invites.create(ana.account, 1, CODE_LIFE, True)
    assert uri.startswith("mepassa:v/1/")
    assert expires_at == int(nodes.clock.now()) + 300


async def test_a_code_is_good_until_its_second_and_not_before_it_was_made(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    link, transcript = parse_invite(await code(ana)), os.urandom(32)
    ends = account_key(bob.account), account_key(ana.account)
    invites = ana.core.invites

    def judged() -> set[bool | Reason]:
        return {
            found if isinstance(found, Reason) else found.in_person
            for found in (
                invites.judge(ana.account, link.number, proof(link.secret, transcript, True), transcript),
                invites.judge_code(ana.account, link.number, verification_proof(link.secret, *ends), ends),
            )
        }

    assert judged() == {True}
    nodes.clock.advance(299.9)
    assert judged() == {True}
    nodes.clock.advance(0.1)
    assert judged() == {Reason.INVITE_EXPIRED}
    nodes.clock.jump(-1)
    assert judged() == {True}
    nodes.clock.jump(-300)
    assert judged() == {Reason.INVITE_EXPIRED}


@pytest.mark.parametrize("who", ["ana", "bob"])
async def test_a_full_disk_uses_no_code_up_and_it_verifies_a_little_later(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    ana, bob = await nodes.pair()
    node, other = (ana, bob) if who == "ana" else (bob, ana)
    commit, failed = node.node.store.commit, list[Commit]()

    def instead(change: Commit) -> Awaitable[Committed]:
        if failed or not any(isinstance(write, PutContact) and write.row.verified for write in change.writes):
            return commit(change)
        failed.append(change)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(StoreFull())
        return future

    monkeypatch.setattr(node.node.store, "commit", instead)
    await scan(bob, await code(ana))
    await eventually(lambda: len(failed) == 1)
    await eventually(lambda: not node.contact(other).verified)
    await nodes.in_time(lambda: verified(ana, bob))
    (row,) = [row for row in await ana.node.store.invites() if row.in_person]
    assert row.uses_left == ana.core.invites._open[row.number].uses_left == 0


async def test_a_code_of_one_account_of_a_node_is_none_of_another(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    second, _ = await ana.core.accounts.create("Second", "person")
    link = parse_invite((await ana.node.invites.create(second.id, 1, None, True))[0])
    ends = account_key(bob.account), account_key(ana.account)
    given = verification_proof(link.secret, *ends)
    assert ana.core.invites.judge_code(ana.account, link.number, given, ends) == Reason.INVITE_UNKNOWN


async def test_a_code_that_claims_to_be_good_for_days_is_refused_by_who_scans_it(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    eva = await nodes.start("eva")
    shown = parse_invite(await code(ana))
    long = format_invite(replace(shown, expires_at=int(nodes.clock.now()) + 86_400))
    for guest in (bob, eva):
        with pytest.raises(InviteMalformed, match="five minutes"):
            await guest.node.invites.accept(guest.account, long) if guest is eva else await scan(guest, long)
    assert not bob.contact(ana).verified
    assert eva.node.contacts.all(eva.account) == []
