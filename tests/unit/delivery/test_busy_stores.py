"""Steps that end half way: the store is busy, or a user acts meanwhile. Nothing of them stays in memory alone."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from mepassad.api.crypto import DeviceKey
from mepassad.api.store import Commit, Committed
from mepassad.api.types import Contact, MessageId
from mepassad.bus import Bus, Change
from mepassad.delivery.settlement import Progress
from mepassad.errors import MalformedFrame, StoreBusy
from mepassad.people.accounts import seed_of
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.content import HELLO, VERIFICATION
from mepassad.wire.identity import agree, sign_devices
from mepassad.wire.ids import account_key
from mepassad.wire.invites import parse_invite, verification_proof
from mepassad.wire.messages_pb2 import Content


def busy_once(monkeypatch: pytest.MonkeyPatch, node: RunningNode) -> list[bool]:
    """Let a node's store be busy when next somebody waits for it to have kept all; emptied once it was."""
    keep, left = Bus.keep, [True]

    def keeps(bus: Bus, change: Change) -> asyncio.Future[Committed]:
        if bus is node.node.bus and not change.writes and left:
            left.clear()
            raise StoreBusy
        return keep(bus, change)

    monkeypatch.setattr(Bus, "keep", keeps)
    return left


async def test_a_restored_contact_is_found_though_the_store_was_busy_at_first(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    await eventually(lambda: len(bob.contact(ana).directory) == 64)
    await ana.stop()
    nodes.up["ana"] = ana
    await bob.say(ana, "are you there?")
    left = busy_once(monkeypatch, bob)
    ana = await nodes.restore("ana")
    await nodes.in_time(lambda: ana.texts() == ["are you there?"])
    assert not left
    assert len(bob.facts("contact.keys_changed")) == 1


def hello_with(nodes: Nodes, sender: RunningNode, receiver: RunningNode, version: int, *others: DeviceKey) -> Content:
    """A hello that brings a list with the sender's device and others."""
    me = sender.core.accounts.me(sender.account)
    words = next(nodes.folder(sender.node.config.node.name).glob("recovery-words-*.txt")).read_text()
    owner = Ed25519PrivateKey.from_private_bytes(seed_of(words))
    entries = [agree(device, me.key, "one", 0) for device in (me.device, *others)]
    signed = sign_devices(owner, entries, me.devices.version + version, 0)
    content = sender.core.outbox.empty(sender.contact(receiver), HELLO)
    listed = replace(me, row=replace(me.row, device_list=signed))
    content.introduction.CopyFrom(sender.core.introductions.ours(listed, sender.contact(receiver)))
    return content


async def test_a_list_that_came_while_the_store_was_busy_is_told_of_when_it_comes_again(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    await Courier().hand(bob, await packet(ana, bob, hello_with(nodes, ana, bob, 1, DeviceKey.generate())))
    assert len(bob.facts("contact.keys_changed")) == 1
    before = bob.contact(ana)
    raw = await packet(ana, bob, hello_with(nodes, ana, bob, 2))
    busy_once(monkeypatch, bob)
    with pytest.raises(StoreBusy):
        await Courier().hand(bob, raw)
    assert bob.contact(ana) == before
    assert await Courier().hand(bob, raw) == [None]
    assert len(bob.facts("contact.keys_changed")) == 2


async def test_a_session_that_the_other_side_lost_is_renewed_though_the_store_was_busy_at_first(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    async with bob.core.sessions.lock(bob.account, ana.account):
        lost = bob.core.sessions.drop_all(bob.account, ana.account)
        await bob.node.store.commit(Commit(tuple(lost)))
    left = busy_once(monkeypatch, ana)
    await ana.say(bob, "in a new session")
    await nodes.in_time(lambda: bob.texts() == ["in a new session"])
    assert not left
    assert nodes.clock.monotonic() < 3600  # not only once the next renewal is due


async def test_who_is_blocked_while_their_code_is_judged_stays_blocked(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    code = parse_invite((await ana.node.invites.create(ana.account, 1, None, True))[0])
    content, ends = bob.core.outbox.empty(bob.contact(ana), VERIFICATION), map(account_key, (bob.account, ana.account))
    content.verification.invite, content.verification.proof = code.number, verification_proof(code.secret, *ends)
    content.receipts.delivered.append(bytes(16))  # looked up in the store, and meanwhile:
    find = ana.core.settlement._find

    async def meanwhile(contact: Contact, message: MessageId) -> Progress | None:
        await ana.node.contacts.block(ana.account, bob.account, True)
        return await find(contact, message)

    monkeypatch.setattr(ana.core.settlement, "_find", meanwhile)
    assert await Courier().hand(ana, await packet(bob, ana, content)) == [None]
    assert ana.contact(bob).blocked


async def test_what_came_with_a_malformed_packet_is_settled_before_the_link_ends(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    raw = await packet(ana, bob, text(ana, bob, "in bad company"))
    store, commit = bob.node.store, bob.node.store.commit

    async def busy(change: Commit) -> Committed:
        raise StoreBusy

    monkeypatch.setattr(store, "commit", busy)
    with pytest.raises(MalformedFrame):
        await Courier().hand(bob, raw, b"junk")
    monkeypatch.setattr(store, "commit", commit)
    assert await Courier().hand(bob, raw) == [None]
    assert bob.texts() == ["in bad company"]
