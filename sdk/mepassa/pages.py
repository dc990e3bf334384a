"""Lists that the node gives in pages, walked over as one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from mepassa.errors import ProtocolError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Page(Protocol[T_co]):
    """A part of a list."""

    @property
    def items(self) -> Sequence[T_co]:
        """What it holds."""
        ...

    @property
    def next(self) -> str | None:
        """The cursor of the next page; None on the last."""
        ...


class Pages(AsyncIterator[T]):
    """Iterate it for all items; the next page is asked for when it is needed. It goes over the list once."""

    def __init__(self, page: Callable[[str | None], Awaitable[Page[T]]]) -> None:
        """`page` gets the page at a cursor, None the first."""
        self._page = page
        self._items: list[T] = []  # of this page, the next one last
        self._cursor: str | None = None
        self._more = True

    def __aiter__(self) -> Pages[T]:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if not self._more:
                raise StopAsyncIteration
            page = await self._page(self._cursor)
            if page.next is not None and page.next == self._cursor:
                raise ProtocolError  # or it would go round for ever
            self._items = [*reversed(page.items)]
            self._cursor, self._more = page.next, page.next is not None
        return self._items.pop()
