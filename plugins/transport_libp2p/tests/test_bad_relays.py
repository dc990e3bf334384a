"""Relays that give and take, lie, change what they carry, or are named by the hundred: what a node makes of them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
from hosts import ECHO, Cured, cured, echoes, until
from libp2p.abc import INetStream
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Reservation, Status
from mepassad_transport_libp2p import relays
from mepassad_transport_libp2p.address import parse_dial
from mepassad_transport_libp2p.compat import relay_server
from mepassad_transport_libp2p.compat.circuit import HOP, Circuit, open_stream, receive, send
from mepassad_transport_libp2p.compat.relay_client import Reserved
from mepassad_transport_libp2p.relays import FIRST_WAIT, LAST_WAIT, MAX_KNOWN, MAX_SERVERS, RENEW, Relays
from multiaddr import Multiaddr  # type: ignore[import-untyped]
from relaying import relayed
from stock import in_trio

from mepassad.api.types import NodeId

HOUR = 3600


class BadRelay:
    """A relay that grants whatever is asked, until some seconds from now by its clock."""

    def __init__(self, relay: Cured, lifetime: int = HOUR, told: tuple[str, ...] = (), hangs_up: bool = False) -> None:
        self.relay, self.lifetime, self.told, self.hangs_up = relay, lifetime, told, hangs_up
        self.asked = 0
        relay.host.set_stream_handler(HOP, self)

    async def __call__(self, stream: INetStream) -> None:
        self.asked += 1
        await receive(stream, HopMessage)
        addresses = [Multiaddr(f"{text}/p2p/{self.relay.id}").to_bytes() for text in self.told]
        given = Reservation(expire=max(0, int(time.time()) + self.lifetime), addrs=addresses)
        await send(stream, HopMessage(type=HopMessage.STATUS, status=Status.OK, reservation=given))
        if self.hangs_up:
            await trio.sleep(0.05)
            for connection in self.relay.swarm.get_connections():
                await self.relay.swarm.drop(connection)


@asynccontextmanager
async def client_of(
    lifetime: int = HOUR, told: tuple[str, ...] = (), hangs_up: bool = False
) -> AsyncIterator[tuple[Relays, BadRelay]]:
    """What a node that uses a bad relay knows of relays."""
    async with cured(2) as (relay, client):
        bad = BadRelay(relay, lifetime, told, hangs_up)
        client.node.relays.use([f"{relay.addresses()[0]}/p2p/{relay.id}"])
        yield client.node.relays, bad


@in_trio
async def test_a_relay_that_takes_places_back_at_once_is_asked_with_back_off_and_contacts_are_told_rarely() -> None:
    async with client_of(hangs_up=True) as (found, bad):
        moved: list[None] = []
        found.changed = lambda: moved.append(None)
        await until(lambda: len(moved) == 2)  # came, and went
        await trio.sleep(0.5)
        assert (bad.asked, len(moved)) == (1, 2)
        (server,) = found._servers.values()
        assert server.wait == 2 * FIRST_WAIT
        found.network_changed()
        await until(lambda: bad.asked == 2)


@pytest.mark.parametrize("lifetime", [0, 1, 4 * HOUR, 1 << 40, -(1 << 40)])
def test_whatever_a_relay_says_of_time_its_place_is_renewed_neither_all_the_time_nor_too_late(lifetime: int) -> None:
    async def main() -> None:
        async with client_of(lifetime) as (found, bad):
            await until(lambda: found.stats()["relay_places"] == 1)
            (place,) = found._places.values()
            assert 0.5 < place.renew_at - place.since <= RENEW
            assert bad.asked == 1

    in_trio(main)()


@in_trio
async def test_a_relay_names_no_other_host_than_that_where_it_is() -> None:
    async with client_of(told=("/ip4/127.0.0.1/udp/9/quic-v1",)) as (found, _):
        await until(lambda: found.stats()["relay_places"] == 1)
        assert len(found.addresses()) == 2
        (place,) = found._places.values()
        told = [parse_dial(f"/ip4/{host}/udp/53/quic-v1/p2p/{place.server.node}") for host in ("5.0.0.1", "5.0.0.2")]
        seen = Multiaddr("/ip4/5.0.0.1/tcp/4001")
        place.server.addresses = [parse_dial(f"{seen}/p2p/{place.server.node}")]
        reserved = Reserved(0, tuple(Multiaddr(str(one)) for one in told))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(relays, "observed", lambda muxed: seen)
            (connection,) = found._reaching.live(place.peer)
            assert relays._known(place.server, connection, reserved) == (*place.server.addresses, told[0])


def names(count: int, first: int = 0) -> list[str]:
    """Addresses of as many nodes, of which none is there."""
    ids = [str(Cured(number).id) for number in range(1000 + first, 1000 + first + count)]
    return [f"/ip4/127.0.0.1/tcp/1/p2p/{node}" for node in ids]


@in_trio
async def test_servers_by_the_hundred_do_not_keep_out_those_that_come_later_nor_do_their_addresses() -> None:
    own, *others = names(MAX_SERVERS + 1)
    node = NodeId(own.rpartition("/")[2])
    found = Cured(1, bootstrap=(own,)).node.relays
    found.use([f"/ip4/127.0.0.1/tcp/{port}/p2p/{node}" for port in range(2, 100)])
    assert [one.port for one in found._servers[node].addresses] == [1, *range(100 - MAX_KNOWN + 1, 100)]
    found.use(others)
    assert len(found._servers) == MAX_SERVERS
    found.use(names(1, first=500))
    assert len(found._servers) == MAX_SERVERS
    for server in found._servers.values():
        server.wait = LAST_WAIT
    found.use(names(1, first=500))
    assert len(found._servers) == MAX_SERVERS
    assert names(1, first=500)[0].rpartition("/")[2] in found._servers
    assert node in found._servers


SAID = bytes(range(256)) * 800

FORWARDED = {
    "flips": lambda data: [bytes([data[0] ^ 1]) + data[1:]],
    "truncates": lambda data: [data[:-1]],
    "doubles": lambda data: [data, data],
    "reorders": lambda data: [data[len(data) // 2 :], data[: len(data) // 2]],
    "adds": lambda data: [data, b"\x00\x10" + bytes(16)],
}


@pytest.mark.parametrize("how", FORWARDED)
def test_what_a_relay_changes_on_the_way_ends_that_connection_and_nobody_takes_it_for_what_was_said(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    meddles = False

    class Meddling(Circuit):
        async def write(self, data: bytes) -> None:
            for part in FORWARDED[how](data) if meddles else [data]:
                await super().write(part)

    monkeypatch.setattr(relay_server, "Circuit", Meddling)

    async def main() -> None:
        nonlocal meddles
        async with relayed(2) as them:
            a, b = them.hosts
            await them.reserve(b)
            there = await them.dial(a, b)
            stream = await open_stream(there, ECHO)
            meddles = True
            with suppress(Exception):
                await stream.write(SAID)  # so much that also who waits for the rest of a frame gets it
            heard = b""
            with suppress(Exception):
                while len(heard) < len(SAID):
                    heard += await stream.read(1 << 16)
            assert SAID.startswith(heard)
            await until(lambda: there.is_closed and not b.swarm.get_connections(a.id))
            meddles = False
            assert await echoes(await them.dial(a, b))

    in_trio(main)()
