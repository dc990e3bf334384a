"""What every transport must do about the network around it; a part of `transport_contract`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup

from mepassad.api import Component
from mepassad.api.transport import Transport
from mepassad.api.types import NodeId
from mepassad.testing.transport_node import TIMEOUT, Node, assert_echoes, run_node, until


class TransportSuite:
    """Nodes that a suite makes; they differ in their seed (and so their id) and data folder only."""

    component: Component[Transport]

    def config(self) -> Any:
        """The plugin's configuration section for one node."""
        raise NotImplementedError

    @asynccontextmanager
    async def nodes(self, folder: Path, count: int) -> AsyncIterator[list[Node]]:
        """`count` listening nodes that are stopped at the end."""
        async with anyio.create_task_group() as tasks:
            nodes = [await self.start(tasks, folder, number) for number in range(count)]
            try:
                with anyio.fail_after(2 * TIMEOUT):
                    yield nodes
            finally:
                for node in nodes:
                    node.leave.set()

    async def start(self, tasks: TaskGroup, folder: Path, number: int) -> Node:
        """Start the node whose seed is made of `number`."""
        seed = bytes([number + 1]) * 32
        component = type(self).component
        node: Node = await tasks.start(run_node, component, self.config(), seed, folder / str(number))
        return node


class NetworkContract(TransportSuite):
    """Changes of the network, preferred nodes, numbers."""

    async def test_a_change_of_the_network_leaves_alone_what_still_works(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            stream = await a.open(b)
            for node in (a, b):
                await node.transport.network_changed()
            await assert_echoes(stream)
            assert (a.lost, b.lost) == ([], [])
            assert a.transport.connected() == (b.id,)

    async def test_who_is_preferred_can_be_said_anew_and_of_anybody(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 3) as (a, b, c):
            for nodes in ([b.id], [c.id, NodeId("junk"), NodeId("")], []):
                a.transport.prefer(nodes)
                await assert_echoes(await b.open(a))
                await assert_echoes(await c.open(a))

    async def test_servers_are_passed_over_where_they_are_none_or_nobody_is_there(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 3) as (a, b, c):
            gone = c.transport.addresses()
            await c.stop()
            for servers in (["", "junk", "/p2p/" + b.id], a.transport.addresses(), gone, []):
                a.transport.use_servers(servers)
                await assert_echoes(await a.open(b))
                await assert_echoes(await b.open(a))

    async def test_who_follows_hears_of_no_move_and_of_no_climb_where_there_is_none(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            heard: list[object] = []
            for node in (a, b):
                node.transport.follow(lambda: heard.append("moved"), heard.append)
            before = a.transport.addresses()
            await assert_echoes(await a.open(b))
            await assert_echoes(await b.open(a))
            assert (heard, a.transport.addresses()) == ([], before)

    async def test_how_a_node_stands_is_said_in_the_words_of_the_contract(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            for _ in range(2):
                found = a.transport.reachability()
                assert found.kind in ("public", "private", "unknown")
                assert found.nat in ("none", "cone", "symmetric", "unknown")
                assert not [address for address in found.observed if "/p2p/" in address]
                await assert_echoes(await b.open(a))
                await a.transport.network_changed()

    async def test_stats_are_numbers_by_name_and_count_connections(self, tmp_path: Path) -> None:
        async with self.nodes(tmp_path, 2) as (a, b):
            assert a.transport.stats()["connections"] == 0
            await a.open(b)
            await until(lambda: a.transport.stats()["connections"] == b.transport.stats()["connections"] == 1)
            assert all(isinstance(number, int) for number in a.transport.stats().values())
            await b.stop()
            await until(lambda: a.transport.stats()["connections"] == 0)
