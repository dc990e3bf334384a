"""Staying connected to the bootstrap nodes: dialled at start, and again with back-off whenever they are lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence

import anyio

from mepassad.api import Backoff, PluginContext, StreamClosed, Unreachable
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.address import parse_dial

FIRST_DELAY = 1.0
LAST_DELAY = 300.0
"""Seconds between two attempts: doubled from the first to the last, each shorter by up to a quarter."""

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
        self._hurry = anyio.Event()
        self._slowness = context.config.slowness

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

    def hurry(self) -> None:
        """The network changed: dial at once what waits for its turn."""
        self._hurry.set()
        self._hurry = anyio.Event()

    async def _run(self) -> None:
        with self._scope:
            async with anyio.create_task_group() as tasks:
                for node, addresses in self._nodes.items():
                    tasks.start_soon(self._keep, node, addresses)

    async def _keep(self, node: NodeId, addresses: Sequence[str]) -> None:
        backoff = Backoff(FIRST_DELAY * self._slowness, LAST_DELAY * self._slowness, 0.25)
        while True:
            try:
                await self._connect(node, addresses)
            except Unreachable as error:
                self._context.log.debug("bootstrap node not reached", node=node, reason=error.sentence)
            except StreamClosed:
                return
            else:
                self._context.log.info("bootstrap node connected", node=node)
                backoff.reset()
                while node in self._connected:
                    await self._lost.wait()
            if await self._hurried(backoff.wait()):
                backoff.reset()

    async def _hurried(self, seconds: float) -> bool:
        """Wait, unless the network changes; whether it did."""
        hurry = self._hurry
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._nap, seconds, tasks.cancel_scope)
            await hurry.wait()
            tasks.cancel_scope.cancel()
        return hurry.is_set()

    async def _nap(self, seconds: float, wait: anyio.CancelScope) -> None:
        await self._context.clock.sleep(seconds)
        wait.cancel()


def _by_node(addresses: Sequence[str]) -> dict[NodeId, list[str]]:
    """Bootstrap addresses by the node they name."""
    nodes: dict[NodeId, list[str]] = {}
    for text in addresses:
        peer = parse_dial(text).peer
        if peer is not None:
            nodes.setdefault(NodeId(peer), []).append(text)
    return nodes
