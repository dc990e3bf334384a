"""The hooks of `transport_memory`: load it in tests by naming it in `plugins`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mepassad.api import Component, ConfigRegister, PluginContext, hookimpl
from mepassad.api.node_id import node_id_from_key
from mepassad.api.transport import Transport
from mepassad.builtin.transport_memory.transport import MemoryTransport


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section `transport_memory`."""

    name: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9_.-]+$",
            description="The network to join: nodes of one process reach each other when theirs have the same name.",
        ),
    ] = "default"


@asynccontextmanager
async def component(context: PluginContext) -> AsyncIterator[Transport]:
    """A node's place on its memory network; leaving ends its streams."""
    key = Ed25519PrivateKey.from_private_bytes(context.node_key).public_key()
    node_id = node_id_from_key(key.public_bytes_raw())
    transport = MemoryTransport(context.config.name, node_id, context.tasks, context.log)
    try:
        yield transport
    finally:
        transport.leave()


@hookimpl
def register_config(register: ConfigRegister) -> None:
    """Give the section its type."""
    register("transport_memory", Config)


@hookimpl
def provide_transport(config: Any) -> Component[Transport]:
    """The memory transport, whatever the rest of the configuration says."""
    return component
