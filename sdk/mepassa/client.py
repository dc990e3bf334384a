"""The client: calls and events over the node's local socket."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
from anyio.abc import TaskGroup

from mepassa.connection import Connection, default_socket
from mepassa.errors import ConnectionLost, MepassaError
from mepassa.events import Events
from mepassa.wire import Line


class Client:
    """A connection to the node for any number of calls at once.

        async with Client() as client:
            await client.call("messages.send", contact=contact, text="Olá")
            async for event in client.events(topics=["message.received"]):
                print(event.data["text"])

    It connects with the first call, and again with the next call after the connection was lost.
    """

    def __init__(self, socket: str | os.PathLike[str] | None = None, *, token: str | None = None) -> None:
        """`socket`: the node's socket; without one `$MEPASSAD_SOCKET`, else the place of a default installation."""
        self.socket = Path(socket) if socket is not None else default_socket()
        self._connection: Connection | None = None
        self._connecting = anyio.Lock()
        self._pending: dict[int, _Pending] = {}
        self._last_number = 0
        self._events: list[Events] = []
        self._tasks: TaskGroup

    async def __aenter__(self) -> Client:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        for events in self._events:
            await events.aclose()
        if self._connection is not None:
            await self._connection.aclose()
        self._tasks.cancel_scope.cancel()
        try:
            return await self._tasks.__aexit__(kind, error, trace)
        except BaseExceptionGroup:
            if error is None:
                raise
            return False  # the group wraps `error`; the caller is to meet it bare

    async def call(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Call a method of the node and return its result; parameters that are None are left out.

        Raises `RpcError` when the node refuses, `NodeNotRunning`, `ConnectionLost` (the call may or may not have
        been carried out: a `request_id`, where the method takes one, makes it safe to call again), `CallTooLarge`.
        """
        connection = await self._connected()
        self._last_number += 1
        number = self._last_number
        self._pending[number] = pending = _Pending(connection)
        try:
            await connection.send(number, method, {key: value for key, value in params.items() if value is not None})
            await pending.answered.wait()
        finally:
            del self._pending[number]
        return pending.result()

    def post(self, method: str, params: dict[str, Any], settled: Any) -> None:
        """Interim."""
        self._tasks.start_soon(self._post, method, params, settled)

    async def _post(self, method: str, params: dict[str, Any], settled: Any) -> None:
        try:
            await self.call(method, **params)
        except MepassaError as error:
            settled(error)
        else:
            settled(None)

    def events(
        self, *, topics: Sequence[str] | None = None, after: int | None = None, account: str | None = None
    ) -> Events:
        """The node's events: of some topics or all, of one account or all.

        `after`: begin behind this number, 0 = with the oldest that is kept, None = from now on.
        """
        events = Events(self.socket, topics, after, account)
        self._events.append(events)
        return events

    async def _connected(self) -> Connection:
        async with self._connecting:
            if self._connection is None:
                self._connection = await Connection.open(self.socket)
                self._tasks.start_soon(self._read, self._connection)
            return self._connection

    async def _read(self, connection: Connection) -> None:
        try:
            while True:
                self._settle(connection, await connection.receive())
        except ConnectionLost as lost:
            self._connection = None
            self._fail(connection, lost)
            await connection.aclose()

    def _settle(self, connection: Connection, line: Line) -> None:
        if line.id is None:
            if line.error is not None:
                # The node could not tell whose line it refused, so it may be anybody's here.
                self._fail(connection, line.error.exception())
        elif pending := self._pending.get(line.id):
            pending.settle(line)

    def _fail(self, connection: Connection, error: MepassaError) -> None:
        for pending in self._pending.values():
            if pending.connection is connection:
                pending.fail(error)


class _Pending:
    """A call that waits for its answer."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.answered = anyio.Event()
        self._result: dict[str, Any] = {}
        self._error: MepassaError | None = None

    def settle(self, line: Line) -> None:
        """Keep the node's answer."""
        if line.error is not None:
            self._error = line.error.exception()
        self._result = line.result or {}
        self.answered.set()

    def fail(self, error: MepassaError) -> None:
        """Keep why no answer will come."""
        if not self.answered.is_set():
            self._error = error
            self.answered.set()

    def result(self) -> dict[str, Any]:
        """The answer. Raises what was kept instead."""
        if self._error is not None:
            raise self._error
        return self._result
