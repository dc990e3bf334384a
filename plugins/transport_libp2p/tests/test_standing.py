"""How a node stands in the net is learnt from what servers see of the ports on which it listens, and from who comes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hosts import Cured, cured, until
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


def came(host: str, relayed: bool = False) -> Any:
    """A connection that came up from a host."""
    address = "/p2p/x/p2p-circuit" if relayed else "/ip4/192.0.2.1/tcp/1"
    muxed = SimpleNamespace(get_remote_address=lambda: (host, 1), peer_id="peer")
    return SimpleNamespace(muxed_conn=muxed, get_transport_addresses=lambda: [address], is_closed=False)


@pytest.mark.parametrize(
    ("connection", "others", "public"),
    [
        (came("1.1.1.1"), [], True),
        (came("192.168.1.9"), [], False),
        (came("1.1.1.1", relayed=True), [], False),
        (came("1.1.1.1"), [came("1.1.1.1", relayed=True)], False),
    ],
)
def test_who_comes_in_from_the_net_without_a_hole_being_punched_shows_that_others_can(
    connection: Any, others: list[Any], public: bool
) -> None:
    swarm: Any = SimpleNamespace(get_connections=lambda peer: [connection, *others], listeners={})
    standing = Standing(swarm, lambda: ["192.0.2.1"])
    standing.came(connection)
    assert (standing.reachability().kind == "public") is public
