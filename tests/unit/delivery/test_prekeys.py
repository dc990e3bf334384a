"""Prekeys: each given once, to those who know a number; who drains them only gets the last resort."""

from __future__ import annotations

import anyio
import pytest

from mepassad.delivery.handshake import MAX_REQUEST, REQUESTS
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.framing import Splitter, pack
from mepassad.wire.messages_pb2 import PrekeyReply, PrekeyRequest
from mepassad.wire.packets import PREKEY_PROTOCOL, Reason


async def ask(node: RunningNode, number: bytes) -> PrekeyReply:
    return await node.core.prekeys.answer(PrekeyRequest(number=number))


async def given(node: RunningNode) -> int:
    return sum(1 for key in await node.node.store.keys(node.account) if key.given_at)


async def test_a_contact_gets_a_bundle_of_keys_that_nobody_else_gets(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    number = bob.contact(ana).their_number
    replies = [await ask(ana, number) for _ in range(5)]
    assert all(reply.refusal == 0 for reply in replies)
    assert len({reply.bundles[0].bundle for reply in replies}) == 5
    assert {reply.bundles[0].device for reply in replies} == {ana.core.accounts.me(ana.account).device.public}


async def test_keys_asked_for_at_once_are_given_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    number, bundles = bob.contact(ana).their_number, list[bytes]()

    async def one() -> None:
        bundles.append((await ask(ana, number)).bundles[0].bundle)

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(one)
    assert len(set(bundles)) == 10


async def test_what_was_given_stays_given_after_a_restart(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ask(ana, bob.contact(ana).their_number)
    before = await given(ana)
    ana = await nodes.restart("ana")
    assert await given(ana) == before
    await ask(ana, bob.contact(ana).their_number)
    assert await given(ana) > before


async def test_who_drains_the_pool_gets_the_last_resort_and_it_still_works(nodes: Nodes) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    uri, _ = await ana.node.invites.create(ana.account, 2, 3600)
    number = next(iter(ana.core.invites._open))
    sizes = [len((await ask(ana, number)).bundles[0].bundle) for _ in range(130)]
    assert sizes[-1] < sizes[0]  # no one-time key is in it any more
    assert len({(await ask(ana, number)).bundles[0].bundle for _ in range(3)}) == 1
    await bob.node.invites.accept(bob.account, uri)
    await nodes.in_time(lambda: bob.contact(ana).state == "accepted")
    await bob.say(ana, "hi")
    await eventually(lambda: ana.texts() == ["hi"])


async def test_the_pool_is_refilled_by_the_clock(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    number = bob.contact(ana).their_number
    for _ in range(130):
        await ask(ana, number)
    poor = len((await ask(ana, number)).bundles[0].bundle)
    await ana.core.prekeys.replenish(ana.account)
    assert len((await ask(ana, number)).bundles[0].bundle) > poor


@pytest.mark.parametrize("number", [b"", b"short", bytes(32), bytes(range(32)), bytes(200)])
async def test_an_unknown_number_gets_nothing(nodes: Nodes, number: bytes) -> None:
    ana = await nodes.start("ana")
    assert await ask(ana, number) == PrekeyReply(refusal=Reason.INVITE_UNKNOWN)


async def test_an_expired_or_used_invite_and_a_blocked_contact_get_the_reason_only(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    used = next(iter(ana.core.invites._open))
    await ana.node.invites.create(ana.account, 1, 60)
    fresh = next(number for number in ana.core.invites._open if number != used)
    assert (await ask(ana, fresh)).refusal == 0
    nodes.clock.advance(60)
    await ana.node.contacts.block(ana.account, bob.account, True)
    before = await given(ana)
    assert await ask(ana, fresh) == PrekeyReply(refusal=Reason.INVITE_EXPIRED)
    assert await ask(ana, bob.contact(ana).their_number) == PrekeyReply(refusal=Reason.INVITE_UNKNOWN)
    assert await given(ana) == before


async def test_who_comes_too_late_for_an_invite_gets_keys_to_say_so_but_none_that_is_given_once(nodes: Nodes) -> None:
    ana, _ = await nodes.pair()
    number, before = next(iter(ana.core.invites._open)), await given(ana)
    replies = [await ask(ana, number) for _ in range(2)]
    assert [reply.refusal for reply in replies] == [0, 0]
    assert replies[0].bundles[0].bundle == replies[1].bundles[0].bundle
    assert await given(ana) == before


# -- on the stream


async def answers(nodes: Nodes, asker: RunningNode, owner: RunningNode, data: bytes) -> list[PrekeyReply]:
    """What a stream answers to some bytes, until it ends."""
    addresses = [address.rpartition("/p2p/")[0] for address in owner.node.addresses()]
    stream = await asker.core.router.links.stream(owner.node_id, addresses, PREKEY_PROTOCOL)
    stream.write(data)
    splitter, found = Splitter(1 << 20), list[PrekeyReply]()
    with anyio.move_on_after(0.3):
        while more := await stream.read():
            found += [PrekeyReply.FromString(raw) for raw in splitter.feed(more)]
    stream.abort()
    return found


async def test_a_stream_answers_so_many_requests_and_no_more(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    request = pack(PrekeyRequest(number=bytes(32)).SerializeToString())
    assert len(await answers(nodes, bob, ana, request * (REQUESTS * 3))) == REQUESTS


@pytest.mark.parametrize(
    "junk", [b"\xff" * 20, pack(bytes(MAX_REQUEST + 1)), pack(b"\x0a\xff"), pack(b""), b"\x05ab", b""]
)
async def test_junk_on_the_stream_ends_it_and_nothing_else(nodes: Nodes, junk: bytes) -> None:
    ana, bob = await nodes.pair()
    found = await answers(nodes, bob, ana, junk)
    assert [reply.refusal for reply in found] in ([], [Reason.INVITE_UNKNOWN])
    await bob.say(ana, "still here")
    await eventually(lambda: ana.texts() == ["still here"])


async def test_a_request_at_the_limit_is_answered(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    request = PrekeyRequest(number=bytes(MAX_REQUEST - 3)).SerializeToString()
    assert len(request) == MAX_REQUEST
    assert len(await answers(nodes, bob, ana, pack(request))) == 1
