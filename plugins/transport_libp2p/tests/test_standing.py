"""How a node stands in the net is learnt from what servers see of the ports on which it listens, and from who comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hosts import Cured, cured, until
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.rcmgr import Direction
from mepassad_transport_libp2p.address import parse_dial
from mepassad_transport_libp2p.compat.identify import Seen
from mepassad_transport_libp2p.standing import Standing
from stock import in_trio

from mepassad.api.types import NodeId

SHOWN = Seen("198.51.100.1", "tcp", 14001)


async def served(client: Cured, server: Cured) -> Any:
    """A connection to a server, from the port that listens."""
    addresses = [parse_dial(str(address)) for address in server.addresses()]
    return await client.node.reaching.serve_from(NodeId(str(server.id)), addresses)


@in_trio
async def test_a_server_is_dialled_from_the_port_that_listens_and_tells_as_whom_it_sees_it() -> None:
    async with cured(2) as (server, client):
        await served(client, server)
        (own,) = client.addresses()
        await until(lambda: client.node.standing.reachability().observed == (str(own),))
        assert [str(seen.address()) for seen in client.node.standing.seen()] == [str(own)]


@in_trio
async def test_what_is_seen_of_any_other_port_punches_no_hole() -> None:
    async with cured(2) as (server, client):
        await client.connect(server)
        await until(lambda: bool(client.host.observations.all()))
        assert client.node.standing.seen() == []


@in_trio
async def test_two_servers_tell_one_kind_of_nat_from_the_other() -> None:
    async with cured(3) as (one, other, client):
        connections = [await served(client, server) for server in (one, other)]
        await until(lambda: len(client.host.observations.all()) == 2)
        standing = client.node.standing
        standing.learnt(connections[0], SHOWN)
        assert standing.reachability()[:2] == ("private", "symmetric")  # the other one sees us on loopback
        standing.learnt(connections[1], SHOWN)
        assert standing.reachability()[:2] == ("private", "cone")
        standing.network_changed()
        assert standing.reachability()[:2] == ("unknown", "unknown")


class Connection(SimpleNamespace):
    """What a test knows of a connection; it can be counted."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def came(host: str, relayed: bool = False) -> Any:
    """A connection that came up from a host."""
    address = "/p2p/x/p2p-circuit" if relayed else "/ip4/192.0.2.1/tcp/1"
    muxed = SimpleNamespace(get_remote_address=lambda: (host, 1), peer_id="peer")
    return Connection(muxed_conn=muxed, get_transport_addresses=lambda: [address], is_closed=False)


def dialled(host: str) -> Any:
    """A connection to another node at a host, which this one has made."""
    muxed = SimpleNamespace(get_remote_address=lambda: (host, 2), peer_id="other")
    return SwarmConn(muxed, SimpleNamespace(), direction=Direction.OUTBOUND)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("connection", "others", "public"),
    [
        (came("1.1.1.1"), [], True),
        (came("192.168.1.9"), [], False),
        (came("1.1.1.1", relayed=True), [], False),
        (came("1.1.1.1"), [came("1.1.1.1", relayed=True)], False),
        (came("1.1.1.1"), [dialled("1.1.1.1")], False),
        (came("1.1.1.1"), [dialled("1.1.1.2")], True),
    ],
)
def test_who_comes_in_from_the_net_without_a_hole_being_punched_shows_that_others_can(
    connection: Any, others: list[Any], public: bool
) -> None:
    every = [connection, *others]
    find = lambda peer=None: [one for one in every if peer in (None, one.muxed_conn.peer_id)]  # noqa: E731
    swarm: Any = SimpleNamespace(get_connections=find, listeners={})
    standing = Standing(swarm, lambda: ["192.0.2.1"])
    standing.came(connection)
    assert (standing.reachability().kind == "public") is public


def test_what_is_seen_of_ipv4_and_of_ipv6_is_not_taken_for_a_nat_that_varies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Standing, "_from_listener", lambda self, connection: True)
    swarm: Any = SimpleNamespace(get_connections=lambda peer=None: [], listeners={})
    standing = Standing(swarm, lambda: ["192.168.1.2", "2001:db8::2"])
    servers = {name: came("192.0.2.1") for name in "abc"}
    for name, server in servers.items():
        server.muxed_conn.peer_id = name
    six = Seen("2001:db8::2", "tcp", 4001)
    standing.learnt(servers["a"], SHOWN)
    standing.learnt(servers["b"], six)
    assert standing.reachability().nat == "none"  # of IPv4 only one server has told
    standing.learnt(servers["c"], SHOWN)
    assert standing.reachability().nat == "cone"
    assert standing.seen() == [SHOWN, six]
    standing.learnt(servers["c"], SHOWN._replace(port=2))
    assert standing.reachability().nat == "symmetric"
