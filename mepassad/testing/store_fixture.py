"""How the contract suite of stores comes by a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import pytest

from mepassad.api.store import Store

MakeStore: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]
"""Opens the store of this test; a second call, after the first was left, opens the same data again."""


class StoreFixture:
    """Gives tests the fixture `store`; the subclass must give the fixture `make_store`, a `MakeStore`."""

    @pytest.fixture
    async def store(self, make_store: MakeStore) -> AsyncIterator[Store]:
        """An open, empty store."""
        async with make_store() as store:
            yield store
