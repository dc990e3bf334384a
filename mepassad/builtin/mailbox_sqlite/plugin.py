"""The hooks of the mailbox `mailbox_sqlite`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec

from mepassad.api import Component, ConfigRegister, PluginContext, hookimpl
from mepassad.api.mailbox import Mailbox, Quotas

FILE = "mailbox.db"
NAME = "mailbox_sqlite"


class MailboxSqliteConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section `mailbox_sqlite` of config.yaml."""

    cache_mb: Annotated[int, msgspec.Meta(ge=1, le=4096, description="MiB of database pages kept in memory")] = 16
    queue_limit: Annotated[
        int, msgspec.Meta(ge=1, le=1_000_000, description="requests that may wait for the disk; more are refused")
    ] = 4096


@hookimpl
def register_config(register: ConfigRegister) -> None:
    """The section `mailbox_sqlite`."""
    register(NAME, MailboxSqliteConfig)


@hookimpl
def provide_mailbox(config: Any) -> Component[Mailbox] | None:
    """The mailbox, where `roles` has `mailbox` and `mailbox.plugin` is `mailbox_sqlite`."""
    if "mailbox" not in config.roles or config.mailbox.plugin != NAME:
        return None
    own = config.mailbox
    quotas = Quotas(
        own.max_boxes, own.max_bytes, own.node_bytes, own.box_bytes, own.box_envelopes, own.box_blobs,
        own.box_blob_bytes, own.max_records, own.record_bytes,
    )  # fmt: skip

    @asynccontextmanager
    async def component(context: PluginContext) -> AsyncIterator[Mailbox]:
        from mepassad.builtin.mailbox_sqlite.mailbox import open_mailbox  # a node without the role need not wait for it

        mine: MailboxSqliteConfig = context.config
        place = context.data_dir / FILE
        async with open_mailbox(place, quotas, cache_mb=mine.cache_mb, queue_limit=mine.queue_limit) as mailbox:
            yield mailbox

    return component
