"""Seal keys: each device has a fresh one to give out, and what was sealed to an older one still opens for a while."""

from __future__ import annotations

import pytest

from mepassad.delivery.seals import KEEP_RETIRED, ROTATE_AFTER, SEAL_KEY
from mepassad.errors import DecryptFailed
from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.messages_pb2 import PrekeyReply, PrekeyRequest, SealKey
from mepassad.wire.packets import pack_packet
from mepassad.wire.seal import seal, verify_seal_key


def device(node: RunningNode) -> bytes:
    return node.core.accounts.me(node.account).device.public


def sealed(node: RunningNode, key: SealKey) -> tuple[bytes, bytes]:
    """A packet to the node's device, and its envelope."""
    packet = pack_packet(b"s" * 32, device(node), b"i" * 16, b"message")
    return packet, seal(packet, device(node), key.public)


async def test_a_bundle_brings_the_devices_seal_key_and_what_is_sealed_to_it_opens(nodes: Nodes) -> None:
    ana, bob = await nodes.pair()
    request = PrekeyRequest(number=bob.contact(ana).their_number)
    reply: PrekeyReply = await ana.core.prekeys.answer(request)
    key = reply.bundles[0].seal_key
    assert verify_seal_key(key, device(ana), int(nodes.clock.now())) == key.public
    packet, envelope = sealed(ana, key)
    assert ana.core.seals.unseal(ana.account, envelope) == packet
    with pytest.raises(DecryptFailed):
        bob.core.seals.unseal(bob.account, envelope)


async def test_a_seal_key_is_replaced_after_a_week_and_forgotten_three_weeks_later(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    seals, first = ana.core.seals, ana.core.seals.public(ana.account)
    packet, envelope = sealed(ana, first)
    nodes.clock.jump(ROTATE_AFTER - 1)
    await seals.replenish(ana.account)
    assert seals.public(ana.account) == first
    nodes.clock.jump(1)
    await seals.replenish(ana.account)
    assert seals.public(ana.account).public != first.public
    nodes.clock.jump(KEEP_RETIRED - 1)
    await seals.replenish(ana.account)
    assert seals.unseal(ana.account, envelope) == packet
    nodes.clock.jump(1)
    await seals.replenish(ana.account)
    with pytest.raises(DecryptFailed):
        seals.unseal(ana.account, envelope)


async def test_a_key_made_while_the_clock_was_wrong_is_replaced(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    first = ana.core.seals.public(ana.account)
    nodes.clock.jump(-2 * 86_400)
    await ana.core.seals.replenish(ana.account)
    assert ana.core.seals.public(ana.account).public != first.public


async def test_seal_keys_survive_a_restart_and_are_nothing_to_the_crypto_plugin(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    nodes.clock.jump(ROTATE_AFTER)
    await ana.core.seals.replenish(ana.account)
    newest = ana.core.seals.public(ana.account)
    packet, envelope = sealed(ana, newest)
    ana = await nodes.restart("ana")
    assert ana.core.seals.public(ana.account) == newest
    assert ana.core.seals.unseal(ana.account, envelope) == packet
    assert [row.kind for row in await ana.node.store.keys(ana.account)].count(SEAL_KEY) == 2
    assert all(row.kind != SEAL_KEY for row in ana.core.prekeys._keys[ana.account].values())
