"""The hooks of the plugin and its configuration."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import msgspec
import pytest

from mepassad.api import PluginContext, Secret
from mepassad.api.context import Log
from mepassad.api.writes import PutAccount
from mepassad.builtin.store_sqlite import plugin
from mepassad.builtin.store_sqlite.plugin import StoreSqliteConfig, provide_store, register_config
from mepassad.clock import SystemClock
from mepassad.testing.store_rows import ANA, an_account, commit


def test_the_store_is_provided_only_under_its_name() -> None:
    def config(name: str) -> Any:
        return SimpleNamespace(store=SimpleNamespace(plugin=name))

    assert provide_store(config("sqlite")) is plugin.sqlite_store
    assert provide_store(config("postgres")) is None


@pytest.mark.parametrize(
    ("section", "fits"),
    [
        ({}, True),
        ({"cache_mb": 1, "queue_limit": 1, "backup_days": 0}, True),
        ({"cache_mb": 4096, "queue_limit": 1_000_000, "backup_days": 365}, True),
        ({"cache_mb": 0}, False),
        ({"cache_mb": 4097}, False),
        ({"queue_limit": 0}, False),
        ({"queue_limit": 1_000_001}, False),
        ({"backup_days": -1}, False),
        ({"backup_days": 366}, False),
        ({"unknown": 1}, False),
    ],
)
def test_the_section_has_defaults_and_limits(section: dict[str, int], fits: bool) -> None:
    registered: dict[str, type[msgspec.Struct]] = {}
    register_config(registered.__setitem__)
    assert registered == {"sqlite": StoreSqliteConfig}
    try:
        msgspec.convert(section, registered["sqlite"])
    except msgspec.ValidationError:
        assert not fits
    else:
        assert fits


async def test_the_database_lies_in_the_plugins_own_folder(tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        context = PluginContext(
            name="sqlite",
            config=StoreSqliteConfig(),
            log=cast(Log, None),
            clock=SystemClock(),
            tasks=tasks,
            data_dir=tmp_path / "sqlite",
            node_key=Secret(bytes(32)),
        )
        async with plugin.sqlite_store(context) as store:
            assert (tmp_path / "sqlite" / "node.db").exists()
            await commit(store, PutAccount(an_account()))
            assert [row.id for row in await store.accounts()] == [ANA]
