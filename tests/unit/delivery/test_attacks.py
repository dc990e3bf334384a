"""Hostile contacts, and failing disks: nobody's words, wishes or invites are lost, taken over or spent twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api import StoreBusy, StoreFull
from mepassad.api.store import Commit, Committed
from mepassad.api.types import MessageId, Outgoing
from mepassad.api.writes import AddMessage, PutInvite, ReplaceOutgoing
from mepassad.delivery.link import Link
from mepassad.people.accounts import new_words, seed_of
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.content import HELLO
from mepassad.wire.identity import agree, sign_card, sign_devices
from mepassad.wire.messages_pb2 import Device, Introduction, PrekeyRequest
from mepassad.wire.packets import Reason

Wish = Callable[[RunningNode, RunningNode], Awaitable[object]]


async def block(bob: RunningNode, ana: RunningNode) -> None:
    await bob.node.contacts.block(bob.account, ana.account, True)


async def rename(bob: RunningNode, ana: RunningNode) -> None:
    await bob.node.contacts.rename(bob.account, ana.account, "Spammer")


async def wishes(bob: RunningNode, ana: RunningNode) -> set[tuple[bool, str]]:
    """Whether the contact is blocked and what it is called, in memory and on the disk."""
    rows = [bob.contact(ana), *await bob.node.store.contacts(bob.account)]
    return {(row.blocked, row.petname) for row in rows}


def device(node: RunningNode) -> bytes:
    return node.core.accounts.me(node.account).device.public


async def forget_sessions(node: RunningNode, other: RunningNode) -> None:
    for write in node.core.sessions.drop_all(node.account, other.account):
        await node.node.store.commit(Commit((write,)))


def fail_once(
    node: RunningNode, monkeypatch: pytest.MonkeyPatch, error: Exception, which: Callable[[Any], bool]
) -> list[Commit]:
    """Let the first commit with such a write fail; it is in the list then."""
    store, failed = node.node.store, list[Commit]()
    commit = store.commit

    def instead(change: Commit) -> Awaitable[Committed]:
        if failed or not any(which(write) for write in change.writes):
            return commit(change)
        failed.append(change)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(error)
        return future

    monkeypatch.setattr(store, "commit", instead)
    return failed


# -- borrowed devices


async def test_a_contact_who_lists_another_ones_device_is_not_believed_and_captures_none_of_its_messages(
    nodes: Nodes,
) -> None:
    ana, bob = await nodes.pair()
    mallory = await nodes.start("mallory")
    accounts, words = mallory.core.accounts, new_words()
    me = accounts.me((await accounts.restore(words, "Mallory", "person")).id)
    uri, _ = await bob.node.invites.create(bob.account, 1, 3600)
    await mallory.node.invites.accept(me.row.id, uri)
    await eventually(lambda: bob.node.contacts.find(bob.account, me.row.id) is not None)
    await eventually(lambda: mallory.node.contacts.get(me.row.id, bob.account).state == "accepted")
    before = bob.node.contacts.get(bob.account, me.row.id)

    now = int(nodes.clock.now())
    taken = Device(key=device(ana), name="mine too", added_at=now, agreement=bytes(64))
    mine = agree(me.device, me.key, "mine", now)
    listed = sign_devices(Ed25519PrivateKey.from_private_bytes(seed_of(words)), [mine, taken], me.devices.version, now)
    hello = mallory.core.outbox.empty(mallory.node.contacts.get(me.row.id, bob.account), HELLO)
    hello.introduction.CopyFrom(
        Introduction(card=sign_card(me.device, "Mallory", "person", listed, now), number=b"n" * 32)
    )
    await mallory.core.outbox.say(me.row.id, bob.account, hello)
    messages = [await ana.say(bob, f"hello {n}") for n in range(3)]
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 3)
    assert [await ana.state(message) for message in messages] == ["delivered"] * 3
    assert {fact["contact"] for fact in bob.facts("message.received")} == {ana.account}
    assert bob.node.contacts.get(bob.account, me.row.id).device_list == before.device_list


# -- wishes that come while something waits


@pytest.mark.parametrize(("wish", "kept"), [(block, (True, "")), (rename, (False, "Spammer"))])
async def test_a_wish_that_comes_while_prekeys_are_asked_for_stays(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, wish: Wish, kept: tuple[bool, str]
) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    asked, go_on, answered = anyio.Event(), anyio.Event(), anyio.Event()
    answer, begin = ana.core.prekeys.answer, bob.core.router._handshakes._begin

    async def slow(request: PrekeyRequest) -> Any:
        asked.set()
        await go_on.wait()
        return await answer(request)

    async def begun(*args: Any) -> None:
        await begin(*args)
        answered.set()

    monkeypatch.setattr(ana.core.prekeys, "answer", slow)
    monkeypatch.setattr(bob.core.router._handshakes, "_begin", begun)
    uri, _ = await ana.node.invites.create(ana.account, 1, 3600)
    await bob.node.invites.accept(bob.account, uri)
    with anyio.fail_after(30):
        await asked.wait()
        await wish(bob, ana)
        go_on.set()
        await answered.wait()
    assert await wishes(bob, ana) == {kept}


@pytest.mark.parametrize(("wish", "kept"), [(block, (True, "")), (rename, (False, "Spammer"))])
async def test_a_wish_that_comes_while_a_hello_waits_stays(nodes: Nodes, wish: Wish, kept: tuple[bool, str]) -> None:
    ana, bob = await nodes.pair()
    hello = ana.core.outbox.empty(ana.contact(bob), HELLO)
    introduction = ana.core.introductions.ours(ana.core.accounts.me(ana.account), ana.contact(bob))
    introduction.nodes[0].addresses.append("/memory/elsewhere")
    hello.introduction.CopyFrom(introduction)
    raw, lock = await packet(ana, bob, hello), bob.core.sessions.lock(bob.account, ana.account)
    async with anyio.create_task_group() as tasks, lock:
        tasks.start_soon(Courier().hand, bob, raw)
        await anyio.wait_all_tasks_blocked()
        await wish(bob, ana)
    assert await wishes(bob, ana) == {kept}


# -- invites


async def test_a_one_use_invite_makes_one_contact_even_when_another_change_is_undone_meanwhile(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    guests = [await nodes.start("first"), await nodes.start("second")]
    same = text(ana, bob, "twice")
    once, again = await packet(ana, bob, same), await packet(ana, bob, same)
    assert await Courier().hand(bob, once) == [None]
    commit, held, release = bob.node.store.commit, anyio.Event(), anyio.Event()

    async def late(change: Commit) -> Committed:
        held.set()
        await release.wait()
        return await commit(change)

    def slow_disk(change: Commit) -> Awaitable[Committed]:
        redeems = any(isinstance(write, PutInvite) for write in change.writes)
        return late(change) if redeems and not held.is_set() else commit(change)

    uri, _ = await bob.node.invites.create(bob.account, 1, 3600)
    monkeypatch.setattr(bob.node.store, "commit", slow_disk)
    await guests[0].node.invites.accept(guests[0].account, uri)
    with anyio.fail_after(30):
        await held.wait()
    assert await Courier().hand(bob, again) == [None]  # a duplicate: this change is undone
    await guests[1].node.invites.accept(guests[1].account, uri)
    await eventually(lambda: guests[1].contact(bob).state != "pending")
    release.set()
    await nodes.in_time(lambda: guests[0].contact(bob).state != "pending")
    assert [guest.contact(bob).state for guest in guests] == ["accepted", "refused"]
    assert len(bob.node.contacts.all(bob.account)) == 2  # Ana, and one guest


async def test_a_redemption_that_fails_uses_nothing_up(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    bob, evil, good = [await nodes.start(name) for name in ("bob", "evil", "good")]
    ours = evil.core.introductions.ours

    def without_number(*args: Any) -> Any:
        introduction = ours(*args)
        introduction.number = b""
        return introduction

    monkeypatch.setattr(evil.core.introductions, "ours", without_number)
    uri, _ = await bob.node.invites.create(bob.account, 1, 3600)
    await evil.node.invites.accept(evil.account, uri)
    await eventually(lambda: evil.contact(bob).state == "refused")
    await good.node.invites.accept(good.account, uri)
    await eventually(lambda: good.contact(bob).state != "pending")
    assert good.contact(bob).state == "accepted"


# -- a disk that fails


async def test_a_busy_disk_on_the_way_in_is_undone_and_the_text_arrives(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    failed = fail_once(bob, monkeypatch, StoreBusy(), lambda write: isinstance(write, AddMessage))
    reasons, refused = list[int](), ana.core.router.refused

    def noted(link: Link, row: Outgoing, reason: int) -> None:
        reasons.append(reason)
        refused(link, row, reason)

    monkeypatch.setattr(ana.core.router, "refused", noted)
    await ana.say(bob, "one")
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 1)
    assert len(failed) == 1
    assert reasons == [Reason.BUSY]
    assert bob.texts() == ["one"]


async def test_a_full_disk_while_waiting_texts_are_prepared_keeps_their_order_and_the_receipts(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair(delivery__receipt_delay_ms=60_000)
    await ana.say(bob, "hi")
    await eventually(lambda: bob.texts() == ["hi"])
    nodes.cut(ana, bob)
    await forget_sessions(bob, ana)
    await bob.node.conversations.mark_read(bob.account, MessageId(str(bob.facts("message.received")[0]["message_id"])))
    words = ["m0", "m1", "m2"]
    for word in words:
        await bob.say(ana, word)  # without a session they wait
    failed = fail_once(
        bob,
        monkeypatch,
        StoreFull(),
        lambda write: isinstance(write, ReplaceOutgoing) and any(r.packet for r in write.rows),
    )
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: len(ana.texts()) == 3)
    assert len(failed) == 1
    assert ana.texts() == words
    await nodes.in_time(lambda: len(ana.facts("message.read")) == 1)
    await nodes.in_time(lambda: len(bob.facts("message.delivered")) == 3, 60)
