"""What is under way to one node is bounded, in packets and in bytes; what arrives is dealt with piece by piece."""

from __future__ import annotations

import anyio
import pytest

from mepassad.api.gauges import Gauge
from mepassad.api.types import AccountId, Outgoing
from mepassad.delivery.limits import Limits, Traffic
from mepassad.delivery.links import LINKS_OF_A_NODE
from mepassad.delivery.window import REMEMBERED, Window
from mepassad.testing.nodes import Nodes, eventually
from mepassad.wire.framing import pack
from mepassad.wire.messages_pb2 import Frame
from tests.unit.delivery.test_attacks_2 import streams
from tests.unit.delivery.test_links import frames, junk_packet, stranger

LIMITS = Limits(window=3, max_packet=1024, rate=1, burst=1, stall=30, window_bytes=1000)


def row(number: int, size: int = 100, message: str = "m") -> Outgoing:
    return Outgoing(
        account=AccountId("a"), id=number.to_bytes(32, "big"), contact=AccountId("b"), device=b"d", message=message,
        packet=bytes(size), state="ready", expires_at=1,
    )  # fmt: skip


@pytest.fixture
def traffic() -> Traffic:
    return Traffic(Gauge(3, list), Gauge(1000, list), Gauge(3, list))


@pytest.fixture
def window(traffic: Traffic) -> Window:
    return Window(LIMITS, traffic)


def test_a_window_is_full_at_its_number_of_packets(window: Window) -> None:
    for number in range(3):
        assert not window.full
        assert window.admit(row(number))
    assert window.full
    window.acked([row(0).id])
    assert not window.full


@pytest.mark.parametrize(("sizes", "full"), [((500, 499), False), ((500, 500), True), ((999,), False), ((2000,), True)])
def test_a_window_is_full_at_its_number_of_bytes(window: Window, sizes: tuple[int, ...], full: bool) -> None:
    for number, size in enumerate(sizes):
        window.admit(row(number, size))
    assert window.full is full
    for number in range(len(sizes)):
        window.forget(row(number).id)
    assert (window.size, len(window)) == (0, 0)


def test_a_packet_is_admitted_once_until_it_is_forgotten(window: Window) -> None:
    assert window.admit(row(1))
    assert not window.admit(row(1))
    assert window.refused(row(1).id) == row(1)
    assert not window.admit(row(1))
    window.forget(row(1).id)
    assert window.admit(row(1))
    assert window.acked([row(1).id, row(1).id, row(2).id]) == [row(1)]
    assert not window.admit(row(1))
    assert window.refused(row(1).id) is None


def test_only_so_many_packets_are_remembered_as_taken(window: Window) -> None:
    for number in range(REMEMBERED + 1):
        window.admit(row(number))
        window.acked([row(number).id])
    assert window.admit(row(0))
    assert not window.admit(row(1))


def test_held_packets_wait_until_their_contact_is_released_and_only_so_many_are_held(window: Window) -> None:
    for number in range(REMEMBERED):
        assert not window.full
        window.admit(row(number))
        window.refused(row(number).id)
        assert window.hold(row(number)) is (number == 0)
    assert window.full
    assert not window.admit(row(0))
    window.release(row(0).account, AccountId("somebody else"))
    assert window.full
    window.release(row(0).account, row(0).contact)
    assert not window.full
    assert window.admit(row(0))


async def test_no_more_bytes_than_a_window_go_out_without_an_ack(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__window_bytes=8192)
    silent = True
    nodes.tap.meddle = lambda passed: () if silent and passed.sender == bob.node_id else (passed.frame,)
    before = len(nodes.tap.packets(ana.node_id))
    for number in range(12):
        await ana.say(bob, f"{number} " + "x" * 3000)
    await eventually(lambda: len(bob.texts()) == 2)  # 2 × 4,2xx bytes: the second begins below the limit
    assert len(nodes.tap.packets(ana.node_id)) - before == 2
    silent = False
    nodes.clock.advance(31)
    nodes.clock.advance(5)
    await nodes.in_time(lambda: len(ana.facts("message.delivered")) == 12, 1)


async def test_signals_do_not_pile_up_towards_a_node_that_takes_nothing(nodes: Nodes) -> None:
    ana, bob = await nodes.pair(delivery__window=4)
    nodes.tap.meddle = lambda passed: () if passed.sender == bob.node_id else (passed.frame,)
    for _ in range(20):
        await ana.node.outbox.typing(ana.account, bob.account, True)
    (link,) = [link for link in ana.core.router.links.all() if link.node == bob.node_id and link.window]
    assert len(link.window) == 4


async def test_a_frame_of_many_packets_is_dealt_with_a_window_at_a_time(nodes: Nodes) -> None:
    ana = await nodes.start("ana", delivery__window=8)
    async with stranger(nodes, ana) as stream:
        stream.write(pack(Frame(packets=[junk_packet(n) for n in range(1, 31)]).SerializeToString()))
        (answer,) = await frames(stream, 1)
        assert len(answer.refusals) == 30
    assert ana.node.gauges["link_arriving"].show("n")["n_most"] == 8


async def test_of_one_link_too_many_of_a_node_the_oldest_is_ended(nodes: Nodes) -> None:
    ana = await nodes.start("ana")
    async with anyio.create_task_group() as tasks:
        oldest, *others = await streams(nodes, ana, tasks, LINKS_OF_A_NODE + 1)
        assert await oldest.read() == b""
        for stream in others:
            stream.write(pack(Frame(packets=[junk_packet()]).SerializeToString()))
            assert (await frames(stream, 1))[0].refusals
        tasks.cancel_scope.cancel()
