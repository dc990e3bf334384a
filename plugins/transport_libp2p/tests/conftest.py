"""What the tests of the libp2p transport have: the daemon's event loop, and nodes that run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.plugin import component
from running import Running

from mepassad.testing.transport_node import TIMEOUT, Node, run_node


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """`async with running(2, max_connections=3) as (a, b)`: nodes on loopback with that configuration. `first`: the
    number of the first, of which its id is made."""

    @asynccontextmanager
    async def run(count: int, first: int = 1, **settings: Any) -> AsyncIterator[list[Node]]:
        config = Config(**{"listen": ("/ip4/127.0.0.1/tcp/0",), "mdns": False, **settings})
        async with anyio.create_task_group() as tasks:
            nodes: list[Node] = []
            try:
                for number in range(first, first + count):
                    seed = bytes([number]) * 32
                    nodes.append(await tasks.start(run_node, component, config, seed, tmp_path / str(number)))
                with anyio.fail_after(2 * TIMEOUT):
                    yield nodes
            finally:
                for node in nodes:
                    node.leave.set()

    return run
