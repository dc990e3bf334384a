"""The node's events as an async iterator that survives a lost connection without a gap or a repeat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
import msgspec

from mepassa.connection import Connection
from mepassa.errors import ConnectionLost, NodeNotRunning
from mepassa.wire import Line

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0


def pauses() -> Iterator[float]:
    """Seconds to wait before each attempt to connect again: doubling, then steady."""
    # No jitter: the node at the other end of a local socket has few clients.
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


class Event(msgspec.Struct, frozen=True):
    """Something that happened. Facts have a number, `seq`; signals (typing, online) have none and are not kept."""

    seq: int | None
    topic: str
    data: dict[str, Any]


class Events:
    """Iterate it for events; `cursor` is the number up to which none is missing.

    Entering it (`async with`) subscribes at once, so that what happens from then on is seen; otherwise the first
    step of the iteration does. A connection that is lost later is made again, with growing pauses, for as long as it
    takes. It has its own socket: a reader that takes its time holds up nothing but itself.
    Raises `NodeNotRunning` or `ConnectionLost` at the first connection, and `RpcError` (for example `EventsExpired`).
    """

    def __init__(self, path: Path, topics: Sequence[str] | None, after: int | None, account: str | None) -> None:
        self.cursor = after
        self._path = path
        self._chosen: dict[str, Any] = {}
        if topics is not None:
            self._chosen["topics"] = list(topics)
        if account is not None:
            self._chosen["account"] = account
        self._connection: Connection | None = None
        self._subscribed_once = False

    async def __aenter__(self) -> Events:
        await self._subscribe()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the subscription."""
        if self._connection is not None:
            await self._connection.aclose()
            self._connection = None

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Event:
        while True:
            event = _event(await self._line())
            if event is None or self._is_repeat(event):
                continue
            if event.seq is not None:
                self.cursor = event.seq
            return event

    async def _line(self) -> Line:
        """The next line, over a new connection where the last one was lost."""
        waits = pauses()
        while True:
            try:
                return await (self._connection or await self._subscribe()).receive()
            except (ConnectionLost, NodeNotRunning):
                await self.aclose()
                if not self._subscribed_once:
                    raise
                await anyio.sleep(next(waits))

    async def _subscribe(self) -> Connection:
        params = self._chosen if self.cursor is None else {**self._chosen, "after": self.cursor}
        self._connection = connection = await Connection.open(self._path)
        try:
            await connection.send(1, "events.subscribe", params)
            reply = await connection.receive()
            if reply.error is not None:
                raise reply.error.exception()
            self.cursor = _number(reply)
        except BaseException:
            await self.aclose()
            raise
        self._subscribed_once = True
        return connection

    def _is_repeat(self, event: Event) -> bool:
        return event.seq is not None and self.cursor is not None and event.seq <= self.cursor


def _number(reply: Line) -> int:
    number = (reply.result or {}).get("seq")
    if not isinstance(number, int):
        raise ConnectionLost("What answers on the socket does not speak mepassad's protocol.")
    return number


def _event(line: Line) -> Event | None:
    """The event of a notification; None for a line of another kind."""
    if line.method != "events.event":
        return None
    try:
        return msgspec.convert({"seq": None, **line.params}, Event)
    except msgspec.ValidationError:
        raise ConnectionLost("What answers on the socket does not speak mepassad's protocol.") from None
