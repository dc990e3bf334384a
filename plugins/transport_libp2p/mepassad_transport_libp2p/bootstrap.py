"""Staying connected to the bootstrap nodes: dialled at start, and again with back-off whenever they are lost."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Container, Sequence

import anyio

from mepassad.api import PluginContext, StreamClosed, Unreachable
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.address import parse_dial

FIRST_DELAY = 1.0
LAST_DELAY = 300.0
"""Seconds between two attempts: doubled from the first to the last, each varied by up to a quarter."""

Connect = Callable[[NodeId, Sequence[str]], Awaitable[None]]


class Bootstrap:
    """One task for each bootstrap node. `connected` tells who is."""

    def __init__(self, context: PluginContext, connect: Connect, connected: Container[NodeId]) -> None:
        self._context = context
        self._connect = connect
        self._connected = connected
        self._nodes = _by_node(context.config.bootstrap)
        self._scope = anyio.CancelScope()
        self._lost = anyio.Event()

    def start(self) -> None:
        """Begin to dial."""
        if self._nodes:
            self._context.tasks.start_soon(self._run)

    def stop(self) -> None:
        """Dial no more."""
        self._scope.cancel()

    def wake(self) -> None:
        """Somebody was lost; look whether it was one of ours."""
        self._lost.set()
        self._lost = anyio.Event()

    async def _run(self) -> None:
        with self._scope:
            async with anyio.create_task_group() as tasks:
                for node, addresses in self._nodes.items():
                    tasks.start_soon(self._keep, node, addresses)

    async def _keep(self, node: NodeId, addresses: Sequence[str]) -> None:
        delay = FIRST_DELAY
        while True:
            try:
                await self._connect(node, addresses)
            except Unreachable as error:
                self._context.log.debug("bootstrap node not reached", node=node, reason=error.sentence)
            except StreamClosed:
                return
            else:
                self._context.log.info("bootstrap node connected", node=node)
                delay = FIRST_DELAY
                while node in self._connected:
                    await self._lost.wait()
            await self._context.clock.sleep(delay * random.uniform(0.75, 1.25))  # noqa: S311 no secret
            delay = min(delay * 2, LAST_DELAY)


def _by_node(addresses: Sequence[str]) -> dict[NodeId, list[str]]:
    """Bootstrap addresses by the node they name."""
    nodes: dict[NodeId, list[str]] = {}
    for text in addresses:
        peer = parse_dial(text).peer
        if peer is not None:
            nodes.setdefault(NodeId(peer), []).append(text)
    return nodes
