"""The hooks of the plugin `transport_unix`, and its section of config.yaml."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
from mepassad.api import Component, ConfigRegister, PluginContext, hookimpl
from mepassad.api.transport import Transport

from mepassad_transport_unix.transport import UnixTransport

RUNTIME = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The section `transport_unix`."""

    folder: Annotated[
        Path, msgspec.Meta(description="Folder of the sockets; the same for all nodes that are to meet.")
    ] = RUNTIME / "mepassad-unix"
    shared: Annotated[bool, msgspec.Meta(description="Let the nodes of other users of this machine connect.")] = False
    max_connections: Annotated[
        int, msgspec.Meta(ge=1, le=10_000, description="Connections of others at once; contacts always get one.")
    ] = 256


@asynccontextmanager
async def component(context: PluginContext) -> AsyncIterator[Transport]:
    """The transport; leaving it ends its streams and takes its socket away."""
    transport = UnixTransport(context)
    try:
        yield transport
    finally:
        transport.leave()


@hookimpl
def register_config(register: ConfigRegister) -> None:
    """Give the section its type."""
    register("transport_unix", Config)


@hookimpl
def provide_transport(config: Any) -> Component[Transport]:
    """The transport, whatever the rest of the configuration says."""
    return component
