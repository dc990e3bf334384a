"""Sessions: five at most with a device, and memory never ahead of what is kept."""

from __future__ import annotations

from collections.abc import Awaitable

import anyio
import pytest

from mepassad.api import StoreFull
from mepassad.api.store import Commit, Committed
from mepassad.api.writes import PutKeys, PutSession
from mepassad.delivery.sessions import KEPT
from mepassad.errors import DecryptFailed
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.content import HELLO, seal_content
from mepassad.wire.ids import account_key
from mepassad.wire.messages_pb2 import PrekeyRequest
from mepassad.wire.packets import Reason, parse_packet


def full(node: RunningNode, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let the next commits of sessions fail for want of room."""
    store, left = node.node.store, [times]
    commit = store.commit

    def instead(change: Commit) -> Awaitable[Committed]:
        if left[0] and any(isinstance(write, PutSession) for write in change.writes):
            left[0] -= 1
            return _full()
        return commit(change)

    monkeypatch.setattr(store, "commit", instead)


async def _full() -> Committed:
    raise StoreFull


def versions(node: RunningNode) -> dict[bytes, int]:
    return {session: head.row.version for (_, session), head in node.core.sessions._by_id.items()}


async def kept(node: RunningNode) -> dict[bytes, int]:
    return {row.id: row.version for row in await node.node.store.sessions(node.account)}


async def _agree(node: RunningNode) -> bool:
    """Whether memory is where the store is."""
    return versions(node) == await kept(node)


async def test_a_failed_commit_of_a_message_takes_memory_back_to_what_is_kept(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    full(ana, monkeypatch, 3)
    for _ in range(3):
        with pytest.raises(StoreFull):
            await ana.say(bob, "no room")
        assert versions(ana) == await kept(ana)
    await ana.say(bob, "room")
    await eventually(lambda: len(ana.facts("message.delivered")) == 1)
    assert bob.texts() == ["room"]


async def test_a_packet_that_finds_the_disk_full_is_read_when_it_comes_again(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    raws = [await packet(ana, bob, text(ana, bob, word)) for word in ("one", "two", "three")]
    full(bob, monkeypatch, 2)
    courier = Courier()
    answers = await courier.hand(bob, *raws)
    assert Reason.BUSY in answers
    await eventually(lambda: _agree(bob))  # the receipt of what was read may be under way
    for _ in range(2):
        answers = await courier.hand(bob, *raws)
    assert answers == [None, None, None]
    assert sorted(map(str, bob.texts())) == ["one", "three", "two"]


async def test_a_hello_that_finds_the_disk_full_makes_the_contact_when_it_comes_again(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob")
    full(ana, monkeypatch, 1)
    uri, _ = await ana.node.invites.create(ana.account, 1, 3600)
    await bob.node.invites.accept(bob.account, uri)
    await nodes.in_time(lambda: len(ana.facts("contact.added")) == len(bob.facts("contact.added")) == 1)
    assert len(ana.node.contacts.all(ana.account)) == 1


async def begun(sender: RunningNode, receiver: RunningNode, last_resort: bool = False) -> bytes:
    """The first packet of a new session, a hello."""
    me, contact = sender.core.accounts.me(sender.account), sender.contact(receiver)
    reply = await receiver.core.prekeys.answer(PrekeyRequest(number=contact.their_number, last_resort=last_resort))
    (bundle,) = reply.bundles
    head, transcript = sender.core.sessions.begin(me, contact, bundle.device, bundle.bundle)
    hello = sender.core.outbox.empty(contact, HELLO)
    hello.introduction.CopyFrom(sender.core.introductions.ours(me, contact, transcript))
    raw, put = sender.core.sessions.encrypt(me, head, seal_content(hello, me.device, account_key(receiver.account)))
    await sender.node.store.commit(Commit((put,)))
    return raw


async def test_five_sessions_with_a_device_are_kept_and_the_oldest_is_forgotten(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    first = await packet(ana, bob, text(ana, bob, "in the first session"))
    second = await packet(ana, bob, text(ana, bob, "too late"))
    for count in range(2, KEPT + 1):
        nodes.clock.advance(0.01)
        assert await Courier().hand(bob, await begun(ana, bob)) == [None]
        assert len(await kept(bob)) == count
    assert await Courier().hand(bob, first) == [None]  # heard on: now it is the newest
    nodes.clock.advance(0.01)
    assert await Courier().hand(bob, await begun(ana, bob)) == [None]
    assert len(await kept(bob)) == KEPT == 5
    assert await Courier().hand(bob, second) == [None]
    for _ in range(KEPT):
        nodes.clock.advance(0.01)
        assert await Courier().hand(bob, await begun(ana, bob)) == [None]
    assert versions(bob) == await kept(bob)
    assert bob.texts() == ["in the first session", "too late"]


async def test_the_session_that_was_heard_on_last_is_spoken(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    old = await packet(ana, bob, text(ana, bob, "in the old session"))
    nodes.clock.advance(0.01)
    assert await Courier().hand(bob, await begun(ana, bob)) == [None]
    device = ana.core.accounts.me(ana.account).device.public
    new = bob.core.sessions.current(bob.contact(ana), device)
    assert await Courier().hand(bob, old) == [None]
    assert bob.core.sessions.current(bob.contact(ana), device) is not new


async def test_a_first_message_without_one_time_keys_is_not_accepted_twice(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    while any(key.given_at == 0 for key in await bob.node.store.keys(bob.account) if key.kind.startswith("one")):
        await bob.core.prekeys.answer(PrekeyRequest(number=ana.contact(bob).their_number))
    raw = await begun(ana, bob)
    assert await Courier().hand(bob, raw) == [None]
    await bob.core.prekeys.load(bob.account)
    for _ in range(KEPT):
        nodes.clock.advance(0.01)
        assert await Courier().hand(bob, await begun(ana, bob)) == [None]
    assert await Courier().hand(bob, raw) == [None]  # a double, by its packet id
    assert len(await kept(bob)) == KEPT


async def test_a_last_resort_key_retired_while_a_session_begins_with_it_remembers_that_session(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    raw = await begun(ana, bob, last_resort=True)
    nodes.clock.jump(8 * 86_400)
    commit, go_on = bob.node.store.commit, anyio.Event()

    async def late(kept: Awaitable[Committed]) -> Committed:
        await go_on.wait()
        return await kept

    def slow_disk(change: Commit) -> Awaitable[Committed]:
        rows = [row for write in change.writes if isinstance(write, PutKeys) for row in write.rows]
        return late(commit(change)) if any(row.retired_at for row in rows) else commit(change)

    monkeypatch.setattr(bob.node.store, "commit", slow_disk)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bob.core.prekeys.replenish, bob.account)
        await anyio.wait_all_tasks_blocked()
        assert await Courier().hand(bob, raw) == [None]
        go_on.set()
    bob.core.sessions.drop(bob.account, parse_packet(raw).session)
    me = bob.core.accounts.me(bob.account)
    with pytest.raises(DecryptFailed, match="already begun"):
        bob.core.sessions.open(me, parse_packet(raw), bob.core.prekeys.lookup(bob.account))
