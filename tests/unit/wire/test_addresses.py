"""Which addresses that others tell us may be dialled, and which of ours are worth telling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mepassad.wire.addresses import may_dial, worth_telling


@pytest.mark.parametrize(
    "address",
    [
        "/ip4/203.0.113.5/tcp/1",
        "/ip4/127.0.0.1/tcp/1",
        "/ip4/192.168.1.2/tcp/1",
        "/ip6/2a00::1/tcp/1",
        "/ip4/203.0.113.5/udp/1/quic-v1",
        "/ip6/2a00::1/tcp/1/ws",
        "/ip4/203.0.113.5/tcp/1/tls/sni/a.example/ws",
        "/memory/x",
    ],
)
def test_hosts_that_a_contact_may_live_on_are_dialled(address: str) -> None:
    assert may_dial(address)


@pytest.mark.parametrize(
    "address",
    [
        "/ip4/169.254.169.254/tcp/80",
        "/ip6/fe80::1/tcp/1",
        "/ip6/::ffff:169.254.169.254/tcp/80",
        "/ip4/224.0.0.1/tcp/1",
        "/ip6/ff02::1/tcp/1",
        "/ip4/0.0.0.0/tcp/1",
        "/ip6/::/tcp/1",
        "/ip4/255.255.255.255/tcp/1",
        "/ip4/0251.254.169.254/tcp/80",
        "/ip4/169.254.169.254/udp/80/quic-v1",
        "/ip4/169.254.169.254/tcp/80/ws",
        "/ip6/fe80::1/tcp/1/tls/sni/a.example/ws",
        "/dns/a.example/tcp/443/tls/ws",
        "/dns4/a.example/udp/443/quic-v1",
        "/dnsaddr/a.example",
        "/ip4/",
        "ip4/203.0.113.5",
        "",
        "/",
    ],
)
def test_metadata_services_routers_groups_and_junk_are_never_dialled(address: str) -> None:
    assert not may_dial(address)


@given(st.text())
def test_any_text_may_be_dialled_or_not(text: str) -> None:
    assert may_dial(text) in (True, False)
    assert may_dial(f"/ip4/{text}") in (True, False)


def test_addresses_on_loopback_are_told_only_when_there_are_no_others() -> None:
    local, wide = "/ip4/127.0.0.1/tcp/1", "/ip4/203.0.113.5/tcp/1"
    assert worth_telling([local, wide, "/ip6/::1/tcp/1"]) == [wide]
    assert worth_telling([local]) == [local]
    assert worth_telling([]) == []
