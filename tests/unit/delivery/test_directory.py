"""Being found again: peers that both moved, restored accounts, and those who may not follow."""

from __future__ import annotations

from mepassad.api.directory import Record
from mepassad.api.node_id import key_from_node_id
from mepassad.api.types import NodeId
from mepassad.delivery.finder import AGAIN, FIRST
from mepassad.delivery.publisher import REFRESH
from mepassad.delivery.worked import NODES, OF_A_NODE
from mepassad.testing.directory import SharedDirectory
from mepassad.testing.nodes import Nodes
from mepassad.wire.ids import b64
from mepassad.wire.records import Kind
from tests.unit.delivery.found import known_name, move, name_of


async def test_both_changed_address_and_find_each_other(nodes: Nodes, shared: SharedDirectory) -> None:
    ana, bob = await nodes.pair()
    before = dict(ana.contact(bob).nodes)
    ana, bob = await move(nodes, "ana", "bob")
    assert ana.contact(bob).nodes == before
    await ana.say(bob, "where are you?")
    await nodes.in_time(lambda: bob.texts() == ["where are you?"])
    assert next(iter(ana.contact(bob).nodes[bob.node_id])).endswith("-moved")


async def test_without_a_directory_they_do_not(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    ana, bob = await move(nodes, "ana", "bob")
    await ana.say(bob, "where are you?")
    await nodes.pass_by(10, times=20)
    assert bob.texts() == []


async def test_an_account_is_published_at_the_start_and_every_hour_with_a_higher_version(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    ana, _ = await nodes.pair()
    name = name_of(ana)
    await nodes.in_time(lambda: name in shared.records)
    first = shared.records[name].version
    await nodes.pass_by(REFRESH / 2)
    assert shared.records[name].version == first
    await nodes.pass_by(REFRESH / 2 + 10)
    await nodes.in_time(lambda: shared.records[name].version > first)


async def test_a_node_without_contacts_publishes_nothing(nodes: Nodes, shared: SharedDirectory) -> None:
    await nodes.start("ana")
    await nodes.pass_by(REFRESH, times=2)
    assert shared.published == []


async def test_a_directory_that_was_down_is_tried_again(nodes: Nodes, shared: SharedDirectory) -> None:
    shared.down = True
    ana, _ = await nodes.pair()
    await nodes.pass_by(10, times=3)
    shared.down = False
    await nodes.in_time(lambda: name_of(ana) in shared.records, 10)


async def test_a_blocked_contact_finds_nothing_new_and_the_others_do(nodes: Nodes, shared: SharedDirectory) -> None:
    ana, bob = await nodes.pair()
    eve = await nodes.start("eve")
    await nodes.introduce(ana, eve)
    old = name_of(ana)
    await nodes.in_time(lambda: old in shared.records)
    await ana.node.contacts.block(ana.account, eve.account, True)
    new = name_of(ana)
    assert new != old
    await nodes.in_time(lambda: known_name(bob, ana) == new)
    assert known_name(eve, ana) == old
    version = shared.records[old].version
    ana, bob = await move(nodes, "ana", "bob")
    await nodes.pass_by(REFRESH)
    await nodes.in_time(lambda: new in shared.records)
    assert shared.records[old].version == version
    await bob.say(ana, "found you")
    await nodes.in_time(lambda: ana.texts() == ["found you"])


async def test_a_removed_contact_finds_nothing_new(nodes: Nodes, shared: SharedDirectory) -> None:
    ana, bob = await nodes.pair()
    old = name_of(ana)
    await ana.node.contacts.remove(ana.account, bob.account)
    assert name_of(ana) != old


async def test_the_number_is_the_same_after_a_restart(nodes: Nodes, shared: SharedDirectory) -> None:
    ana = await nodes.start("ana")
    before = name_of(ana)
    assert name_of(await nodes.restart("ana")) == before


async def test_a_restored_account_elsewhere_is_found_by_its_contact(nodes: Nodes, shared: SharedDirectory) -> None:
    ana, bob = await nodes.pair()
    bob_again = await nodes.restore("bob", node_key=False)
    await nodes.in_time(lambda: any(b"/card/" in name for name in shared.records))
    await ana.say(bob_again, "is that you?")
    await nodes.in_time(lambda: bob_again.texts() == ["is that you?"], 10)
    assert bob_again.node_id != bob.node_id


async def test_an_account_that_was_not_restored_has_no_card_in_the_directory(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    ana, _ = await nodes.pair()
    await nodes.in_time(lambda: name_of(ana) in shared.records)
    assert not any(b"/card/" in name for name in shared.records)


async def test_a_contact_is_looked_for_ever_less_often_and_then_every_ten_minutes(
    nodes: Nodes, shared: SharedDirectory
) -> None:
    ana, bob = await nodes.pair()
    await nodes.in_time(lambda: name_of(bob) in shared.records)
    nodes.cut(ana, bob)
    shared.asked.clear()
    await nodes.pass_by(1, times=int(FIRST) - 2)
    assert shared.asked.count(name_of(bob)) == 1
    await nodes.pass_by(30, times=60)
    shared.asked.clear()
    await nodes.pass_by(30, times=120)
    # A lane tries once in 60 to 75 seconds; one that comes a moment before the time is over waits for the next.
    assert 3600 / (AGAIN + 90) - 1 <= shared.asked.count(name_of(bob)) <= 3600 / AGAIN


async def test_rubbish_old_and_foreign_records_change_nothing(nodes: Nodes, shared: SharedDirectory) -> None:
    ana, bob = await nodes.pair()
    await nodes.in_time(lambda: name_of(bob) in shared.records and name_of(ana) in shared.records)
    old, before = shared.records[name_of(bob)], ana.contact(bob)
    ana.core.lookup.finder._seen[(ana.account, bob.account), Kind.ADDRESSES] = name_of(bob), old.version + 1
    nodes.cut(ana, bob)
    for answer in (
        Record(b"", 2**63),
        Record(bytes(1156), 2**63),
        Record(old.value[:-1] + b"\0", 2**63),
        Record(shared.records[name_of(ana)].value, 2**63),
        old,  # valid, and older than what was seen
        None,
    ):
        shared.answer = lambda key, answer=answer: answer  # type: ignore[misc]
        asked = len(shared.asked)
        await nodes.in_time(lambda asked=asked: len(shared.asked) > asked, 10)  # type: ignore[misc]
        await nodes.pass_by(1)
    assert ana.contact(bob) == before


async def test_a_directory_that_fails_stops_nothing(nodes: Nodes, shared: SharedDirectory) -> None:
    def answer(key: bytes) -> Record | None:
        raise ZeroDivisionError

    ana, bob = await nodes.pair()
    shared.answer = answer
    nodes.cut(ana, bob)
    await ana.say(bob, "still here")
    await nodes.pass_by(10, times=10)
    nodes.heal(ana, bob)
    await nodes.in_time(lambda: bob.texts() == ["still here"])


async def test_what_worked_is_tried_first_and_kept_across_restarts(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    (address,) = ana.node.hints()[ana.node_id]
    await nodes.in_time(lambda: bob.core.lookup.worked.first(ana.node_id, ["/told"]) == [address, "/told"])
    bob = await nodes.restart("bob")
    assert bob.core.lookup.worked.first(ana.node_id, ["/told"]) == [address, "/told"]


async def test_of_what_worked_four_addresses_of_a_node_are_kept_and_a_bounded_number_of_nodes(nodes: Nodes) -> None:
    worked = (await nodes.start("ana")).core.lookup.worked
    for number in range(OF_A_NODE + 1):
        worked.note(NodeId("first"), f"/ip4/192.0.2.{number}/tcp/1/p2p/first")
    assert worked.first(NodeId("first"), []) == [f"/ip4/192.0.2.{number}/tcp/1" for number in (4, 3, 2, 1)]
    for number in range(NODES):
        worked.note(NodeId(str(number)), "/ip4/192.0.2.1/tcp/1")
    assert worked.first(NodeId("first"), []) == []
    assert worked.first(NodeId("0"), []) == ["/ip4/192.0.2.1/tcp/1"]


async def test_how_messages_went_is_counted_across_restarts(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    await ana.say(bob, "one")
    await nodes.in_time(lambda: bool(ana.facts("message.delivered")))
    ana = await nodes.restart("ana")
    assert ana.core.settlement.routes == {"direct": 1}
    await ana.say(bob, "two")
    await nodes.in_time(lambda: ana.core.settlement.routes == {"direct": 2})


async def test_what_lies_in_a_directory_names_nobody(nodes: Nodes, shared: SharedDirectory) -> None:
    ana, bob = await nodes.pair()
    await nodes.in_time(lambda: name_of(ana) in shared.records and name_of(bob) in shared.records)
    bob = await nodes.restore("bob", node_key=False)
    await nodes.in_time(lambda: any(b"/card/" in name for name in shared.records))
    kept = b"".join(name + record.value for name, record in shared.published)
    for one in (ana, bob):
        me = one.core.accounts.me(one.account)
        known = [me.key, me.device.public, key_from_node_id(one.node_id), one.node_id.encode(), one.account.encode()]
        numbers = [contact.number for contact in one.node.contacts.everybody()]
        for secret in (*known, *numbers, b"/memory/"):
            assert secret not in kept
            assert b64(secret).encode() not in kept
