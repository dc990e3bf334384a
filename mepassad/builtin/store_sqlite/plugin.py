"""The hooks of the store plugin `sqlite`, and its section `sqlite` of config.yaml."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec

from mepassad.api import Component, ConfigRegister, PluginContext, hookimpl
from mepassad.api.store import Store
from mepassad.builtin.store_sqlite.store import open_store

FILE = "node.db"
_DAY_SECONDS = 86_400


class StoreSqliteConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section `sqlite` of config.yaml."""

    cache_mb: Annotated[int, msgspec.Meta(ge=1, le=4096, description="MiB of database pages kept in memory")] = 8
    queue_limit: Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="commits that may wait for the disk")] = (
        4096
    )
    backup_days: Annotated[
        int, msgspec.Meta(ge=0, le=365, description="days that a backup made before a migration is kept")
    ] = 7


@hookimpl
def register_config(register: ConfigRegister) -> None:
    """The section `sqlite`."""
    register("sqlite", StoreSqliteConfig)


@hookimpl
def provide_store(config: Any) -> Component[Store] | None:
    """The store, where `store.plugin` is `sqlite`."""
    return sqlite_store if config.store.plugin == "sqlite" else None


@asynccontextmanager
async def sqlite_store(context: PluginContext) -> AsyncIterator[Store]:
    """The store in the plugin's own folder."""
    config: StoreSqliteConfig = context.config
    async with open_store(
        context.data_dir / FILE,
        cache_mb=config.cache_mb,
        queue_limit=config.queue_limit,
        backups_made_before=context.clock.now() - config.backup_days * _DAY_SECONDS,
    ) as store:
        yield store
