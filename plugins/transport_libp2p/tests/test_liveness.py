"""Who is still there: who is asked, when, and whose connection is closed."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import anyio
import pytest
import trio
import trio.testing
from inside import connections, swarm_of, within
from libp2p.abc import INetConn
from mepassad_transport_libp2p import liveness
from mepassad_transport_libp2p.compat.ends import socket_of
from mepassad_transport_libp2p.config import Config
from running import Running

from mepassad.testing.component import Lines
from mepassad.testing.transport_node import TIMEOUT, Node, assert_echoes, until


class Deaf:
    """Makes a node's pings go unanswered on some connections; counts pings."""

    def __init__(self, node: Node, *deaf: INetConn) -> None:
        self.pinged: list[INetConn] = []
        self._watch, self._deaf = node.transport._host._liveness, deaf  # type: ignore[attr-defined]
        self._ask = self._watch._ask
        self._watch._ask = self

    async def __call__(self, connection: INetConn) -> bool:
        self.pinged.append(connection)
        return connection not in self._deaf and bool(await self._ask(connection))


class Silent:
    """A swarm of one connection whose peer answers after `delay` seconds."""

    is_closed = False

    def __init__(self, delay: float) -> None:
        self.delay, self.dropped, self.counts = delay, list[object](), Counter[str]()
        self.crowd = self.muxed_conn = self.peer_id = self

    async def ask(self, connection: object) -> bool:
        await trio.sleep(self.delay)
        return True

    async def drop(self, connection: object) -> None:
        self.dropped.append(connection)


@pytest.mark.parametrize(("delay", "dropped"), [(2.99, 0), (3.01, 1), (math.inf, 1)])
def test_a_peer_in_doubt_has_three_seconds_to_answer(delay: float, dropped: int) -> None:
    peer: Any = Silent(delay)
    watch = liveness.Liveness(peer, peer.ask, Config(), Lines())
    trio.run(watch.probe, peer, clock=trio.testing.MockClock(autojump_threshold=0))
    assert len(peer.dropped) == peer.counts["closed_dead"] == dropped


async def test_after_a_change_of_the_network_who_does_not_answer_is_closed_and_the_others_stay(
    running: Running,
) -> None:
    async with running(3) as (a, b, c):
        await a.open(b)
        stream = await c.open(a)
        Deaf(a, *connections(a, b))
        await a.transport.network_changed()
        await until(lambda: a.lost == [b.id])
        await assert_echoes(stream)
        assert (a.transport.connected(), a.transport.stats()["closed_dead"]) == ((c.id,), 1)


async def test_after_a_change_of_the_network_what_lost_its_way_is_closed_unasked(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(3) as (a, b, c):
        await a.open(b)
        await assert_echoes(await a.open(c))
        (doomed,) = connections(a, b)
        monkeypatch.setattr(liveness, "has_way", lambda connection, ours: connection is not doomed and ours)
        asked = Deaf(a)
        await a.transport.network_changed()
        await until(lambda: a.lost == [b.id])
        await until(lambda: asked.pinged == connections(a, c))


async def test_a_peer_that_comes_anew_is_asked_on_its_older_connections(running: Running) -> None:
    async with running(2) as (a, b):
        await a.open(b)
        (older,) = connections(b, a)
        asked = Deaf(b)
        host = a.transport._host  # type: ignore[attr-defined]
        await within(a, host.connect, b.id, b.transport.addresses(), connections(a, b))
        await until(lambda: asked.pinged == [older])
        assert b.lost == []


async def test_contacts_that_were_dialled_are_pinged_and_no_others(running: Running) -> None:
    async with running(3, keep_alive=0.05) as (a, contact, other):
        a.transport.prefer([contact.id])
        contact.transport.prefer([a.id])
        await a.open(contact)
        await a.open(other)
        (ours,) = connections(a, contact)
        asked, theirs = Deaf(a), Deaf(contact)
        await until(lambda: len(asked.pinged) >= 3)
        assert set(asked.pinged) == {ours}
        assert theirs.pinged == []
        assert a.lost == []


async def test_who_pings_does_not_idle(running: Running) -> None:
    async with running(2) as (a, b):
        await within(a, a.transport._host.connect, b.id, b.transport.addresses(), ())  # type: ignore[attr-defined]
        (ours,), (theirs,) = connections(a, b), connections(b, a)
        await until(lambda: not theirs.get_streams())
        crowd: Any = swarm_of(b).crowd
        crowd._used[theirs] -= 100
        assert crowd.idle(theirs) >= 100
        await within(a, ours.muxed_conn.answered)  # type: ignore[attr-defined]
        assert crowd.idle(theirs) < 100


async def test_a_contact_that_answers_no_ping_is_lost(running: Running) -> None:
    async with running(2, keep_alive=0.05, dead_peer_timeout=1.0) as (a, contact):
        a.transport.prefer([contact.id])
        await a.open(contact)
        Deaf(a, *connections(a, contact))
        await until(lambda: a.lost == [contact.id])


async def test_on_a_metered_link_nobody_is_pinged_and_silence_lasts_longer(running: Running) -> None:
    async with running(2, keep_alive=0.01, metered=True, dead_peer_timeout=30.0) as (a, contact):
        a.transport.prefer([contact.id])
        asked = Deaf(a)
        stream = await a.open(contact)
        for _ in range(20):
            await assert_echoes(stream)
            await anyio.sleep(0.01)
        assert asked.pinged == []
        assert swarm_of(a).transport_manager.get_transports()[0]._timeout == 300.0


async def test_a_connection_that_takes_no_more_is_closed_and_forgotten_all_the_same(running: Running) -> None:
    async with running(2) as (a, b):
        stream = await a.open(b)
        (stuck,) = connections(a, b)
        await within(a, _jam, stuck)
        with anyio.fail_after(TIMEOUT):
            await within(a, swarm_of(a).drop, stuck)
            assert await stream.read() == b""
        await until(lambda: a.lost == [b.id] and b.lost == [a.id])
        assert a.transport.stats()["connections"] == 0


async def _jam(connection: Any) -> None:
    """As a writer does whose bytes the network does not take."""
    trio.lowlevel.spawn_system_task(_hold, connection.muxed_conn)


async def _hold(muxed: Any) -> None:
    sock = socket_of(muxed)
    async with muxed._write_lock:
        while sock.fileno() >= 0:
            await trio.sleep(0.01)
