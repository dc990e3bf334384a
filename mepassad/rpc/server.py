"""The RPC server: sessions on the local socket, from the moment it is entered until what was begun is answered."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager

import anyio
from anyio.abc import SocketStream, TaskStatus, UNIXSocketStream

from mepassad.api.context import Log
from mepassad.api.methods import Declaration
from mepassad.config.model import Rpc
from mepassad.errors import ConfigError
from mepassad.rpc import door, methods, socket_file
from mepassad.rpc.authority import Authority
from mepassad.rpc.door import Door
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
        node.tokens.ended = self.revoke

    def revoke(self, token: str) -> None:
        """End the sessions that showed this token."""
        for session in [session for session in self.sessions if session.authority.token == token]:
            session.revoke()

    @property
    def methods(self) -> list[str]:
        """The names of all methods."""
        return self.registry.names

    async def connect(self, authority: Authority) -> SocketStream:
        """A session for a program inside the daemon, over a pair of sockets: the end that it speaks on."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        way = door.of_one(authority, self.config)
        await asyncio.get_running_loop().connect_accepted_socket(lambda: Session(self, way), ours)
        return await UNIXSocketStream.from_socket(theirs)

    def has_place(self, newcomer: Session) -> bool:
        """Whether a session that has begun may stay. Where its door has no place left, one that owes a token goes, of
        the user who has most of them the oldest: who only occupies places keeps nobody out who has a token."""
        company = [one for one in self.sessions if one.door == newcomer.door and not one.sent_away]
        if len(company) <= newcomer.door.most:
            return True
        strangers = {one: one.deadline for one in company if one.deadline is not None}
        if strangers:
            crowds = Counter(one.user for one in strangers)
            min(strangers, key=lambda one: (-crowds[one.user], strangers[one])).abort()
        return bool(strangers)

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
async def serve(node: Node, config: Rpc, log: Log, plugin_methods: Iterable[Declaration] = ()) -> AsyncIterator[Server]:
    """Serve the node's methods on `config.socket`, and on `config.bots_socket` if there is one, while entered.

    Raises `ConfigError`, `UnsafePath`, `SocketInUse` (see `socket_file.listening`) and `PluginClash`.
    """
    registry = Registry([*methods.ALL, *plugin_methods])
    with ExitStack() as files:
        ways = {files.enter_context(socket_file.listening(config.socket)): door.of_owner(config)}
        if config.bots_socket == config.socket:
            raise ConfigError(f"rpc.bots_socket: {config.socket} is the owner's own, rpc.socket; choose another one.")
        if config.bots_socket is not None:
            of_bots = socket_file.listening(config.bots_socket, config.bots_group, "rpc.bots_socket")
            ways[files.enter_context(of_bots)] = door.of_bots(config)
        async with anyio.create_task_group() as life:
            tasks: asyncio.TaskGroup = await life.start(_hold_tasks)
            server = Server(node, registry, config, log, tasks)
            node.gauges.update(server.queues.all())
            accepting = [await _accept(server, way, listener) for listener, way in ways.items()]
            try:
                yield server
            finally:
                for one in accepting:
                    one.close()
                await server.finish()
                life.cancel_scope.cancel()


async def _accept(server: Server, way: Door, listener: socket.socket) -> asyncio.Server:
    return await asyncio.get_running_loop().create_unix_server(lambda: Session(server, way), sock=listener)


async def _hold_tasks(*, task_status: TaskStatus[asyncio.TaskGroup]) -> None:
    """Keep a task group open until cancelled. Asyncio's, because it starts a task in a fifth of anyio's time."""
    async with asyncio.TaskGroup() as tasks:
        task_status.started(tasks)
        await anyio.sleep_forever()
