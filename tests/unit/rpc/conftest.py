"""A served fake node."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fake_node import FakeNode, ListLog, Serve

from mepassad.config.model import Rpc
from mepassad.rpc.server import serve
from mepassad.testing import rpc_client


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a socket has 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="rpc"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def log() -> ListLog:
    return ListLog()


@pytest.fixture
def served(node: FakeNode, folder: Path, log: ListLog) -> Serve:
    """`async with served(max_calls=2) as path`: the node on a socket."""

    @asynccontextmanager
    async def start(**limits: Any) -> AsyncIterator[Path]:
        config = Rpc(socket=folder / "run" / "s", **limits)
        async with serve(node, config, log):
            yield config.socket

    return start


@pytest.fixture
async def client(served: Serve) -> AsyncIterator[rpc_client.RpcClient]:
    async with served() as path, rpc_client.connect(path) as client:
        yield client
