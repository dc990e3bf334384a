"""Listening: on which addresses, what is refused, and what others are told."""

import errno
import socket
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from mepassad_transport_libp2p.address import parse_listen
from mepassad_transport_libp2p.compat.tcp import check_free
from mepassad_transport_libp2p.config import Config
from raw import connect, port_of
from running import Running

from mepassad.api import AddressRefused
from mepassad.testing.transport_node import assert_echoes


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on, as a second daemon would: with SO_REUSEPORT."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


async def refusal(running: Running, *listen: str, **settings: Any) -> str:
    """The sentence with which a node refuses to listen."""
    with pytest.RaisesGroup(AddressRefused, flatten_subgroups=True) as refused:
        async with running(1, listen=listen, **settings):
            raise AssertionError("it listens")
    errors: BaseException = refused.value
    while isinstance(errors, ExceptionGroup):
        (errors,) = errors.exceptions
    assert isinstance(errors, AddressRefused)
    return errors.sentence


async def test_a_busy_port_is_refused_by_name_and_not_shared(running: Running, taken: int) -> None:
    sentence = await refusal(running, f"/ip4/127.0.0.1/tcp/{taken}")
    assert sentence == f"Cannot listen on /ip4/127.0.0.1/tcp/{taken}: another program already listens there."


def test_what_the_system_refused_is_told_so_that_it_can_be_said_in_any_language(taken: int) -> None:
    with pytest.raises(AddressRefused) as refused:
        check_free(parse_listen(f"/ip4/127.0.0.1/tcp/{taken}"))
    assert refused.value.data == {"address": f"/ip4/127.0.0.1/tcp/{taken}", "errno": errno.EADDRINUSE}


async def test_two_nodes_do_not_share_a_port(running: Running) -> None:
    async with running(1) as (a,):
        assert "already listens" in await refusal(running, f"/ip4/127.0.0.1/tcp/{port_of(a)}")


async def test_an_address_of_another_machine_is_refused_by_name(running: Running) -> None:
    sentence = await refusal(running, "/ip4/192.0.2.1/tcp/0")
    assert sentence == "Cannot listen on /ip4/192.0.2.1/tcp/0: this machine has no such address."


async def test_one_bad_address_among_good_ones_is_refused(running: Running, taken: int) -> None:
    await refusal(running, "/ip4/127.0.0.1/tcp/0", f"/ip4/127.0.0.1/tcp/{taken}")


async def test_the_port_zero_becomes_a_real_one(running: Running) -> None:
    async with running(1) as (a,):
        assert port_of(a) > 0
        _, writer = await connect(a)
        writer.close()


async def test_wildcards_become_dialable_addresses_with_loopback_last(running: Running) -> None:
    async with running(1, listen=("/ip4/0.0.0.0/tcp/0",)) as (a,):
        addresses = a.transport.addresses()
        assert addresses[-1].startswith("/ip4/127.0.0.1/tcp/")
        assert not any("/0.0.0.0/" in address or "/tcp/0/" in address for address in addresses)


async def test_both_families_listen_on_one_port(running: Running) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    listen = (f"/ip4/0.0.0.0/tcp/{port}", f"/ip6/::/tcp/{port}")
    async with running(1, listen=listen) as (a,), running(1, listen=()) as _:
        addresses = a.transport.addresses()
        assert f"/ip4/127.0.0.1/tcp/{port}/p2p/{a.id}" in addresses
        assert f"/ip6/::1/tcp/{port}/p2p/{a.id}" in addresses


async def test_what_is_to_be_announced_is_told_first_and_once(running: Running) -> None:
    async with running(1, announce=("/ip4/203.0.113.7/tcp/4001", "/ip6/2001:db8::7/udp/4001/quic-v1")) as (a,):
        first, second, *own = a.transport.addresses()
        assert (first, second) == (
            f"/ip4/203.0.113.7/tcp/4001/p2p/{a.id}",
            f"/ip6/2001:db8::7/udp/4001/quic-v1/p2p/{a.id}",
        )
        assert own
    with pytest.raises(ValueError, match="listens nowhere"):
        Config(listen=(), announce=("/ip4/203.0.113.7/tcp/4001",))
    wrongs = "/ip4/203.0.113.7/tcp/0", "203.0.113.7:4001", "/dns4/node.example/tcp/4001"
    for wrong in (*wrongs, f"/ip4/203.0.113.7/tcp/4001/p2p/{a.id}"):
        with pytest.raises(ValueError, match="no address to be told"):
            Config(announce=(wrong,))


async def test_a_node_may_listen_nowhere_and_still_dial(running: Running) -> None:
    async with running(1) as (first,), running(2, listen=()) as (_, second):
        assert second.transport.addresses() == ()
        await assert_echoes(await second.open(first))


async def test_the_ipv6_wildcard_is_passed_over_on_a_machine_without_ipv6(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoIPv6(socket.socket):
        def __init__(self, family: int = -1, *rest: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *rest)

    monkeypatch.setattr(socket, "socket", NoIPv6)
    async with running(1, listen=("/ip4/127.0.0.1/tcp/0", "/ip6/::/tcp/0")) as (a,):
        assert all(address.startswith("/ip4/") for address in a.transport.addresses())


async def test_a_stopped_node_leaves_its_port_free_at_once(running: Running) -> None:
    async with running(1) as (a,):
        address = f"/ip4/127.0.0.1/tcp/{port_of(a)}"
        async with running(2, listen=()) as (_, b):
            await b.open(a)
            await a.stop()
    with anyio.fail_after(30):
        async with running(1, listen=(address,)) as (again,):
            assert port_of(again) == int(address.split("/")[-1])
