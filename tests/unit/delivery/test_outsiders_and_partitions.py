"""Who has no card and looks for an address; two who are cut off from each other for days, and both move meanwhile."""

from __future__ import annotations

import pytest

from mepassad.api.node_id import key_from_node_id
from mepassad.builtin.transport_memory.network import Network
from mepassad.errors import DecryptFailed
from mepassad.testing.directory import SharedDirectory
from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.identity import sign_card
from mepassad.wire.ids import account_key
from mepassad.wire.invites import parse_invite
from mepassad.wire.records import Kind, read_record, record_key
from tests.unit.delivery.found import name_of

DAY = 86_400


def public(nodes: Nodes, who: RunningNode, uri: str) -> set[bytes]:
    """All numbers of 32 bytes that somebody may know who was told nothing in a session."""
    me, link = who.core.accounts.me(who.account), parse_invite(uri)
    card = sign_card(me.device, me.row.name, me.row.kind, me.row.device_list, int(nodes.clock.now()))
    told = card.SerializeToString() + link.number + link.secret + me.row.device_list + uri.encode()
    whole = {account_key(who.account), me.device.public, key_from_node_id(who.node_id), link.number, link.secret}
    return whole | {told[at : at + 32] for at in range(len(told) - 31)}


async def test_an_outsider_who_looks_for_an_address_finds_nothing(nodes: Nodes, shared: SharedDirectory) -> None:
    ana, bob = await nodes.pair()
    uri, _ = await ana.node.invites.create(ana.account, 5)
    await nodes.in_time(lambda: {name_of(ana), name_of(bob)} <= shared.records.keys())
    bob = await nodes.restore("bob", node_key=False)
    await nodes.in_time(lambda: any(b"/card/" in name for name in shared.records))
    known = public(nodes, ana, uri) | public(nodes, bob, uri)
    assert not {record_key(kind, number) for kind in Kind for number in known} & shared.records.keys()
    for name, record in shared.records.items():  # also where a directory hands all that it has to the outsider
        for key in known:
            with pytest.raises(DecryptFailed):
                read_record(name, record.value, key, int(nodes.clock.now()))


@pytest.mark.parametrize("days", [1, 8])
async def test_after_days_apart_in_which_both_moved_all_arrives_once_and_in_order(
    nodes: Nodes, shared: SharedDirectory, days: int
) -> None:
    """In a day the records of before are too old to lead anywhere; in eight they have died as well."""
    ana, bob = await nodes.pair()
    await nodes.in_time(lambda: {name_of(ana), name_of(bob)} <= shared.records.keys())
    elsewhere = f"{nodes.network_name}-moved"
    parted = Network.named(elsewhere)
    parted.cut(ana.node_id, bob.node_id)
    shared.down = True
    for name in ("ana", "bob"):
        await nodes.up.pop(name).stop()
    ana, bob = [await nodes.start(name, transport_memory__name=elsewhere) for name in ("ana", "bob")]
    said: dict[str, list[object]] = {"ana": [], "bob": []}
    for hour in range(24 * days):
        await nodes.pass_by(3600)
        if hour % 6 == 0:
            said["ana"].append(f"ana {hour}")
            await ana.say(bob, f"ana {hour}")
            said["bob"].append(f"bob {hour}")
            await bob.say(ana, f"bob {hour}")
    assert (ana.texts(), bob.texts()) == ([], [])
    parted.heal(ana.node_id, bob.node_id)
    shared.down = False
    await nodes.in_time(lambda: len(ana.texts()) >= len(said["bob"]) and len(bob.texts()) >= len(said["ana"]), 60)
    await nodes.pass_by(600, times=6)
    assert (ana.texts(), bob.texts()) == (said["bob"], said["ana"])
