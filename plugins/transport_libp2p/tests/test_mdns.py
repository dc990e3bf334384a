"""Nodes on one local network find each other by multicast DNS, and nobody else's network is touched."""

from __future__ import annotations

import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from js_peer import NODE
from mepassad_transport_libp2p.neighbours import Interface
from running import Running

from mepassad.api import OtherNode, Unreachable
from mepassad.testing.lan import Lan, NoLan, lan
from mepassad.testing.transport_node import ECHO, Node, assert_echoes

LOOPBACK = Interface("127.0.0.1", (ipaddress.ip_interface("127.0.0.1/8"),))

SCENES = [
    "two_nodes_find_each_other",
    "a_stranger_is_not_dialled",
    "who_switched_it_off_is_silent_and_deaf",
    "who_listens_on_loopback_only_takes_no_part",
    "a_port_that_another_program_keeps_costs_a_line",
    "junk_is_passed_over",
    "pointers_without_end_are_not_kept",
    "a_node_that_stops_at_once_leaves_nothing_open",
    "a_node_that_moves_is_found_again",
    pytest.param(
        "js_and_we_find_each_other",
        marks=pytest.mark.skipif(not NODE.exists(), reason="js-libp2p is not installed: scripts/js-packages"),
    ),
]


@pytest.fixture(scope="module")
def network() -> Iterator[Lan]:
    try:
        with lan() as found:
            yield found
    except NoLan as reason:
        pytest.skip(f"no network namespace here: {reason}")


@pytest.mark.parametrize("scene", SCENES)
def test_on_a_local_network(network: Lan, scene: str, tmp_path: Path) -> None:
    command = [
        *network.wrapper,
        sys.executable,
        "-W",
        "error",
        Path(__file__).with_name("on_a_lan.py"),
        scene,
        tmp_path,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def hear(node: Node, address: str) -> None:
    """Let a node hear a multiaddr."""
    text = f"dnsaddr={address}".encode()
    node.transport._mdns.neighbours.hear(bytes([len(text)]) + text, LOOPBACK)  # type: ignore[attr-defined]


async def test_an_address_that_was_heard_is_tried_beside_those_that_are_known(running: Running) -> None:
    async with running(2) as (a, b):
        hear(a, b.transport.addresses()[0])
        await assert_echoes(await a.transport.open(b.id, ("/ip4/127.0.0.1/tcp/9",), ECHO))


async def test_another_node_at_an_address_that_was_heard_does_not_count_as_where_the_node_went(
    running: Running,
) -> None:
    async with running(3) as (a, b, c):
        theirs = c.transport.addresses()[0].replace(c.id, b.id)
        hear(a, theirs)
        with pytest.raises(Unreachable) as failed:
            await a.transport.open(b.id, ("/ip4/127.0.0.1/tcp/9",), ECHO)
        assert not isinstance(failed.value, OtherNode)
        with pytest.raises(OtherNode):
            await a.transport.open(b.id, (theirs,), ECHO)
