"""The node's events as an async iterator that survives a lost connection without a gap or a repeat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

import anyio
import msgspec

from mepassa.check import checked
from mepassa.connection import Connection, Way
from mepassa.errors import ConnectionLost, MepassaError, NodeNotRunning, ProtocolError, RpcError
from mepassa.generated.errors import TooManySessions
from mepassa.generated.values import Subscribed
from mepassa.wire import Line, read

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from mepassa.generated.values import EventData

    D_co = TypeVar("D_co", covariant=True, default=EventData)
else:  # a default is for type checkers only
    from typing import TypeVar

    D_co = TypeVar("D_co", covariant=True)

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0


def pauses() -> Iterator[float]:
    """Seconds to wait before each attempt to connect again: doubling, then steady."""
    # No jitter: the node at the other end of a local socket has few clients.
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


class Event(msgspec.Struct, Generic[D_co], frozen=True):
    """Something that happened. Facts have a number, `seq`; signals (typing, online) have none and are not kept.

    `data` is the struct of its topic, such as `MessageReceived`; a dict where this version does not know the topic.
    """

    seq: int | None
    topic: str
    data: D_co


class Chosen(NamedTuple):
    """Which events: of these topics, of this account; None for all."""

    topics: Sequence[str] | None
    account: str | None


class Events(AsyncIterator[Event[D_co]]):
    """Iterate it for events; `cursor` is the number up to which none is missing.

    Entering it (`async with`) subscribes at once, so that what happens from then on is seen; otherwise the first
    step of the iteration does. A connection that is lost later is made again, with growing pauses, for as long as it
    takes. It has its own connection: a reader that takes its time holds up nothing but itself.
    Raises `NodeNotRunning` or `ConnectionLost` at the first connection, and at any time `RpcError` (for example
    `EventsExpired`, or `TokenRefused` once its token was revoked) and `ProtocolError`.
    """

    def __init__(
        self,
        way: Way,
        chosen: Chosen,
        after: int | None,
        open_ones: set[Events[Any]],
        shapes: Mapping[str, type[Any]],
    ) -> None:
        """Not yet subscribed. `open_ones` holds it until it ends; `shapes`: the data of topics.

        Raises `InvalidCall`.
        """
        self.cursor = after
        self._way = way
        self._chosen = chosen._asdict()
        self._open_ones = open_ones
        self._shapes = shapes
        self._connection: Connection | None = None
        self._subscribed_once = False
        self._closed = False
        self._waiting: anyio.CancelScope | None = None
        self._lost: Callable[[], None] = lambda: None
        self._back: Callable[[], None] = lambda: None
        checked("events.subscribe", {**self._chosen, "after": after})

    async def __aenter__(self) -> Events[D_co]:
        try:
            with anyio.CancelScope() as self._waiting:
                await self._subscribe()
                return self
            raise ConnectionLost("The client was closed.")
        except BaseException:
            await self._give_up()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def watch(self, *, lost: Callable[[], None], back: Callable[[], None]) -> None:
        """Call `lost` whenever the connection is lost or cannot be made again, and `back` once it was made again."""
        self._lost, self._back = lost, back

    async def aclose(self) -> None:
        """End it, also for a task that waits for an event: there the iteration ends."""
        self._closed = True
        if self._waiting is not None:
            self._waiting.cancel()
        await self._give_up()

    def __aiter__(self) -> Events[D_co]:
        return self

    async def __anext__(self) -> Event[D_co]:
        if not self._closed:
            try:
                with anyio.CancelScope() as self._waiting:
                    return await self._next()
            except MepassaError:
                if not self._closed:
                    raise
        raise StopAsyncIteration

    async def _next(self) -> Event[D_co]:
        waits = pauses()
        while True:
            try:
                event = self._event(await (self._connection or await self._subscribe()).receive())
            except (ConnectionLost, NodeNotRunning, RpcError) as error:
                if not self._subscribed_once or not _passes(error):
                    await self._give_up()
                    raise
                await self._disconnect()
                self._lost()
                await anyio.sleep(next(waits))
                continue
            if event is None or self._is_repeat(event):
                continue
            if event.seq is not None:
                self.cursor = event.seq
            return event

    async def _subscribe(self) -> Connection:
        self._open_ones.add(self)
        self._connection = connection = await self._way.open()
        try:
            begun = await connection.ask("events.subscribe", {**self._chosen, "after": self.cursor}, Subscribed)
            if self.cursor is not None and begun.seq > self.cursor:
                raise ProtocolError  # it would leave facts out
        except BaseException:
            await self._disconnect()
            raise
        self.cursor = begun.seq
        if self._subscribed_once:
            self._back()
        self._subscribed_once = True
        return connection

    async def _give_up(self) -> None:
        self._open_ones.discard(self)
        await self._disconnect()

    async def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.aclose()

    def _event(self, line: Line) -> Event[Any] | None:
        """The event of a notification; None for a line of another kind. Raises `RpcError`, `ProtocolError`."""
        if line.error is not None:
            raise line.error.exception()
        if line.method != "events.event":
            return None
        told = read(line.params, _Told, "event")
        shape: Any = self._shapes.get(told.topic, dict[str, Any])
        return Event(told.seq, told.topic, read(told.data, shape, f"event {told.topic}"))

    def _is_repeat(self, event: Event[Any]) -> bool:
        return event.seq is not None and self.cursor is not None and event.seq <= self.cursor


class _Told(msgspec.Struct):
    """The parameters of `events.event`."""

    topic: str
    data: msgspec.Raw
    seq: int | None = None


def _passes(error: MepassaError) -> bool:
    """Whether to connect again: not where the node refuses for good or is none."""
    return isinstance(error, ConnectionLost | NodeNotRunning | TooManySessions) and not isinstance(error, ProtocolError)
