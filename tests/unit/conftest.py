"""What tests of the core share: a place for whole nodes, and one for distributions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mepassad.testing.nodes import Nodes, living
from tests.unit.plugins.installing import Site


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Nodes]:
    """Whole nodes in one process, on a clock that the test moves."""
    async with living(tmp_path) as place:
        yield place


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An empty place for distributions, on the path of this process."""
    return Site(tmp_path / "site-packages", monkeypatch)
