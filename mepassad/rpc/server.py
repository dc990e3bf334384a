"""The RPC server: sessions on the local socket, from the moment it is entered until what was begun is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskStatus

from mepassad.api.context import Log
from mepassad.api.methods import Declaration
from mepassad.config.model import Rpc
from mepassad.rpc import methods, socket_file
from mepassad.rpc.node import Node
from mepassad.rpc.queues import Queues
from mepassad.rpc.registry import Registry
from mepassad.rpc.session import Session

GRACE_SECONDS = 2.0
"""How long calls in flight and unread replies may hold up a stop."""


class Server:
    """What the sessions share."""

    def __init__(self, node: Node, registry: Registry, config: Rpc, log: Log, tasks: asyncio.TaskGroup) -> None:
        """`tasks` runs the calls of all sessions."""
        self.node = node
        self.registry = registry
        self.config = config
        self.log = log
        self.tasks = tasks
        self.sessions: set[Session] = set()
        self.queues = Queues(config, self.sessions)
        self.stopping = False
        self._deserted = anyio.Event()

    def leave(self, session: Session) -> None:
        """A session is over, and so are its calls."""
        self.sessions.discard(session)
        if self.stopping and not self.sessions:
            self._deserted.set()

    async def finish(self) -> None:
        """Answer what was begun, for `GRACE_SECONDS` at most, and close all sessions."""
        self.stopping = True
        for session in tuple(self.sessions):
            session.finish()
        with anyio.move_on_after(GRACE_SECONDS, shield=True):
            if self.sessions:
                await self._deserted.wait()
        for session in tuple(self.sessions):
            session.abort()


@asynccontextmanager
async def serve(node: Node, config: Rpc, log: Log, plugin_methods: Iterable[Declaration] = ()) -> AsyncIterator[None]:
    """Serve the node's methods on `config.socket` while entered.

    Raises `ConfigError`, `UnsafePath`, `SocketInUse` (see `socket_file.listening`) and `PluginClash`.
    """
    registry = Registry([*methods.ALL, *plugin_methods])
    with socket_file.listening(config.socket) as listener:
        async with anyio.create_task_group() as life:
            tasks: asyncio.TaskGroup = await life.start(_hold_tasks)
            server = Server(node, registry, config, log, tasks)
            node.gauges.update(server.queues.all())
            loop = asyncio.get_running_loop()
            accepting = await loop.create_unix_server(lambda: Session(server), sock=listener)
            try:
                yield
            finally:
                accepting.close()
                await server.finish()
                life.cancel_scope.cancel()


async def _hold_tasks(*, task_status: TaskStatus[asyncio.TaskGroup]) -> None:
    """Keep a task group open until cancelled. Asyncio's, because it starts a task in a fifth of anyio's time."""
    async with asyncio.TaskGroup() as tasks:
        task_status.started(tasks)
        await anyio.sleep_forever()
