"""What the tests of the store share."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mepassad.builtin.store_sqlite.store import SqliteStore, open_store

OpenStore: TypeAlias = Callable[..., AbstractAsyncContextManager[SqliteStore]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database of a test lies, or will."""
    return tmp_path / "store" / "node.db"


@pytest.fixture
def opened(path: Path) -> OpenStore:
    """Opens that database; what a test does not care about is filled in."""

    def open_it(**changed: Any) -> AbstractAsyncContextManager[SqliteStore]:
        return open_store(path, **{"cache_mb": 4, "queue_limit": 4096, "backups_made_before": 0, **changed})

    return open_it
