"""Multiaddrs as text: what is understood, what is refused, and how wildcards expand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mepassad_transport_libp2p.address import (
    CARRIERS,
    MAX_LENGTH,
    Address,
    interleaved,
    parse_circuit,
    parse_dial,
    parse_listen,
    reachable,
)

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
        (f"/ip4/192.0.2.1/udp/4001/quic-v1/p2p/{ID}", Address("ip4", "192.0.2.1", 4001, ID, "quic")),
        ("/ip6/2001:db8::1/udp/1/quic-v1", Address("ip6", "2001:db8::1", 1, None, "quic")),
        (f"/ip4/192.0.2.1/tcp/80/ws/p2p/{ID}", Address("ip4", "192.0.2.1", 80, ID, "ws")),
        ("/dns4/node.example.org/tcp/443/tls/ws", Address("dns4", "node.example.org", 443, None, "wss")),
        (
            f"/ip4/192.0.2.1/tcp/443/tls/sni/node.example.org/ws/p2p/{ID}",
            Address("ip4", "192.0.2.1", 443, ID, "wss", "node.example.org"),
        ),
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
        "/ip4/192.0.2.1/tcp/4001/ws/",
        "/ip4/192.0.2.1/tcp/4001/ws/wss",
        "/ip4/192.0.2.1/tcp/4001/tls",
        "/ip4/192.0.2.1/tcp/4001/tls/sni/ws",
        "/ip4/192.0.2.1/tcp/4001/tls/sni/-bad-/ws",
        "/ip4/192.0.2.1/tcp/4001/sni/a/ws",
        "/ip4/192.0.2.1/tcp/4001/quic-v1",
        "/ip4/192.0.2.1/udp/4001",
        "/ip4/192.0.2.1/udp/4001/quic",
        "/ip4/192.0.2.1/udp/0/quic-v1",
        "/ip4/192.0.2.1/udp/65536/quic-v1",
        "/ip4/192.0.2.1/udp/4001/quic-v1/ws",
        "/ip4/192.0.2.1/udp/4001/ws",
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


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("/ip4/192.0.2.1/tcp/443/wss", "/ip4/192.0.2.1/tcp/443/tls/ws"),
        (f"/dns/a.example/tcp/443/wss/p2p/{ID}", f"/dns/a.example/tcp/443/tls/ws/p2p/{ID}"),
        ("/dns/a.example/tcp/443/tls/sni/a.example/ws", "/dns/a.example/tcp/443/tls/ws"),
    ],
)
def test_what_may_be_written_in_two_ways_is_written_in_one(text: str, written: str) -> None:
    assert str(parse_dial(text)) == written
    assert parse_dial(written) == parse_dial(text)


@pytest.mark.parametrize("carried", ["/tcp/0", "/udp/0/quic-v1", "/tcp/0/ws", "/tcp/0/tls/ws"])
@pytest.mark.parametrize("host", ["/ip4/0.0.0.0", "/ip6/::"])
def test_each_carrier_can_be_listened_on_at_any_free_port(host: str, carried: str) -> None:
    assert str(parse_listen(host + carried)) == host + carried


def test_a_name_of_a_certificate_cannot_be_listened_on() -> None:
    with pytest.raises(AddressRefused):
        parse_listen("/ip4/0.0.0.0/tcp/443/tls/sni/a.example/ws")


def test_addresses_are_dialled_one_of_each_carrier_in_turn_the_preferred_first() -> None:
    told = ["/udp/1/quic-v1", "/udp/2/quic-v1", "/tcp/3/tls/ws", "/tcp/4", "/tcp/5", "/tcp/6", "/tcp/7/ws"]
    order = interleaved(parse_dial("/ip4/192.0.2.1" + carried) for carried in told)
    assert [address.port for address in order] == [4, 1, 7, 3, 5, 2, 6]
    assert list(CARRIERS) == ["tcp", "quic", "ws", "wss"]


@given(
    st.text()
    | st.from_regex(
        r"/(ip4|ip6|dns)/[0-9a-f.:]{0,20}/(tcp|udp)/[0-9]{0,6}(/quic-v1|/ws|/wss|/tls(/sni/[a-z.]{0,9})?/ws)?"
        r"(/p2p/[A-Za-z0-9]{0,60})?"
    )
)
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for parse in (parse_dial, parse_listen):
        try:
            assert parse(str(parse(text))) == parse(text)
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


RELAY = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
HIDDEN = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"


@pytest.mark.parametrize("relay", ["/ip4/192.0.2.1/tcp/4001", "/ip4/192.0.2.1/tcp/443/tls/sni/relay.example/ws"])
@pytest.mark.parametrize("peer", [HIDDEN, None])
def test_the_address_of_a_node_behind_a_relay_is_understood(relay: str, peer: str | None) -> None:
    text = f"{relay}/p2p/{RELAY}/p2p-circuit" + (f"/p2p/{peer}" if peer else "")
    circuit = parse_circuit(text)
    assert circuit is not None
    assert (str(circuit.relay), circuit.relay.peer, circuit.peer) == (f"{relay}/p2p/{RELAY}", RELAY, peer)
    assert str(circuit) == text


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "/p2p-circuit",
        f"/ip4/192.0.2.1/tcp/4001/p2p-circuit/p2p/{HIDDEN}",
        f"/ip4/192.0.2.1/tcp/0/p2p/{RELAY}/p2p-circuit/p2p/{HIDDEN}",
        f"/ip4/192.0.2.1/tcp/4001/p2p/{RELAY}/p2p-circuit{HIDDEN}",
        f"/ip4/192.0.2.1/tcp/4001/p2p/{RELAY}/p2p-circuit/p2p/{RELAY}",
        f"/ip4/192.0.2.1/tcp/4001/p2p/{RELAY}/p2p-circuit/p2p/0",
        f"/ip4/192.0.2.1/tcp/4001/p2p/{RELAY}/p2p-circuit/p2p/{HIDDEN}/p2p-circuit",
        f"/dns4/{'a.' * 250}/tcp/4001/p2p/{RELAY}/p2p-circuit",
    ],
)
def test_what_is_no_address_behind_a_relay_is_none(junk: str) -> None:
    assert parse_circuit(junk) is None
