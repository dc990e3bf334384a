"""The client: calls and events over the node's local socket."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import anyio
from anyio.abc import TaskGroup

from mepassa.calls import Calls, Posted, Settled
from mepassa.check import checked
from mepassa.connection import Connect, Connection, Way, default_socket
from mepassa.errors import ConnectionLost, MepassaError
from mepassa.events import Chosen, Events
from mepassa.generated.methods import Nouns
from mepassa.generated.topics import TOPICS

T = TypeVar("T")


class Client(Nouns):
    """A connection to the node for any number of calls at once.

        async with Client() as client:
            await client.messages.send(contact=contact, text="Olá")
            async for event in client.events(topics=["message.received"]):
                print(event.data.text)

    It connects with the first call, and again with the next call after the connection was lost. Each stream of
    events has a connection of its own.
    """

    def __init__(
        self,
        socket: str | os.PathLike[str] | None = None,
        *,
        token: str | None = None,
        connect: Connect | None = None,
    ) -> None:
        """A client that is not yet connected.

        `socket`: the node's socket; without one `$MEPASSAD_SOCKET`, else the place of a default installation.
        `token`: a token of `tokens.create`; all that this client does has its authority and no more.
        `connect`: opens a stream to the node instead of the socket, anew for each connection.
        """
        super().__init__(self.typed)
        self.socket = Path(socket) if socket is not None else default_socket()
        self._way = Way(self.socket, connect, token)
        self._connecting = anyio.Lock(fast_acquire=True)
        self._calls: Calls | None = None
        self._posts: list[Posted] = []
        self._posting = False
        self._open_events: set[Events[Any]] = set()
        self._tasks: TaskGroup | None = None
        self._opening: anyio.CancelScope | None = None

    async def __aenter__(self) -> Client:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._tasks is not None  # noqa: S101 - entered
        tasks, self._tasks = self._tasks, None
        if self._opening is not None:
            self._opening.cancel()
        for events in tuple(self._open_events):
            await events.aclose()
        tasks.cancel_scope.cancel()
        try:
            return await tasks.__aexit__(kind, error, trace)
        except BaseExceptionGroup:
            if error is None:
                raise
            return False  # the group wraps `error`; the caller is to meet it bare

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Call any method of the node by its name, such as one of a plugin; parameters that are None are left out.

        Raises `RpcError` when the node refuses, `InvalidCall`, `CallTooLarge`, `NodeNotRunning`, `ConnectionLost` (the
        call may or may not have been carried out: a `request_id`, where the method takes one, makes it safe to call
        again).
        """
        return await self.typed(method, dict[str, Any], params)

    async def typed(self, method: str, kind: type[T], params: Mapping[str, object]) -> T:
        """`call` with a result of another shape: what the typed methods are made of."""
        ready = checked(method, params)
        return await (await self._connected()).call(method, ready, kind)

    def post(self, method: str, params: Mapping[str, object], settled: Settled) -> None:
        """Call without waiting for the answer, in the order of the posts; `settled` is told what became of it.

        It is for many calls at once, so the parameters are not checked here. `settled` gets what `call` may raise.
        """
        if self._tasks is None:
            settled(_closed())
            return
        self._posts.append((method, params, settled))
        if not self._posting:
            self._posting = True
            self._tasks.start_soon(self._post_all)

    async def _post_all(self) -> None:
        try:
            while self._posts and self._tasks is not None:
                try:
                    calls = await self._connected()
                except MepassaError as error:
                    self._give_up_posts(error)
                else:
                    posts, self._posts = self._posts, []
                    await calls.post(posts)
        finally:
            self._posting = False
            self._give_up_posts(_closed())

    def _give_up_posts(self, error: MepassaError) -> None:
        posts, self._posts = self._posts, []
        for _, _, settled in posts:
            settled(error)

    async def _connected(self) -> Calls:
        if self._tasks is None:
            raise RuntimeError("Enter the client before you use it: `async with Client() as client`.")
        async with self._connecting:
            if self._calls is None or self._calls.over:
                connection = await self._opened()
                if self._tasks is None:  # left in the very moment
                    await connection.aclose()
                    raise _closed()
                self._calls = Calls(connection)
                self._tasks.start_soon(self._calls.read)
            return self._calls

    async def _opened(self) -> Connection:
        """A new connection, unless the client is left meanwhile."""
        with anyio.CancelScope() as self._opening:
            if self._tasks is None:
                raise _closed()
            return await self._way.open()
        raise _closed()

    def follow(
        self, *, topics: Sequence[str] | None = None, after: int | None = None, account: str | None = None
    ) -> Events[dict[str, Any]]:
        """The same as `events`, with the data just as the node gave them: what `call` is to the typed methods."""
        return Events(self._way, Chosen(topics, account), after, self._open_events, {})

    def _follow(self, topics: Sequence[str] | None, after: int | None, account: str | None) -> Events[Any]:
        return Events(self._way, Chosen(topics, account), after, self._open_events, TOPICS)


def _closed() -> ConnectionLost:
    return ConnectionLost("The client was closed.")
