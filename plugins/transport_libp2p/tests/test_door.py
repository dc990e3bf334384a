"""Who may enter: each limit at its edge, by a clock that the test owns."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import anyio
import pytest
from mepassad_transport_libp2p.compat.ends import has_way, remote_host
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.door import Door, Refused
from raw import answer, closed, connect
from running import Running

from mepassad.testing.transport_node import TIMEOUT, assert_echoes, until


class Visit:
    """A door, its clock, and who is inside."""

    def __init__(self, **settings: int) -> None:
        self.now, self.stack = 0.0, ExitStack()
        self.door = Door(Config(**settings), lambda: self.now)  # type: ignore[arg-type]

    def come(self, host: str | None) -> str:
        """Enter and stay; the reason where that is refused."""
        try:
            self.stack.enter_context(self.door.enter(host))
        except Refused as refused:
            return refused.reason
        return "in"

    def crowd(self, *hosts: str | None) -> list[str]:
        return [self.come(host) for host in hosts]


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (("192.0.2.1", "192.0.2.255"), "192.0.3.0"),
        (("::ffff:192.0.2.1", "192.0.2.9"), "::ffff:192.0.3.1"),
        (("2001:db8:0:ff::1", "2001:db8:0:0:ffff::"), "2001:db8:0:100::1"),
        (("fe80::1%eth0", "fe80::2%eth1"), "fe80:0:0:100::1%eth0"),
        ((None, "junk"), "192.0.2.1"),
    ],
)
def test_one_too_many_of_a_subnet_is_refused_and_no_other(same: tuple[str, str], other: str) -> None:
    visit = Visit(max_connections_per_subnet=2)
    assert visit.crowd(*same, same[0], same[1], other) == ["in", "in", "subnet", "subnet", "in"]
    visit.stack.close()
    assert visit.crowd(*same, same[0]) == ["in", "in", "subnet"]
    assert visit.door.refused == {"subnet": 3}


def test_the_size_of_a_subnet_is_configured() -> None:
    visit = Visit(max_connections_per_subnet=1, subnet_prefix4=16, subnet_prefix6=64)
    assert visit.crowd("192.0.2.1", "192.0.3.1", "192.1.2.1") == ["in", "subnet", "in"]
    assert visit.crowd("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1") == ["in", "subnet", "in"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_exempt_from_what_binds_a_subnet_but_not_from_what_binds_the_node(host: str) -> None:
    visit = Visit(
        max_connections_per_subnet=1, connects_burst_per_subnet=1, max_connects_per_second_per_subnet=1,
        connects_burst=3, max_connects_per_second=1,
    )  # fmt: skip
    assert visit.crowd(*[host] * 4) == ["in", "in", "in", "rate"]
    assert not visit.door.inside


def test_the_nodes_rate_lets_a_burst_in_and_then_so_many_a_second() -> None:
    visit = Visit(connects_burst=3, max_connects_per_second=2)
    hosts = [f"192.0.{number}.1" for number in range(9)]
    assert visit.crowd(*hosts[:4]) == ["in", "in", "in", "rate"]
    visit.now = 0.49
    assert visit.come(hosts[4]) == "rate"
    visit.now = 0.5
    assert visit.crowd(*hosts[4:6]) == ["in", "rate"]
    visit.now = 100.0
    assert visit.crowd(*hosts[5:]) == ["in", "in", "in", "rate"]


def test_the_rate_of_a_subnet_does_not_touch_what_is_everybodys() -> None:
    visit = Visit(
        connects_burst_per_subnet=2, max_connects_per_second_per_subnet=1, connects_burst=4, max_connects_per_second=1
    )
    assert visit.crowd(*["192.0.2.1"] * 12) == ["in", "in"] + ["subnet_rate"] * 10
    assert visit.crowd("192.0.3.1", "192.0.4.1", "192.0.5.1") == ["in", "in", "rate"]
    visit.now = 1.0
    assert visit.crowd("192.0.2.1", "192.0.2.1") == ["in", "subnet_rate"]


def test_subnets_are_forgotten_once_they_have_been_quiet() -> None:
    visit = Visit(connects_burst_per_subnet=2, max_connects_per_second_per_subnet=1)
    visit.crowd("192.0.2.1", "192.0.3.1", "192.0.3.1")
    visit.stack.close()
    visit.now = 1.0
    visit.door.tidy()
    assert visit.crowd("192.0.3.1", "192.0.3.1") == ["in", "subnet_rate"]
    visit.stack.close()
    visit.now = 10.0
    visit.door.tidy()
    assert not visit.door._buckets
    assert not visit.door.inside


# -- with sockets


async def test_five_hundred_connects_in_a_second_are_bounded_and_a_peer_notices_nothing(running: Running) -> None:
    async with running(2, connects_burst=20, max_connects_per_second=1, max_handshakes=500) as (a, b):
        stream = await a.open(b)
        await assert_echoes(stream)
        crowd = []
        for number in range(500):
            crowd.append(await connect(b))
            if number % 50 == 0:
                await assert_echoes(stream, b"%d" % number)
        stats = b.transport.stats()
        assert stats["refused_rate"] + stats["handshakes"] + stats["connections"] + stats["handshakes_dropped"] <= 501
        await until(lambda: b.transport.stats()["refused_rate"] >= 470)
        assert b.transport.stats()["handshakes"] <= 30
        await assert_echoes(stream)
        assert b.transport.connected() == (a.id,)
        for _, writer in crowd:
            writer.close()
        assert {level for level, *_ in b.log.lines} <= {"debug"}


async def test_whom_the_rate_refuses_is_closed_unread_and_may_come_later(running: Running) -> None:
    async with running(1, connects_burst=1, max_connects_per_second=50) as (a,):
        first, second = await connect(a), await connect(a)
        with anyio.fail_after(TIMEOUT):
            assert await answer(first[0]) == "/multistream/1.0.0"
            assert await closed(second[0])
            while not await answer((third := await connect(a))[0]):
                third[1].close()
                await anyio.sleep(0.01)
        for _, writer in (first, second, third):
            writer.close()


@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
def test_where_a_peer_comes_from_is_known_for_both_families(loopback: str) -> None:
    family = socket.AF_INET6 if ":" in loopback else socket.AF_INET
    with socket.create_server((loopback, 0), family=family) as server, socket.socket(family) as client:
        client.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            assert remote_host(peer) == remote_host(client) == loopback
            assert has_way(peer, outgoing=False)
            assert has_way(client, outgoing=True)


def test_a_connection_from_another_address_than_today_has_lost_its_way_if_we_made_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.2", 0))  # the machine would choose 127.0.0.1
        client.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            assert not has_way(client, outgoing=True)
            assert has_way(client, outgoing=False)


def test_a_closed_connection_has_no_way_and_comes_from_nowhere() -> None:
    client = socket.socket()
    client.close()
    assert not has_way(client, outgoing=False)
    assert remote_host(client) is None
    assert remote_host(object()) is None
    assert has_way(object(), outgoing=True)  # it has no socket of its own to tell by
