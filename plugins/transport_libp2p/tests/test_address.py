"""Multiaddrs as text: what is understood, what is refused, and how wildcards expand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mepassad_transport_libp2p.address import MAX_LENGTH, Address, parse_dial, parse_listen, reachable

from mepassad.api import AddressRefused

ID = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("/ip4/192.0.2.1/tcp/4001", Address("ip4", "192.0.2.1", 4001, None)),
        (f"/ip6/2001:db8::1/tcp/65535/p2p/{ID}", Address("ip6", "2001:db8::1", 65535, ID)),
        (f"/dns/node.example.org/tcp/1/p2p/{ID}", Address("dns", "node.example.org", 1, ID)),
        ("/dns4/localhost/tcp/4001", Address("dns4", "localhost", 4001, None)),
        ("/dns6/localhost/tcp/4001", Address("dns6", "localhost", 4001, None)),
    ],
)
def test_an_address_to_dial_is_understood_and_written_as_it_was(text: str, parsed: Address) -> None:
    assert parse_dial(text) == parsed
    assert str(parsed) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "junk",
        "192.0.2.1:4001",
        "/ip4/192.0.2.1",
        "/ip4/192.0.2.1/tcp/",
        "/ip4/192.0.2.1/tcp/0",
        "/ip4/192.0.2.1/tcp/65536",
        "/ip4/192.0.2.1/tcp/-1",
        "/ip4/192.0.2.1/tcp/٤٠٠١",
        "/ip4/192.0.2.1/tcp/4001/",
        "/ip4/192.0.2.1/tcp/4001/ws",
        "/ip4/192.0.2.1/udp/4001/quic-v1",
        "/ip4/256.0.2.1/tcp/4001",
        "/ip4/::1/tcp/4001",
        "/ip6/192.0.2.1/tcp/4001",
        "/ip6/fe80::1%eth0/tcp/4001",
        "/dns/-bad-/tcp/4001\n",
        "/dns/a b/tcp/4001",
        "/ip4/192.0.2.1/tcp/4001/p2p/0OIl",
        f"/ip4/192.0.2.1/tcp/4001/p2p/{ID}/p2p-circuit",
        f"/p2p/{ID}",
    ],
)
def test_anything_else_to_dial_is_refused_by_name(text: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        parse_dial(text)
    assert repr(text) in refused.value.sentence


def test_an_address_may_be_this_long_and_no_longer() -> None:
    with pytest.raises(AddressRefused) as refused:
        parse_dial("/dns/" + "a" * (MAX_LENGTH + 1))
    assert len(refused.value.sentence) < MAX_LENGTH + 100


@pytest.mark.parametrize("text", ["/dns/localhost/tcp/4001", f"/ip4/127.0.0.1/tcp/4001/p2p/{ID}", "4001"])
def test_a_name_or_a_node_id_cannot_be_listened_on(text: str) -> None:
    with pytest.raises(AddressRefused):
        parse_listen(text)


def test_any_free_port_can_be_listened_on() -> None:
    assert parse_listen("/ip4/0.0.0.0/tcp/0").port == 0


@given(st.text() | st.from_regex(r"/(ip4|ip6|dns)/[0-9a-f.:]{0,20}/tcp/[0-9]{0,6}(/p2p/[A-Za-z0-9]{0,60})?"))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for parse in (parse_dial, parse_listen):
        try:
            assert str(parse(text)).startswith("/")
        except AddressRefused:
            continue


def test_a_wildcard_becomes_the_machines_addresses_with_loopback_last() -> None:
    bound = [parse_listen("/ip4/0.0.0.0/tcp/7"), parse_listen("/ip6/::/tcp/8")]
    assert [str(address) for address in reachable(bound, ["192.0.2.1"], ["2001:db8::1"])] == [
        "/ip4/192.0.2.1/tcp/7",
        "/ip6/2001:db8::1/tcp/8",
        "/ip4/127.0.0.1/tcp/7",
        "/ip6/::1/tcp/8",
    ]


def test_an_address_bound_twice_is_named_once() -> None:
    bound = [parse_listen("/ip4/192.0.2.1/tcp/7"), parse_listen("/ip4/0.0.0.0/tcp/7")]
    assert [str(address) for address in reachable(bound, ["192.0.2.1"], [])] == [
        "/ip4/192.0.2.1/tcp/7",
        "/ip4/127.0.0.1/tcp/7",
    ]
