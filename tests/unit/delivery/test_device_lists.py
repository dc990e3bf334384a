"""Device lists of contacts: newer ones supersede, devices that are gone lose what they had, and the user is told."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from mepassad.api.crypto import DeviceKey
from mepassad.delivery.stamps import difference
from mepassad.people.accounts import seed_of
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode, eventually
from mepassad.wire.content import HELLO
from mepassad.wire.identity import agree, sign_devices, stamp_of, verify_devices
from mepassad.wire.messages_pb2 import ListStamp
from mepassad.wire.packets import Reason


def relist(nodes: Nodes, node: RunningNode, *devices: DeviceKey, ahead: int = 1) -> None:
    """Let the owner of a node's account sign another list with its own and these devices; the node takes it up."""
    me, now = node.core.accounts.me(node.account), int(nodes.clock.now())
    words = next(nodes.folder(node.node.config.node.name).glob("recovery-words-*.txt")).read_text()
    owner = Ed25519PrivateKey.from_private_bytes(seed_of(words))
    entries = [agree(device, me.key, "another", now) for device in (me.device, *devices)]
    signed = sign_devices(owner, entries, me.devices.version + ahead - 1, 0)
    row = replace(me.row, device_list=signed)
    node.core.accounts._take(row, me.device, me.directory, me.restored_at)


async def hello(sender: RunningNode, receiver: RunningNode) -> None:
    content = sender.core.outbox.empty(sender.contact(receiver), HELLO)
    me = sender.core.accounts.me(sender.account)
    content.introduction.CopyFrom(sender.core.introductions.ours(me, sender.contact(receiver)))
    await sender.core.outbox.say(sender.account, receiver.account, content)


def version(node: RunningNode, other: RunningNode) -> int:
    """The version of the other's list that a node knows."""
    devices = node.core.contacts.devices(node.contact(other))
    assert devices is not None
    return devices.version


async def test_a_newer_list_supersedes_and_the_user_is_told_while_the_verification_stays(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    before = version(bob, ana)
    relist(nodes, ana, DeviceKey.generate())
    await hello(ana, bob)
    await eventually(lambda: len(bob.facts("contact.keys_changed")) == 1)
    assert version(bob, ana) == before + 1
    (told,) = bob.facts("contact.keys_changed")
    assert (told["contact"], told["verified"]) == (ana.account, False)
    replayed = await bob.node.bus.replay(0, 1000, ["contact.keys_changed"])
    assert [fact.data for fact in replayed] == [told]
    await hello(ana, bob)
    await ana.say(bob, "after")
    await eventually(lambda: bob.texts() == ["after"])
    assert len(bob.facts("contact.keys_changed")) == 1


async def test_a_hello_with_a_list_rolled_back_or_forked_changes_nothing(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    first = ana.core.accounts.me(ana.account)
    relist(nodes, ana)
    await hello(ana, bob)
    newer = version(ana, bob) and ana.core.accounts.me(ana.account).devices
    await eventually(lambda: version(bob, ana) == newer.version)
    ana.core.accounts._take(first.row, first.device, first.directory, 0)  # rolled back
    await hello(ana, bob)
    relist(nodes, ana, DeviceKey.generate())  # another of the same version
    await hello(ana, bob)
    await ana.say(bob, "still here")
    await eventually(lambda: bob.texts() == ["still here"])
    known = bob.core.contacts.devices(bob.contact(ana))
    assert known == newer


async def test_who_sees_an_unknown_list_named_fetches_it_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    relist(nodes, ana)
    for number in range(3):
        await ana.say(bob, str(number))
    await eventually(lambda: len(bob.facts("contact.keys_changed")) == 1)
    assert version(bob, ana) == ana.core.accounts.me(ana.account).devices.version
    asked = [passed for passed in nodes.tap.passed if passed.protocol == "/mepassa/prekeys/1"]
    assert len([passed for passed in asked if passed.sender == bob.node_id]) <= 2  # at the introduction, and now


async def test_who_names_an_old_list_of_ours_is_told_the_new_one(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    relist(nodes, bob)
    await ana.say(bob, "to the list I know")
    await eventually(lambda: len(ana.facts("contact.keys_changed")) == 1)
    assert version(ana, bob) == bob.core.accounts.me(bob.account).devices.version


async def test_a_contact_who_names_a_list_of_ours_that_we_do_not_have_is_told_to_the_user_once(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    courier = Courier()
    for named in (ListStamp(version=1 << 40, hash=b"h" * 16), ListStamp(version=1 << 40, hash=b"h" * 16)):
        content = text(bob, ana, "you are elsewhere too")
        content.theirs.CopyFrom(named)
        assert await courier.hand(ana, await packet(bob, ana, content)) == [None]
    expected = {"account": ana.account, "contact": bob.account}
    assert ana.facts("account.superseded") == [expected]
    replayed = await ana.node.bus.replay(0, 1000, ["account.superseded"])
    assert [fact.data for fact in replayed] == [expected]


@pytest.mark.parametrize(
    ("named", "expected"),
    [((5, b"h" * 16), "same"), ((4, b"h" * 16), "older"), ((6, b"h" * 16), "newer"), ((5, b"x" * 16), "other")],
)
def test_a_stamp_is_the_same_older_newer_or_another_list(named: tuple[int, bytes], expected: str) -> None:
    account, device = Ed25519PrivateKey.generate(), DeviceKey.generate()
    key = account.public_key().public_bytes_raw()
    known = verify_devices(sign_devices(account, [agree(device, key, "x", 5)], 0, 5), key, None)
    stamp = ListStamp(version=named[0], hash=known.stamp if named[1] == b"h" * 16 else named[1])
    assert difference(stamp, known) == expected
    assert difference(stamp_of(known), known) == "same"


async def test_a_device_that_is_no_longer_listed_is_not_heard_any_more(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    late = await packet(ana, bob, text(ana, bob, "from the lost phone"))
    ana = await nodes.restore("ana")
    await bob.say(ana, "hello?")
    await nodes.in_time(lambda: len(bob.facts("contact.keys_changed")) == 1)
    assert await Courier().hand(bob, late) == [Reason.NO_SESSION]
    assert bob.texts() == []
