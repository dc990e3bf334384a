"""A store behind the vault keeps the contract of stores, and what it keeps is sealed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

for part in ("", "_messages", "_delivery", "_people"):
    pytest.register_assert_rewrite(f"mepassad.testing.store_contract{part}")

from mepassad.api.store import Store  # noqa: E402
from mepassad.api.types import Secret  # noqa: E402
from mepassad.builtin.store_sqlite.store import open_store  # noqa: E402
from mepassad.testing.store_contract import StoreContract  # noqa: E402
from mepassad.testing.store_fixture import MakeStore  # noqa: E402
from mepassad.vault.store import sealed_store  # noqa: E402
from mepassad.vault.vault import Vault  # noqa: E402


class TestSealed(StoreContract):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        path, vault = tmp_path / "store" / "node.db", Vault(Secret(bytes(32)))

        @asynccontextmanager
        async def make() -> AsyncIterator[Store]:
            async with open_store(path, cache_mb=4, queue_limit=4096, backups_made_before=0) as store:
                yield sealed_store(store, vault)

        return make
