"""Cures of a relay's limits: each works; a `…stock…` test that fails means that its cure may go."""

from __future__ import annotations

import math
import time

import pytest
import trio
import trio.testing
from hosts import echoes, until
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.protocol import CircuitV2Protocol
from libp2p.relay.circuit_v2.resources import RelayLimits as StockLimits
from libp2p.relay.circuit_v2.resources import RelayResourceManager
from libp2p.relay.circuit_v2.resources import Reservation as StockReservation
from mepassad_transport_libp2p.circuits import Carried
from mepassad_transport_libp2p.compat import relay_server
from mepassad_transport_libp2p.compat.circuit import MAX_ADDRESSES
from mepassad_transport_libp2p.compat.relay_server import RelayLimits, RelayServer
from multiaddr import Multiaddr  # type: ignore[import-untyped]
from relaying import relayed
from stock import in_trio

from mepassad.api import Unreachable

STOCK_LIMITS = StockLimits(duration=3600, data=1 << 30, max_circuit_conns=100, max_reservations=100)


@in_trio
async def test_a_relay_has_so_many_places_and_that_of_a_node_that_left_is_free_again() -> None:
    async with relayed(3, reservations=2) as them:
        a, b, c = them.hosts
        for host in (a, b, a):  # to renew takes no second place
            await them.reserve(host)
        with pytest.raises(Unreachable, match="has no place left"):
            await them.reserve(c)
        (connection,) = a.swarm.get_connections(them.relay.id)
        await a.swarm.drop(connection)
        await until(lambda: a.id not in them.server.reserved())
        await them.reserve(c)
        with pytest.raises(Unreachable, match="no connection to the relay"):
            await them.reserve(a)


@in_trio
async def test_a_place_lasts_as_long_as_was_said() -> None:
    async with relayed(2, lifetime=1) as them:
        a, b = them.hosts
        await them.reserve(b)
        assert them.server.reserved() == (b.id,)
        them.server._expiry[b.id] -= 1
        with pytest.raises(Unreachable, match="does not know the node"):
            await them.dial(a, b)


def test_a_place_lasts_on_when_the_clock_of_the_relay_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with relayed(2) as them:
            a, b = them.hosts
            await them.reserve(b)
            later = time.time() + 7200
            monkeypatch.setattr(time, "time", lambda: later)
            assert await echoes(await them.dial(a, b))

    in_trio(main)()


@in_trio
async def test_of_a_relay_with_many_addresses_clients_are_told_the_public_ones_and_a_few_others() -> None:
    async with relayed(1) as them:
        (a,) = them.hosts
        many = [f"/ip4/10.{number}.0.1/tcp/4001" for number in range(80)] + ["/ip4/5.0.0.1/tcp/4001"]
        them.server._addresses = lambda: list(map(Multiaddr, many))
        place = await them.clients[a.id].reserve(them.relay.id)
        assert len(place.addresses) == MAX_ADDRESSES
        assert str(place.addresses[0]) == f"/ip4/5.0.0.1/tcp/4001/p2p/{them.relay.id}"


@pytest.mark.parametrize("limits", [{"circuits": 2}, {"circuits_per_peer": 2}])
def test_a_relay_carries_so_many_circuits(limits: dict[str, int]) -> None:
    async def main() -> None:
        async with relayed(4, **limits) as them:
            a, b, c, d = them.hosts
            await them.reserve(b)
            first, _ = await them.dial(a, b), await them.dial(c, b)
            with pytest.raises(Unreachable, match="carries as many"):
                await them.dial(d, b)
            await a.swarm.drop(first)
            await until(lambda: them.server.circuits == 1)
            assert await echoes(await them.dial(d, b))

    in_trio(main)()


@in_trio
async def test_one_node_has_so_many_circuits_to_others() -> None:
    async with relayed(3, circuits_per_peer=1) as them:
        a, b, c = them.hosts
        await them.reserve(b)
        await them.reserve(c)
        await them.dial(a, b)
        with pytest.raises(Unreachable, match="carries as many"):
            await them.dial(a, c)


class Pipe:
    """A stream that has some chunks to read, then waits or ends; what is written to it is kept."""

    def __init__(self, *chunks: bytes, ends: bool = False, takes: bool = True) -> None:
        self.chunks = list(chunks)
        self.ends = ends
        self.takes = takes
        self.written = b""
        self.over = "open"

    async def read(self, n: int | None = None) -> bytes:
        if not self.chunks and not self.ends:
            await trio.sleep_forever()
        return self.chunks.pop(0) if self.chunks else b""

    async def write(self, data: bytes) -> None:
        if not self.takes:
            await trio.sleep_forever()
        self.written += data

    async def close(self) -> None:
        self.over = "closed"

    async def reset(self) -> None:
        self.over = "reset"


def carried(one: Pipe, other: Pipe, **limits: int) -> tuple[bool, float]:
    """Join two pipes: whether both ended by themselves, and after how many seconds (of virtual time) all was over."""
    server = RelayServer(None, RelayLimits(**limits), list)  # type: ignore[arg-type]
    circuit = Carried(ID(b"a"), ID(b"b"), None)

    async def main() -> tuple[bool, float]:
        started = trio.current_time()
        with trio.move_on_after(1_000_000):
            return await server._join(one, other, circuit), trio.current_time() - started  # type: ignore[arg-type]
        return False, math.inf

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_circuit_carries_as_many_bytes_as_it_may_both_ways_together() -> None:
    assert carried(Pipe(b"abc", ends=True), Pipe(b"de", ends=True), data=5)[0]
    one, other = Pipe(b"abc"), Pipe(b"de")
    assert carried(one, other, data=4)[0] is False
    assert len(one.written + other.written) < 5


def test_a_circuit_without_limits_carries_anything_for_ever() -> None:
    assert carried(Pipe(b"x" * 100_000), Pipe()) == (False, math.inf)


def test_a_circuit_on_which_nothing_is_said_ends_in_time_too() -> None:
    assert carried(Pipe(), Pipe(), duration=120) == (False, 120)


def test_a_circuit_ends_when_one_side_takes_nothing_or_has_left() -> None:
    assert carried(Pipe(b"x"), Pipe(takes=False)) == (False, relay_server.STALL)
    assert carried(Pipe(ends=True), Pipe()) == (False, relay_server.GRACE)


def test_stock_takes_no_limit_of_data_for_a_limit_of_none() -> None:
    assert not StockReservation(ID(b"x"), StockLimits(0, 0, 1, 1)).track_data_transfer(1)


def test_a_stock_circuit_on_which_nothing_is_said_never_ends() -> None:
    async def main() -> bool:
        protocol = CircuitV2Protocol.__new__(CircuitV2Protocol)
        protocol.resource_manager = RelayResourceManager(STOCK_LIMITS)
        protocol._active_relays = {}
        with trio.move_on_after(3600) as waited:
            soon = time.monotonic() + 0.05  # the library looks at the real clock
            await protocol._relay_data(Pipe(), Pipe(), ID(b"x"), deadline=soon)  # type: ignore[arg-type]
        return waited.cancelled_caught

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
