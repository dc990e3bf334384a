"""Waiting for something to happen, but not for ever: by the node's clock."""

from __future__ import annotations

import anyio

from mepassad.api.context import Clock


async def wait(clock: Clock, seconds: float, event: anyio.Event) -> None:
    """Wait for so long, or for an event, whichever comes first; cancel-safe."""

    async def sleep() -> None:
        await clock.sleep(seconds)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleep)
        await event.wait()
        tasks.cancel_scope.cancel()
