"""Packets that come too early: kept, bounded, opened when the gap closes, and sent anew when it never does."""

from __future__ import annotations

import pytest

from mepassad.api.store import Commit
from mepassad.builtin.crypto_signal import ratchet
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.upkeep import EXPIRY
from mepassad.wire.packets import Reason

GAP = 10


@pytest.fixture(autouse=True)
def _small_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratchet, "MAX_GAP", GAP)


async def packets(sender: RunningNode, receiver: RunningNode, count: int) -> list[bytes]:
    """So many texts, `0`, `1` …, one after the other in a session."""
    return [await packet(sender, receiver, text(sender, receiver, str(number))) for number in range(count)]


def of(node: RunningNode) -> Courier:
    """A courier who comes from a node."""
    courier = Courier()
    courier.node = node.node_id
    return courier


async def test_packets_that_come_too_early_are_acked_and_read_once_the_gap_closes(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    raws = await packets(ana, bob, 2 * GAP + 3)
    early = raws[GAP + 1 :]  # the last of them cannot be opened before some of them were
    assert await of(ana).hand(bob, *reversed(early)) == [None] * len(early)
    assert bob.texts() == []
    assert len(await bob.node.store.quarantined(bob.account)) == len(early)
    assert await of(ana).hand(bob, raws[0]) == [None]
    assert sorted(map(str, bob.texts()), key=int) == ["0", *map(str, range(GAP + 1, len(raws)))]
    assert await bob.node.store.quarantined(bob.account) == []
    assert await of(ana).hand(bob, *raws) == [None] * len(raws)
    assert sorted(map(int, map(str, bob.texts()))) == list(range(len(raws)))


async def test_what_came_too_early_is_still_there_after_a_restart(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    raws = await packets(ana, bob, GAP + 2)
    assert await of(ana).hand(bob, raws[-1], raws[-1]) == [None, None]
    bob = await nodes.restart("bob")
    assert await of(ana).hand(bob, raws[0]) == [None]
    assert bob.texts() == ["0", str(GAP + 1)]


@pytest.mark.parametrize("limit", [{"delivery__quarantine_packets": 2}, {"delivery__quarantine_bytes": 5000}])
async def test_so_much_is_kept_of_a_contact_and_what_is_more_comes_again(nodes: Nodes, limit: dict[str, int]) -> None:
    ana, bob = await nodes.start("ana"), await nodes.start("bob", **limit)
    await nodes.introduce(ana, bob)
    long = "x" * 1500  # a packet of some 4,200 bytes
    sizes = [str(number) if "delivery__quarantine_packets" in limit else long for number in range(GAP + 5)]
    raws = [await packet(ana, bob, text(ana, bob, words)) for words in sizes]
    fit = 2 if "delivery__quarantine_packets" in limit else 1
    answers = await of(ana).hand(bob, *raws[GAP + 1 :])
    assert answers == [None] * fit + [Reason.BUSY] * (4 - fit)
    assert await of(ana).hand(bob, *raws[: GAP + 1]) == [None] * (GAP + 1)
    assert await of(ana).hand(bob, *raws[GAP + 1 + fit :]) == [None] * (4 - fit)
    assert len(bob.texts()) == len(raws)


async def test_nobody_else_fills_a_contacts_quarantine(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    raws = await packets(ana, bob, GAP + 2)
    assert await Courier().hand(bob, raws[-1]) == [Reason.NO_SESSION]
    assert await bob.node.store.quarantined(bob.account) == []


async def test_a_removed_contacts_packets_are_forgotten(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    raws = await packets(ana, bob, GAP + 2)
    await of(ana).hand(bob, raws[-1])
    await bob.node.contacts.remove(bob.account, ana.account)
    assert await bob.node.store.quarantined(bob.account) == []
    assert len(bob.core.quarantine) == 0


async def test_a_message_behind_a_gap_that_never_closes_is_sent_anew_in_another_session(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await packets(ana, bob, GAP + 1)  # they never arrive
    message = await ana.say(bob, "behind the gap")
    await eventually(lambda: len(ana.facts("message.sent")) == 1)
    assert bob.texts() == []
    await nodes.pass_by(EXPIRY, 60)
    await nodes.in_time(lambda: bob.texts() == ["behind the gap"])
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 1)
    assert await ana.state(message) == "delivered"
    assert await bob.node.store.quarantined(bob.account) == []


async def test_a_message_behind_a_gap_of_a_session_that_is_gone_is_sent_anew_too(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await packets(ana, bob, GAP + 1)  # they never arrive
    await ana.say(bob, "behind the gap")
    await eventually(lambda: len(ana.facts("message.sent")) == 1)
    (row,) = await bob.node.store.quarantined(bob.account)
    async with bob.core.sessions.lock(bob.account, ana.account):
        dropped = bob.core.sessions.drop(bob.account, row.session)
        assert dropped is not None
        await bob.node.store.commit(Commit((dropped,)))
    await bob.core.handshakes.introduce(bob.contact(ana))
    await nodes.pass_by(EXPIRY, 61)
    await nodes.in_time(lambda: bob.texts() == ["behind the gap"])
    await nodes.in_time(lambda: len(bob.core.quarantine) == 0)
    assert await bob.node.store.quarantined(bob.account) == []


async def test_what_waits_of_a_device_that_is_not_listed_any_more_is_forgotten(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    raws = await packets(ana, bob, GAP + 2)
    assert await of(ana).hand(bob, raws[-1]) == [None]
    await eventually(lambda: len(bob.contact(ana).directory) == 64)
    ana = await nodes.restore("ana")
    await bob.say(ana, "to the new device")
    await nodes.in_time(lambda: ana.texts() == ["to the new device"])
    nodes.clock.advance(2 * 3600)
    await bob.core.handshakes.introduce(bob.contact(ana))
    assert await bob.node.store.quarantined(bob.account) == []
    assert len(bob.core.quarantine) == 0


async def test_a_session_is_given_up_at_a_contacts_word_once_an_hour_and_only_its_own(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    eva = await nodes.start("eva")
    await nodes.introduce(ana, eva)
    (session,) = [row.id for row in await ana.node.store.sessions(ana.account) if row.contact == bob.account]

    async def lost(teller: RunningNode, *sessions: bytes) -> None:
        content = teller.core.outbox.empty(teller.contact(ana), 64)
        content.lost.extend(sessions)
        assert await of(teller).hand(ana, await packet(teller, ana, content)) == [None]

    await lost(eva, session, bytes(16), b"short")
    assert session in {row.id for row in await ana.node.store.sessions(ana.account)}
    nodes.cut(ana, bob)
    await lost(bob, session)
    assert session not in {row.id for row in await ana.node.store.sessions(ana.account)}


async def test_what_turns_out_to_be_junk_is_not_kept_any_longer(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    raws = await packets(ana, bob, GAP + 2)
    junk = raws[-1][:-1] + bytes([raws[-1][-1] ^ 1])
    assert await of(ana).hand(bob, junk) == [None]
    assert await of(ana).hand(bob, raws[0]) == [None]
    assert await bob.node.store.quarantined(bob.account) == []
    assert await of(ana).hand(bob, *raws) == [None] * len(raws)
    assert sorted(map(int, map(str, bob.texts()))) == list(range(len(raws)))
