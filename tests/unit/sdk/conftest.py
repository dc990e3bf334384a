"""A wire node in a temporary folder, and no long pauses before connecting again."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import mepassa.events
import pytest
from bots_node import BotsNode
from wire_node import WireNode


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The SDK runs on either loop, so its tests do."""
    return str(request.param)


@pytest.fixture
async def node() -> AsyncIterator[WireNode]:
    with tempfile.TemporaryDirectory() as folder:  # its path is short enough for a socket
        async with WireNode(Path(folder, "s")).serving() as node:
            yield node


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture(autouse=True, scope="module")
def _short_pauses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mepassa.events, "FIRST_PAUSE", 0.001)
        yield


@pytest.fixture
async def bots() -> AsyncIterator[BotsNode]:
    """A node that keeps what bots do."""
    with tempfile.TemporaryDirectory() as folder:
        async with BotsNode(Path(folder, "s")).serving() as node:
            assert isinstance(node, BotsNode)
            yield node
