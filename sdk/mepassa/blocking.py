"""Events, pages and methods for code without async: what `mepassa.sync.Client` gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Protocol, TypeVar

from mepassa import events
from mepassa.errors import ProtocolError
from mepassa.events import D_co, Event
from mepassa.pages import Page

T = TypeVar("T")


class Call(Protocol):
    """Carries out a call and gives its result as a `kind`."""

    def __call__(self, method: str, kind: type[T], params: Mapping[str, object], /) -> T:
        """Raises what calls may raise: `MepassaError`."""
        ...


class Run(Protocol):
    """Runs a step in the client's event loop and waits for it."""

    def __call__(self, step: Callable[[], Awaitable[T]], /) -> T:
        """Raises what the step raises."""
        ...


class Noun:
    """The methods of one noun."""

    def __init__(self, call: Call) -> None:
        self._call = call


class Events(Iterator[Event[D_co]]):
    """Iterate it for events: `mepassa.Events` without async, with the same `cursor`, guarantees and errors."""

    def __init__(self, inner: events.Events[D_co], run: Run) -> None:
        self._inner = inner
        self._run = run
        self._taken: deque[Event[D_co]] = deque()  # given by the node, and not yet here: Ctrl-C came between
        self._behind: int | None = None  # the cursor while one is there

    @property
    def cursor(self) -> int | None:
        """The number up to which no event is missing."""
        return self._behind if self._taken else self._inner.cursor

    def __enter__(self) -> Events[D_co]:
        self._run(self._inner.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the subscription."""
        self._run(self._inner.aclose)

    def __iter__(self) -> Events[D_co]:
        return self

    def __next__(self) -> Event[D_co]:
        try:
            if not self._taken:
                self._run(self._take)
            return self._taken.popleft()
        except StopAsyncIteration:
            raise StopIteration from None

    async def _take(self) -> None:
        self._behind = self._inner.cursor
        self._taken.append(await self._inner.__anext__())


class Pages(Iterator[T]):
    """Iterate it for all items; the next page is asked for when it is needed. It goes over the list once."""

    def __init__(self, page: Callable[[str | None], Page[T]]) -> None:
        """`page` gets the page at a cursor, None the first."""
        self._page = page
        self._items: list[T] = []  # of this page, the next one last
        self._cursor: str | None = None
        self._more = True

    def __iter__(self) -> Pages[T]:
        return self

    def __next__(self) -> T:
        while not self._items:
            if not self._more:
                raise StopIteration
            page = self._page(self._cursor)
            if page.next is not None and page.next == self._cursor:
                raise ProtocolError  # or it would go round for ever
            self._items = [*reversed(page.items)]
            self._cursor, self._more = page.next, page.next is not None
        return self._items.pop()
