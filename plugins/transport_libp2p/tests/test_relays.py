"""Nodes that listen nowhere are reached over relays: who gives a place, what is told, and which way is taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import pytest
from mepassad_transport_libp2p.compat.relay_server import RelayLimits, RelayServer
from mepassad_transport_libp2p.relay import Libp2pRelay
from mepassad_transport_libp2p.relays import FIRST_WAIT
from running import Running

from mepassad.api import Unreachable
from mepassad.testing.transport_node import ECHO, Node, assert_echoes, until


def host_of(node: Node) -> Any:
    return node.transport._host  # type: ignore[attr-defined]


def lend(node: Node, **limits: int) -> RelayServer:
    """Let a node be a relay."""
    server: RelayServer = host_of(node).relay(RelayLimits(**limits))
    server.start()
    return server


def places(node: Node) -> int:
    return node.transport.stats()["relay_places"]


@asynccontextmanager
async def behind(running: Running, *relays: Node, **settings: Any) -> AsyncIterator[list[Node]]:
    """Two nodes that listen nowhere, with places at relays."""
    bootstrap = tuple(relay.transport.addresses()[0] for relay in relays)
    async with AsyncExitStack() as stack:
        section = {"listen": (), "bootstrap": bootstrap, "relay_after_ms": 0, **settings}
        nodes = await stack.enter_async_context(running(2, first=10, **section))
        for node in nodes:
            await until(lambda node=node: places(node) == min(len(relays), settings.get("relays", 2)))  # type: ignore[misc]
        yield nodes


async def test_a_node_that_listens_nowhere_is_told_and_reached_behind_its_relay(running: Running) -> None:
    async with running(1) as (relay,):
        server = lend(relay)
        async with behind(running, relay) as (a, b):
            (address,) = b.transport.addresses()
            assert address == f"{relay.transport.addresses()[0]}/p2p-circuit/p2p/{b.id}"
            assert a.transport.can_dial(address)
            stream = await a.open(b)
            assert stream.route == "relayed"
            await assert_echoes(stream, b"over a relay")
            assert server.stats()["circuits_made"] == 1
            lent = Libp2pRelay(server).used()
            assert lent[a.id] == lent[b.id] > 0


async def test_who_is_not_admitted_gets_no_place(running: Running) -> None:
    async with running(1) as (relay,):
        server: RelayServer = host_of(relay).relay(RelayLimits())
        asked: list[str] = []
        Libp2pRelay(server).serve(lambda node: bool(asked.append(node)))
        async with running(1, first=10, listen=(), bootstrap=relay.transport.addresses()[:1]) as (node,):
            await until(lambda: node.id in asked)
            assert server.reserved() == ()
            assert node.transport.addresses() == ()
            await until(lambda: server.stats()["refused"] >= 1)


async def test_a_relay_that_is_named_again_is_asked_at_once(running: Running) -> None:
    async with running(1) as (relay,):
        server: RelayServer = host_of(relay).relay(RelayLimits())
        admitted: list[str] = []
        Libp2pRelay(server).serve(lambda node: node in admitted)
        async with running(1, first=10, listen=(), bootstrap=relay.transport.addresses()[:1]) as (node,):
            await until(lambda: server.stats()["refused"] >= 1)
            admitted.append(node.id)
            with anyio.fail_after(FIRST_WAIT / 2):
                node.transport.use_servers(relay.transport.addresses()[:1])
                await until(lambda: places(node) == 1)


async def test_a_lost_relay_is_told_and_another_takes_its_place(running: Running) -> None:
    async with running(3) as (first, second, third):
        for relay in (first, second, third):
            lend(relay)
        async with behind(running, first, second, third) as (a, _):
            moved: list[None] = []
            a.transport.follow(lambda: moved.append(None), lambda node: None)
            before = a.transport.addresses()
            used = next(relay for relay in (first, second, third) if relay.id in before[0])
            await used.stop()
            await until(lambda: used.id not in str(a.transport.addresses()) and places(a) == 2)
            assert moved
            assert a.transport.addresses() != before


async def test_servers_that_the_node_is_told_of_are_asked_and_junk_is_passed_over(running: Running) -> None:
    async with running(1) as (relay,):
        lend(relay)
        async with running(1, first=10, listen=()) as (node,):
            node.transport.use_servers(("", "/ip4/127.0.0.1/tcp/1", relay.transport.addresses()[0]))
            await until(lambda: places(node) == 1)


async def test_a_node_that_wants_no_relays_has_no_place_at_any(running: Running) -> None:
    async with running(1) as (relay,):
        lend(relay)
        async with behind(running, relay, relays=0) as (node, _):
            await until(lambda: relay.id in node.transport.connected())
            assert node.transport.addresses() == ()


async def test_a_node_that_can_be_dialled_is_not_reached_over_its_relay(running: Running) -> None:
    async with running(1) as (relay,):
        server = lend(relay)
        bootstrap = (relay.transport.addresses()[0],)
        async with running(2, first=10, bootstrap=bootstrap, relay_after_ms=60_000) as (a, b):
            await until(lambda: places(b) == 1)
            assert len(b.transport.addresses()) == 2
            stream = await a.open(b)
            assert stream.route == "direct"
            assert server.stats()["circuits_made"] == 0


async def test_a_node_that_is_behind_no_relay_any_more_is_unreachable_and_its_relay_is_named(running: Running) -> None:
    async with running(1) as (relay,):
        server = lend(relay)
        async with behind(running, relay) as (a, b):
            address = b.transport.addresses()
            await b.stop()
            await until(lambda: len(server.reserved()) == 1)
            with pytest.raises(Unreachable, match=f"The relay {relay.id} does not know the node"):
                await a.transport.open(b.id, address, ECHO)
