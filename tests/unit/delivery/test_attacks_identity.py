"""Whoever gets between two people, or alters an invite: nobody is verified by it."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mepassad.errors import CodeOfAnother, InviteMalformed, InviteVersion, NumbersDiffer
from mepassad.testing.courier import Courier, packet
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.ids import account_key, b64, unb64
from mepassad.wire.invites import InviteLink, format_invite, parse_invite, verification_proof
from mepassad.wire.safety import safety_number
from tests.unit.delivery.invited import accept, code, link, nobody_is_verified, says, scan, state, took_it

# -- in the middle


async def in_the_middle(nodes: Nodes) -> tuple[RunningNode, RunningNode, RunningNode]:
    """Ana and Bob, who think that they are contacts of each other, and Mallory, who has replaced Ana's invite on its
    way by one of hers, and passes on what they write."""
    ana, bob, mallory = [await nodes.start(name) for name in ("ana", "bob", "mallory")]
    await accept(mallory, await link(ana))
    await accept(bob, await link(mallory))
    await eventually(lambda: state(mallory, ana) == state(bob, mallory) == "accepted")
    return ana, bob, mallory


async def test_two_invites_relayed_by_somebody_in_the_middle_verify_nobody(nodes: Nodes) -> None:
    ana, bob, mallory = await in_the_middle(nodes)
    await ana.say(mallory, "is that you, Bob?")
    await eventually(lambda: mallory.texts() == ["is that you, Bob?"])
    await mallory.say(bob, "is that you, Bob?")
    await eventually(lambda: bob.texts() == ["is that you, Bob?"])
    assert nobody_is_verified(ana, bob, mallory)
    anas, bobs = safety_number(ana.account, mallory.account), safety_number(bob.account, mallory.account)
    assert anas != bobs
    for node, read_out in ((ana, bobs), (bob, anas), (bob, safety_number(ana.account, bob.account))):
        with pytest.raises(NumbersDiffer, match="somebody stands between you"):
            await node.node.contacts.verify(node.account, mallory.account, read_out)
    assert nobody_is_verified(ana, bob, mallory)


async def test_a_code_shown_in_person_uncovers_who_is_in_the_middle(nodes: Nodes) -> None:
    ana, bob, mallory = await in_the_middle(nodes)
    shown = await code(ana)
    with pytest.raises(CodeOfAnother, match="somebody else writes to you"):
        await bob.node.verifications.scan(bob.account, shown, mallory.account)
    await accept(bob, shown)
    await eventually(lambda: state(bob, ana) == "accepted" and bob.contact(ana).verified)
    assert ana.contact(bob).verified
    assert not bob.contact(mallory).verified
    assert not ana.contact(mallory).verified
    assert nobody_is_verified(mallory)


async def test_a_proof_that_somebody_heard_is_of_no_use_to_them(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    mallory = await nodes.start("mallory")
    await nodes.introduce(ana, mallory)
    seen = parse_invite(await code(ana))
    bobs = verification_proof(seen.secret, account_key(bob.account), account_key(ana.account))
    assert await Courier().hand(ana, await packet(mallory, ana, says(mallory, ana, seen.number, bobs))) == [None]
    assert nobody_is_verified(ana)
    assert await Courier().hand(ana, await packet(bob, ana, says(bob, ana, seen.number, bobs))) == [None]
    assert ana.contact(bob).verified
    assert not ana.contact(mallory).verified


async def test_a_confirmation_that_answers_nothing_verifies_nobody(nodes: Nodes) -> None:
    ana, mallory = await nodes.start("ana"), await nodes.start("mallory")
    uri = await link(mallory)
    await accept(ana, uri)
    await eventually(lambda: state(ana, mallory) == "accepted")
    mine, ends = parse_invite(uri), (account_key(mallory.account), account_key(ana.account))
    for number, secret in (
        (mine.number, mine.secret),
        (b"", b""),
        (parse_invite(await code(mallory)).number, b"s" * 16),
    ):
        proof = verification_proof(secret, *ends)
        assert await Courier().hand(ana, await packet(mallory, ana, says(mallory, ana, number, proof))) == [None]
    assert nobody_is_verified(ana)


async def test_a_confirmation_needs_the_number_and_the_secret_of_the_code_that_was_scanned(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    scanned, other = parse_invite(await code(ana)), parse_invite(await code(ana))
    bob.core.invites.scan(bob.account, scanned)
    ends = (account_key(ana.account), account_key(bob.account))
    for number, secret in (
        (scanned.number, other.secret),
        (other.number, scanned.secret),
        (other.number, other.secret),
    ):
        said = says(ana, bob, number, verification_proof(secret, *ends))
        assert await Courier().hand(bob, await packet(ana, bob, said)) == [None]
        assert nobody_is_verified(bob)
    said = says(ana, bob, scanned.number, verification_proof(scanned.secret, *ends))
    assert await Courier().hand(bob, await packet(ana, bob, said)) == [None]
    assert bob.contact(ana).verified


@pytest.mark.parametrize("cut", [0, 1, 31, 33])
async def test_a_wrong_proof_changes_nothing_and_leaves_the_code_as_good_as_it_was(nodes: Nodes, cut: int) -> None:
    ana, bob = await nodes.pair()
    shown = await code(ana)
    seen = parse_invite(shown)
    right = verification_proof(seen.secret, account_key(bob.account), account_key(ana.account))
    answer = verification_proof(seen.secret, account_key(ana.account), account_key(bob.account))
    for number, proof in ((seen.number, (right * 2)[:cut]), (seen.number, answer), ((seen.number * 2)[:cut], right)):
        assert await Courier().hand(ana, await packet(bob, ana, says(bob, ana, number, proof))) == [None]
    assert nobody_is_verified(ana, bob)
    await scan(bob, shown)
    await eventually(lambda: ana.contact(bob).verified and bob.contact(ana).verified)


# -- altered


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.booleans(), st.integers(0, 219), st.integers(0, 7))
def test_a_bit_of_an_invite_that_is_turned_is_noticed_before_anything_is_done(
    in_person: bool, at: int, bit: int
) -> None:
    nodes = {"12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5": ("/ip4/203.0.113.5/tcp/4001",)}
    uri = format_invite(InviteLink(b"a" * 32, b"s" * 16, b"n" * 32, 1_800_000_000, nodes, in_person))
    head, raw = uri[: len("mepassa:i/1/")], bytearray(unb64(uri[len("mepassa:i/1/") :]))
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises((InviteMalformed, InviteVersion)):
        parse_invite(head + b64(bytes(raw)))


ALTERED: dict[str, Callable[[InviteLink], InviteLink]] = {
    "secret": lambda one: replace(one, secret=bytes(15) + bytes([one.secret[0] ^ 1])),
    "first bit of the secret": lambda one: replace(one, secret=bytes([one.secret[0] ^ 128]) + one.secret[1:]),
    "last bit of the secret": lambda one: replace(one, secret=one.secret[:-1] + bytes([one.secret[-1] ^ 1])),
    "number": lambda one: replace(one, number=one.number[:-1] + bytes([one.number[-1] ^ 1])),
    "account": lambda one: replace(one, account=one.account[:-1] + bytes([one.account[-1] ^ 1])),
    "kind": lambda one: replace(one, in_person=not one.in_person),
}
"""What somebody makes of an invite who gets its checksum right."""


@pytest.mark.parametrize("make", [link, code])
@pytest.mark.parametrize("what", ALTERED)
async def test_an_altered_invite_makes_no_contact_and_verifies_nobody(
    nodes: Nodes, make: Callable[[RunningNode], object], what: str
) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri = await (link(ana) if make is link else code(ana))
    altered = ALTERED[what](parse_invite(uri))
    await accept(bob, format_invite(altered))
    if what != "account":
        await nodes.in_time(lambda: state(bob, ana) == "refused")
    else:
        await anyio.wait_all_tasks_blocked()
    assert [row.state for row in bob.node.contacts.everybody()] != ["accepted"]
    assert ana.node.contacts.everybody() == []
    assert nobody_is_verified(bob)
    await accept(bob, uri)  # the true one was not used up
    await nodes.in_time(lambda: state(bob, ana) == "accepted")


@pytest.mark.parametrize("what", ["secret", "first bit of the secret", "last bit of the secret", "number"])
async def test_an_altered_code_does_not_verify_a_contact(nodes: Nodes, what: str) -> None:
    ana, bob = await nodes.pair()
    shown = await code(ana)
    await scan(bob, format_invite(ALTERED[what](parse_invite(shown))))
    await took_it(bob, ana)
    assert nobody_is_verified(ana, bob)
    await scan(bob, shown)
    await eventually(lambda: bob.contact(ana).verified)


async def test_a_code_that_leads_to_another_node_verifies_whose_account_it_names_or_nobody(nodes: Nodes) -> None:
    ana, bob, mallory = [await nodes.start(name) for name in ("ana", "bob", "mallory")]
    elsewhere = parse_invite(await link(mallory)).nodes
    await accept(bob, format_invite(replace(parse_invite(await code(ana)), nodes=elsewhere)))
    await nodes.in_time(lambda: state(bob, ana) == "refused")
    assert nobody_is_verified(ana, bob, mallory)
