"""What is told to a local network, and what of that which is heard there is believed."""

from __future__ import annotations

import ipaddress
import itertools
import os

import pytest
from mepassad_transport_libp2p.neighbours import (
    LIFETIME,
    MAX_ADDRESSES,
    MAX_NODES,
    QUIET,
    Interface,
    Neighbours,
    addresses_in,
    interfaces,
    text_of,
)

from mepassad.api.types import NodeId
from mepassad.testing.clock import ManualClock

LAN = Interface("192.168.7.5", (ipaddress.ip_interface("192.168.7.5/24"), ipaddress.ip_interface("fd00:7::5/64")))
OWN = NodeId("12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq")
BIA = NodeId("12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5")


def text(*parts: str) -> bytes:
    """A text record."""
    return b"".join(bytes([len(part)]) + part.encode() for part in parts)


def at(host: str, node: str = BIA, port: int = 4001) -> str:
    return f"/{'ip6' if ':' in host else 'ip4'}/{host}/tcp/{port}/p2p/{node}"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def neighbours(clock: ManualClock) -> Neighbours:
    return Neighbours(OWN, clock)


# -- what is told


def test_a_network_is_told_of_addresses_on_its_own_interface_only() -> None:
    own = [at(host, OWN) for host in ("192.168.7.5", "fd00:7::5", "10.8.0.2", "192.168.7.6", "127.0.0.1", "::1")]
    assert list(addresses_in(text_of(own, LAN))) == own[:2]


def test_a_network_is_told_of_so_many_addresses_and_no_more() -> None:
    own = [at("192.168.7.5", OWN, port) for port in range(1, MAX_ADDRESSES + 2)]
    assert list(addresses_in(text_of(own, LAN))) == own[:-1]


def test_nothing_is_told_where_nothing_is_reached() -> None:
    assert text_of([at("127.0.0.1", OWN), "junk"], LAN) == b""


def test_loopback_and_link_local_addresses_are_no_local_network() -> None:
    for interface in interfaces():
        assert ipaddress.ip_address(interface.address).version == 4
        for network in interface.networks:
            assert not network.ip.is_loopback
            assert not network.ip.is_link_local


# -- what is heard


def test_an_address_in_the_network_is_remembered_for_the_node_it_names(neighbours: Neighbours) -> None:
    neighbours.hear(text(f"dnsaddr={at('192.168.7.9')}", f"dnsaddr={at('fd00:7::9')}"), LAN)
    assert neighbours.of(BIA) == (at("fd00:7::9"), at("192.168.7.9"))
    assert neighbours.of(OWN) == ()


@pytest.mark.parametrize(
    "address",
    [
        at("10.0.0.1"),  # another network
        at("127.0.0.1"),
        at("169.254.169.254"),
        at("fe80::1"),
        at("198.51.100.7"),
        at("::ffff:192.168.7.9"),
        at("192.168.7.9", OWN),
        "/dns4/metadata.example/tcp/80/p2p/" + BIA,
        "/ip4/192.168.7.9/tcp/4001",
        "/ip4/192.168.7.9/tcp/0/p2p/" + BIA,
        "/ip4/192.168.7.9/tcp/4001/p2p/x",
        "/ip4/192.168.7.9",
        "/ip4/192.168.7.9/tcp/4001/p2p/" + BIA + "/p2p-circuit",
    ],
)
def test_whatever_else_is_heard_is_passed_over(neighbours: Neighbours, address: str) -> None:
    neighbours.hear(text(f"dnsaddr={address}"), LAN)
    assert neighbours._heard == {}


def test_junk_in_a_text_record_is_passed_over_and_what_is_beside_it_is_heard(neighbours: Neighbours) -> None:
    for junk in (
        b"",
        b"\x00",
        b"\xff",
        b"\x05abc",
        os.urandom(300),
        text("dnsaddr", "dnsaddr=", "x=y", "dnsaddr=\u00e9"),
    ):
        assert all(isinstance(address, str) for address in addresses_in(junk))
        neighbours.hear(junk, LAN)
    assert neighbours._heard == {}
    neighbours.hear(text("x=y", f"dnsaddr={at('192.168.7.9')}") + b"\xff", LAN)
    assert neighbours.of(BIA) == (at("192.168.7.9"),)


def test_an_address_is_remembered_for_an_hour_after_it_was_last_heard(
    neighbours: Neighbours, clock: ManualClock
) -> None:
    neighbours.hear(text(f"dnsaddr={at('192.168.7.9')}"), LAN)
    clock.advance(LIFETIME - 1)
    neighbours.hear(text(f"dnsaddr={at('192.168.7.9')}"), LAN)
    clock.advance(LIFETIME - 1)
    assert neighbours.of(BIA)
    clock.advance(1)
    assert neighbours.of(BIA) == ()


def test_of_one_node_the_newest_addresses_are_remembered(neighbours: Neighbours) -> None:
    for port in range(1, MAX_ADDRESSES + 2):
        neighbours.hear(text(f"dnsaddr={at('192.168.7.9', port=port)}"), LAN)
    found = neighbours.of(BIA)
    assert (len(found), found[0], found[-1]) == (
        MAX_ADDRESSES, at("192.168.7.9", port=MAX_ADDRESSES + 1), at("192.168.7.9", port=2)
    )  # fmt: skip


def test_who_was_heard_longest_ago_makes_room(neighbours: Neighbours) -> None:
    endings = itertools.islice(itertools.product("ABCDEFGH", repeat=3), MAX_NODES + 1)
    names = [NodeId(f"12D3KooW{'A' * 40}{''.join(ending)}") for ending in endings]
    for name in names:
        neighbours.hear(text(f"dnsaddr={at('192.168.7.9', name)}"), LAN)
    assert len(neighbours._heard) == len(neighbours._told) == MAX_NODES
    assert neighbours.of(names[0]) == ()
    assert neighbours.of(names[1])


def test_a_node_is_told_of_when_it_has_a_new_address_and_not_too_often(
    neighbours: Neighbours, clock: ManualClock
) -> None:
    found: list[NodeId] = []
    neighbours.found = found.append
    for port in (1, 1, 2, 3):
        neighbours.hear(text(f"dnsaddr={at('192.168.7.9', port=port)}"), LAN)
    assert found == [BIA]
    clock.advance(QUIET)
    neighbours.hear(text(f"dnsaddr={at('192.168.7.9', port=3)}"), LAN)
    assert found == [BIA]
    neighbours.hear(text(f"dnsaddr={at('192.168.7.9', port=4)}"), LAN)
    assert found == [BIA] * 2
