"""Ways through a NAT that are kept open: to each relay one connection of each carrier, from the port that listens.

A relay sees them, and so this node learns as whom others can reach that port when both punch a hole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio
from libp2p.abc import INetConn
from libp2p.peer.id import ID

from mepassad.api import Unreachable
from mepassad_transport_libp2p.address import Address
from mepassad_transport_libp2p.compat.circuit import is_relayed
from mepassad_transport_libp2p.compat.quic.connection import Connection as QUIC
from mepassad_transport_libp2p.compat.source_port import listens_at
from mepassad_transport_libp2p.compat.swarm import LastingSwarm
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.dial import dial

AGAIN = 60.0
"""Seconds until a way that failed is tried again."""

CARRIERS = ("tcp", "quic")
"""Carriers that holes are punched for."""


class Mappings:
    """Dials what is missing. Runs in trio."""

    def __init__(self, swarm: LastingSwarm, config: Config) -> None:
        self._swarm, self._config = swarm, config
        self._next: dict[tuple[ID, str], float] = {}

    def look(self, peer: ID, addresses: Sequence[Address], spawn: Callable[..., None]) -> None:
        """Begin to dial a relay over the carriers of its addresses over which it is not connected."""
        now = trio.current_time()
        connected = {_carrier(one) for one in self._swarm.get_connections(peer)}
        for carrier in CARRIERS:
            found = [one for one in addresses if one.carrier == carrier and listens_at(self._swarm, one)]
            if found and carrier not in connected and self._next.get((peer, carrier), 0.0) <= now:
                self._next[peer, carrier] = now + AGAIN
                spawn(self._dial, peer, found)

    async def _dial(self, peer: ID, addresses: Sequence[Address]) -> None:
        try:
            timeout = self._config.dial_timeout
            await dial(self._swarm, peer, addresses, (), timeout, lambda address: listens_at(self._swarm, address))
        except Unreachable:
            pass  # this carrier does not pass here

    def forget(self, peer: ID) -> None:
        """A relay is used no more."""
        for carrier in CARRIERS:
            self._next.pop((peer, carrier), None)


def _carrier(connection: INetConn) -> str:
    if is_relayed(connection):
        return ""
    return "quic" if isinstance(connection.muxed_conn, QUIC) else "tcp"
