"""The hooks of the plugin `store_memory`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mepassad.api import Component, PluginContext, hookimpl
from mepassad.api.store import Store

from mepassad_store_memory.shelf import Shelf
from mepassad_store_memory.store import MemoryStore


@asynccontextmanager
async def component(context: PluginContext) -> AsyncIterator[Store]:
    """The store in the node's folder; leaving it keeps what still waits."""
    shelf = Shelf(context.data_dir / "store_memory.db")
    try:
        store = MemoryStore(shelf)
        yield store
        store.flush()
    finally:
        shelf.close()


@hookimpl
def provide_store(config: Any) -> Component[Store] | None:
    """The store, where `store.plugin` names it."""
    return component if config.store.plugin == "store_memory" else None
