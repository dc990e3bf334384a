"""Doing the same for many, some at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio

from mepassad.errors import MepassaError

T = TypeVar("T")


async def each(items: Sequence[T], work: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Do `work` for all items, `at_once` at a time, in their order. All have ended when this returns, or raises the
    first `MepassaError` of one; after a failure no more are begun."""
    failures: list[MepassaError] = []

    async def do(item: T) -> None:
        try:
            await work(item)
        except MepassaError as error:
            failures.append(error)

    for start in range(0, len(items), at_once):
        async with anyio.create_task_group() as tasks:
            for item in items[start : start + at_once]:
                tasks.start_soon(do, item)
        if failures:
            raise failures[0]
