"""The hooks of `transport_libp2p`. The library itself, which is slow to import, is loaded when the transport starts."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mepassad.api import Component, ConfigRegister, PluginContext, hookimpl
from mepassad.api.context import Log
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.directory import directory
from mepassad_transport_libp2p.postponed import postpone
from mepassad_transport_libp2p.relay import relay

if TYPE_CHECKING:
    from mepassad.api.directory import Directory
    from mepassad.api.relay import Relay
    from mepassad.api.transport import Transport


OTHERS = 128
"""Descriptors that the node needs beside those of connections: store, log, listeners, clients, handshakes."""


def check_descriptors(max_connections: int, log: Log) -> None:
    """Warn when the process may not have so many sockets open."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < max_connections + OTHERS:
        log.warning(
            f"transport_libp2p.max_connections is {max_connections}, but this process may open {limit} files, {OTHERS} "
            f"of which other things need; raise the limit (ulimit -n, LimitNOFILE=) to {max_connections + OTHERS}, or "
            "connections will fail"
        )


@asynccontextmanager
async def component(context: PluginContext) -> AsyncIterator[Transport]:
    """A node on libp2p. Raises `TransportFailed` if the libp2p side ends by itself; the body is cancelled then."""
    postpone()
    from mepassad_transport_libp2p.bridge import trio_guest
    from mepassad_transport_libp2p.compat.logs import redirected
    from mepassad_transport_libp2p.host import Host
    from mepassad_transport_libp2p.transport import Libp2pTransport

    check_descriptors(context.config.max_connections, context.log)
    host = context.shared["host"] = Host(context.config, context.node_key, context.log)
    with redirected(context.log):
        async with trio_guest() as guest:
            context.shared["guest"] = guest
            await guest.start_task(host.run)
            transport = Libp2pTransport(context, guest, host)
            try:
                yield transport
            finally:
                transport.leave()


@hookimpl
def register_config(register: ConfigRegister) -> None:
    """Give the section its type."""
    register("transport_libp2p", Config)


@hookimpl
def provide_transport(config: Any) -> Component[Transport]:
    """The libp2p transport, whatever the rest of the configuration says."""
    return component


@hookimpl
def provide_relay(config: Any) -> Component[Relay] | None:
    """A relay for others, where `relay` is among the node's `roles`."""
    return relay(config.relay) if "relay" in config.roles else None


@hookimpl
def provide_directory(config: Any) -> Component[Directory]:
    """Its part in the DHT: as a server where `bootstrap` is among the node's `roles`, else as a client."""
    return directory(serves="bootstrap" in config.roles)
