"""A component that lives for a test, with what the node would give it and a log that the test can read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio

from mepassad.api import Component, PluginContext, Secret
from mepassad.api.context import Clock
from mepassad.clock import SystemClock

T = TypeVar("T")


class Lines:
    """A log that keeps its lines, for tests to look at."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, event: str, **facts: object) -> None:
        self.lines.append(("debug", event, facts))

    def info(self, event: str, **facts: object) -> None:
        self.lines.append(("info", event, facts))

    def warning(self, event: str, **facts: object) -> None:
        self.lines.append(("warning", event, facts))

    def error(self, event: str, **facts: object) -> None:
        self.lines.append(("error", event, facts))


@asynccontextmanager
async def live(
    component: Component[T],
    *,
    config: Any,
    folder: Path,
    name: str = "tested",
    log: Lines | None = None,
    clock: Clock | None = None,
    node_key: Secret | None = None,
) -> AsyncIterator[T]:
    """What a component makes, while it lives. `config` is its section, `folder` its data folder; without a `clock`
    the machine's."""
    async with anyio.create_task_group() as tasks:
        context = PluginContext(
            name=name, config=config, log=log or Lines(), clock=clock or SystemClock(), tasks=tasks, data_dir=folder,
            node_key=node_key,
        )  # fmt: skip
        async with component(context) as value:
            yield value
        tasks.cancel_scope.cancel()
