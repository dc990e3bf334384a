"""The relay that this node is for others: the transport's host lends paths between its peers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mepassad.api import Component, PluginContext
from mepassad.api.types import NodeId

if TYPE_CHECKING:
    from mepassad.api.relay import Relay
    from mepassad_transport_libp2p.compat.relay_server import RelayServer


class Libp2pRelay:
    """Circuit relay v2 on the transport's host. Implements `mepassad.api.relay.Relay`."""

    name = "libp2p"

    def __init__(self, server: RelayServer) -> None:
        self._server = server

    def serve(self, admits: Callable[[NodeId], bool]) -> None:
        """Begin to lend paths; `admits` says to whom."""
        self._server.start(lambda peer: admits(NodeId(str(peer))))

    def used(self) -> Mapping[NodeId, int]:
        """Bytes lent to each node since the start."""
        return {NodeId(str(peer)): size for peer, size in self._server.used().items()}

    def stats(self) -> dict[str, int]:
        """Places and circuits now, and what was lent and refused since the start."""
        return self._server.stats()


def relay(section: Any) -> Component[Relay]:
    """A relay with the limits of the core's section `relay`, on the host that the transport has left."""

    @asynccontextmanager
    async def component(context: PluginContext) -> AsyncIterator[Relay]:
        from mepassad_transport_libp2p.compat.relay_server import RelayLimits

        limits = RelayLimits(
            reservations=section.reservations,
            lifetime=section.lifetime,
            circuits=section.circuits,
            circuits_per_peer=section.circuits_per_peer,
            duration=section.duration,
            data=section.circuit_bytes,
            per_day=section.day_bytes,
        )
        server: RelayServer = context.shared["host"].relay(limits)
        try:
            yield Libp2pRelay(server)
        finally:
            server.stop()

    return component
