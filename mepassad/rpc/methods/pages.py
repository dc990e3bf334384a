"""Pages `{items, next}` that fit into a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from mepassad.api.methods import AccountParams
from mepassad.api.store import Page
from mepassad.errors import InvalidParams
from mepassad.rpc.values import Cursor, Limit

T = TypeVar("T")

_ENVELOPE = 1024  # bytes of a reply around its items: id, cursor, names
_CHUNK = 64  # rows read at once, so that a page of long texts is not read whole only to be cut

_size = msgspec.json.Encoder().encode


class PageParams(AccountParams, frozen=True, kw_only=True):
    """Which page."""

    limit: Limit = 500
    after: Cursor | None = None


def fitting(items: Sequence[object], room: int) -> tuple[int, int]:
    """How many of the first items fit into `room` bytes, and the bytes that are left."""
    for count, item in enumerate(items):
        size = len(_size(item)) + 1
        if size > room:
            return count, room
        room -= size
    return len(items), room


def cut(items: Sequence[T], ids: Sequence[str], params: PageParams, max_line: int) -> tuple[list[T], str | None]:
    """The page of a list that is in memory; `next` is the id of its last item. Raises `InvalidParams`."""
    try:
        start = 0 if params.after is None else ids.index(params.after) + 1
    except ValueError:
        raise InvalidParams("`after` is not the `next` of a page before.") from None
    wanted = items[start : start + params.limit]
    end = start + max(fitting(wanted, max_line - _ENVELOPE)[0], min(1, len(wanted)))
    return list(items[start:end]), ids[end - 1] if end < len(items) else None


async def read(
    fetch: Callable[[int, str | None], Awaitable[Page]],
    render: Callable[..., T],
    limit: int,
    before: str | None,
    max_line: int,
) -> tuple[list[T], str | None]:
    """The page of rows that `fetch(limit, before)` reads from the store. Raises `InvalidParams` on a bad `before`."""
    items: list[T] = []
    room = max_line - _ENVELOPE
    ask = _CHUNK
    while len(items) < limit:
        page = await _fetch(fetch, min(ask, limit - len(items)), before)
        rendered = [render(row) for row in page.items]
        count, left = fitting(rendered, room)
        if count < len(rendered) and (items or len(rendered) > 1):
            if items and not count:
                break
            ask = max(1, count)  # again, only what fits, because only the store can make its cursor
            continue
        items += rendered
        room, before = left, page.next
        if before is None or count < len(rendered):
            break
    return items, before


async def _fetch(fetch: Callable[[int, str | None], Awaitable[Page]], limit: int, before: str | None) -> Page:
    try:
        return await fetch(limit, before)
    except ValueError:
        raise InvalidParams("`before` is not the `next` of a page before.") from None
