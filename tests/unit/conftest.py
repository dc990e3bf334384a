"""What tests of the core share: a place for whole nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mepassad.testing.nodes import Nodes, living


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Nodes]:
    """Whole nodes in one process, on a clock that the test moves."""
    async with living(tmp_path) as place:
        yield place
