"""What waits in quarantine while other packets come: kept whoever brings them, and cheap to try again."""

from __future__ import annotations

import os
import struct

import pytest

from mepassad.builtin.crypto_signal import keys, ratchet
from mepassad.testing.courier import Courier, packet, text
from mepassad.testing.nodes import Nodes, RunningNode
from mepassad.wire.packets import pack_packet, parse_packet

GAP = 10


def of(node: RunningNode) -> Courier:
    """A courier who comes from a node."""
    courier = Courier()
    courier.node = node.node_id
    return courier


async def test_what_waits_is_kept_when_its_session_goes_on_over_another_node(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratchet, "MAX_GAP", GAP)
    ana, bob = await nodes.pair()
    raws = [await packet(ana, bob, text(ana, bob, str(number))) for number in range(2 * GAP + 3)]
    assert await of(ana).hand(bob, raws[-1]) == [None]  # acked, so that Ana's node does not offer it again
    assert await Courier().hand(bob, raws[0]) == [None]
    assert len(await bob.node.store.quarantined(bob.account)) == 1
    assert await of(ana).hand(bob, *raws[1:-1]) == [None] * (len(raws) - 2)
    assert sorted(map(int, map(str, bob.texts()))) == list(range(len(raws)))


async def test_a_contact_who_fills_the_quarantine_with_junk_makes_no_packet_expensive(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bob = await nodes.pair()
    nodes.cut(ana, bob)
    good = await packet(ana, bob, text(ana, bob, "good"))
    parts = parse_packet(good)
    header = struct.pack(">B32sII", ratchet.MESSAGE, os.urandom(keys.KEY_SIZE), ratchet.MAX_GAP, ratchet.MAX_GAP + 1)
    junk = [
        pack_packet(parts.sender, parts.recipient, parts.session, header + os.urandom(keys.TAG_SIZE)) for _ in range(64)
    ]
    await packet(bob, ana, text(bob, ana, "so that a turn is possible here"))
    assert await of(ana).hand(bob, *junk) == [None] * len(junk)
    steps, step = [], ratchet.step
    monkeypatch.setattr(ratchet, "step", lambda chain: (steps.append(1), step(chain))[1])
    assert await of(ana).hand(bob, good) == [None]
    assert bob.texts() == ["good"]
    assert len(steps) < len(junk)
