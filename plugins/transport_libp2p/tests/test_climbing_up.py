"""From relays to direct ways: with whom holes are punched, how often, and what becomes of the relayed connection."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import trio
import trio.testing
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.peer.id import ID
from libp2p.rcmgr import Direction
from mepassad_transport_libp2p.climbing import WAITS, Climbing

from mepassad.api import Unreachable
from mepassad.testing.component import Lines

ANA, BRUNO = ID(b"ana"), ID(b"bruno")


class Net:
    """Connections without a network, and holes that open when a test says so."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.connections: list[Any] = []
        self.punched: list[ID] = []
        self.open = False
        self.climbed: list[str] = []
        swarm: Any = SimpleNamespace(
            get_connections=lambda peer=None: [
                one for one in self.connections if peer in (None, one.muxed_conn.peer_id)
            ],
            crowd=SimpleNamespace(idle=lambda one: 11.0),
        )
        self.climbing = Climbing(swarm, Lines())
        self.climbing.puncher = SimpleNamespace(punch=self.punch, direct=lambda peer: None)  # type: ignore[assignment]
        self.climbing.spawn = nursery.start_soon
        self.climbing.climbed = self.climbed.append

    async def punch(self, relayed: Any) -> None:
        self.punched.append(relayed.muxed_conn.peer_id)
        if not self.open:
            raise Unreachable

    async def up(self, peer: ID, how: Direction = Direction.INBOUND, relayed: bool = True) -> SwarmConn:
        """A connection comes up."""
        muxed: Any = SimpleNamespace(peer_id=peer, is_closed=False)
        connection = SwarmConn(muxed, SimpleNamespace(), direction=how)  # type: ignore[arg-type]
        address = "/p2p/x/p2p-circuit" if relayed else "/ip4/192.0.2.1/tcp/1"
        connection.get_transport_addresses = lambda: [address]  # type: ignore[method-assign,list-item,return-value]
        self.connections.append(connection)
        await self.climbing.connected(None, connection)  # type: ignore[arg-type]
        return connection


def in_no_time(test: Callable[[Net], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test in trio whose clock goes on whenever all wait."""

    def run() -> None:
        async def main() -> None:
            async with trio.open_nursery() as nursery:
                await test(Net(nursery))
                nursery.cancel_scope.cancel()

        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))

    run.__name__ = test.__name__
    return run


@in_no_time
async def test_a_hole_is_asked_for_by_the_end_that_a_contact_dialled_a_few_times_and_no_more(net: Net) -> None:
    net.climbing.prefer({ANA})
    await net.up(ANA)
    await net.up(ANA, Direction.OUTBOUND)
    await trio.sleep(1000)
    assert net.punched == [ANA] * len(WAITS)


@in_no_time
async def test_nothing_is_punched_for_a_stranger_nor_for_a_contact_that_is_one_no_more(net: Net) -> None:
    net.climbing.prefer({ANA})
    await net.up(BRUNO)
    net.climbing.prefer({BRUNO})
    await net.up(ANA)
    await trio.sleep(1)
    net.climbing.prefer({ANA})
    await trio.sleep(1000)
    assert net.punched == [BRUNO] + [ANA] * len(WAITS)


@in_no_time
async def test_the_end_that_dialled_the_direct_way_tells_of_it_and_only_where_there_was_a_relay(net: Net) -> None:
    await net.up(BRUNO, Direction.OUTBOUND, relayed=False)
    relayed = await net.up(ANA)
    await net.up(ANA, Direction.INBOUND, relayed=False)
    assert net.climbed == []
    await net.up(ANA, Direction.OUTBOUND, relayed=False)
    assert net.climbed == [str(ANA)]
    assert net.climbing.idle() == []
    net.climbing.puncher.direct = lambda peer: relayed  # type: ignore[method-assign]
    assert net.climbing.idle() == [relayed]
