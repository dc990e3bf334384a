"""The calls of one connection: many at once, each answered once, or told why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import anyio
import msgspec

from mepassa.connection import LAST_WORD, Connection
from mepassa.errors import ConnectionLost, MepassaError, ProtocolError
from mepassa.generated.params import Params
from mepassa.wire import ErrorObject, Line, encode_call, read

T = TypeVar("T")

Settled = Callable[[MepassaError | None], None]
"""Called once with None when a call was carried out, else with the reason; it must neither raise nor wait."""

Posted = tuple[str, Mapping[str, object], Settled]
"""A call that nobody waits for: its method, its parameters, and who is told what became of it."""


class Calls:
    """A connection and the calls that wait for their answers on it."""

    def __init__(self, connection: Connection) -> None:
        """`read` must run for as long as there are calls."""
        self.over = False
        self._connection = connection
        self._pending: dict[int, _Pending | _Told] = {}
        self._last_number = 0
        self._reading = anyio.CancelScope()

    async def call(self, method: str, params: Params | dict[str, object], kind: type[T]) -> T:
        """Carry out a call. Raises `RpcError`, `ConnectionLost`, `CallTooLarge`, `InvalidCall`."""
        number = self._last_number + 1
        line = encode_call(number, method, params)
        self._last_number = number
        self._pending[number] = pending = _Pending()
        try:
            await self._send(line, pending)
            await pending.answered.wait()
        finally:
            self._pending.pop(number, None)
        return read(pending.result(), kind, f"answer to {method}")

    async def post(self, calls: Iterable[Posted]) -> None:
        """Send calls in their order, all at once, and go on; of each is told what became of it."""
        lines = []
        for method, params, settled in calls:
            try:
                lines.append(encode_call(self._last_number + 1, method, params))
            except MepassaError as error:
                settled(error)
                continue
            self._last_number += 1
            self._pending[self._last_number] = _Told(settled)
        if lines:
            try:
                await self._connection.send(b"".join(lines))
            except ConnectionLost as lost:
                self._end(lost)
            except BaseException:
                self._end(ConnectionLost("The client was closed."))
                raise

    async def _send(self, line: bytes, pending: _Pending) -> None:
        try:
            await self._connection.send(line)
        except ConnectionLost as lost:
            with anyio.move_on_after(LAST_WORD):
                await pending.answered.wait()  # the node may have said why
            self._end(lost)
        except BaseException:
            if self._connection.closed:
                self._end(ConnectionLost("The connection was ended in the middle of another call."))
            raise

    async def read(self) -> None:
        """Take the answers until the connection ends."""
        try:
            with self._reading:
                while not self.over:
                    self._settle(await self._connection.receive())
        except ConnectionLost as lost:
            self._end(lost)
        finally:
            self._end(ConnectionLost("The client was closed."))
            await self._connection.aclose()

    def _settle(self, line: Line) -> None:
        if line.id is None:
            if line.error is not None:
                # The node could not tell whose line it refused, or refuses all: it may be anybody's here.
                self._end(line.error)
        elif pending := self._pending.pop(line.id, None):
            pending.settle(line.error or line.result)
        elif not 0 < line.id <= self._last_number:
            raise ProtocolError

    def _end(self, reason: ErrorObject | ConnectionLost) -> None:
        """Tell all calls why no answer will come."""
        self.over = True
        pending, self._pending = self._pending, {}
        for one in pending.values():
            one.settle(reason)
        self._reading.cancel()


class _Pending:
    """A call that waits for its answer."""

    def __init__(self) -> None:
        self.answered = anyio.Event()
        self._answer: msgspec.Raw | ErrorObject | ConnectionLost

    def settle(self, answer: msgspec.Raw | ErrorObject | ConnectionLost) -> None:
        """Keep the answer, or why there will be none; the first one counts."""
        if not self.answered.is_set():
            self._answer = answer
            self.answered.set()

    def result(self) -> msgspec.Raw:
        """The answer. Raises what was kept instead."""
        if isinstance(self._answer, ErrorObject):
            raise self._answer.exception()
        if isinstance(self._answer, MepassaError):
            raise _again(self._answer)
        return self._answer


class _Told:
    """A posted call whose end is told."""

    __slots__ = ("_settled",)

    def __init__(self, settled: Settled) -> None:
        self._settled = settled

    def settle(self, answer: msgspec.Raw | ErrorObject | ConnectionLost) -> None:
        """Tell how it ended."""
        if isinstance(answer, ErrorObject):
            self._settled(answer.exception())
        else:
            self._settled(answer if isinstance(answer, ConnectionLost) else None)


def _again(lost: ConnectionLost) -> ConnectionLost:
    """One exception a caller: they are raised in several tasks."""
    return type(lost)(*lost.args)
