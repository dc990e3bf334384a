"""The plugin `sqlite` keeps the contract of stores."""

from pathlib import Path

import pytest

for part in ("", "_messages", "_delivery", "_people"):
    pytest.register_assert_rewrite(f"mepassad.testing.store_contract{part}")

from mepassad.builtin.store_sqlite.store import open_store  # noqa: E402
from mepassad.testing.store_contract import StoreContract  # noqa: E402
from mepassad.testing.store_fixture import MakeStore  # noqa: E402


class TestSqlite(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        path = tmp_path / "store" / "node.db"
        return lambda: open_store(path, cache_mb=4, queue_limit=4096, backups_made_before=0)
