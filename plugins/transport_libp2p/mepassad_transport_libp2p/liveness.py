"""Whether peers are still there: probes when that is in doubt, pings that keep the way to contacts open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio
from libp2p.abc import INetConn
from libp2p.peer.id import ID

from mepassad.api import Unreachable
from mepassad.api.context import Log
from mepassad_transport_libp2p.compat.containment import contained
from mepassad_transport_libp2p.compat.ends import has_way
from mepassad_transport_libp2p.compat.quic.connection import Connection
from mepassad_transport_libp2p.compat.swarm import LastingSwarm
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.connections import outgoing

PROBE_TIMEOUT = 3.0
"""Seconds in which a peer has to answer when its connection is in doubt."""

GRACE = 1.0
"""Seconds that our dialling may still take once the peer has come to us by itself."""

Ask = Callable[[INetConn], Awaitable[bool]]
"""Whether the peer answers on a connection; may take for ever."""


class Liveness:
    """Closes the connections that nobody answers on. Runs in trio."""

    def __init__(self, swarm: LastingSwarm, ask: Ask, config: Config, log: Log) -> None:
        """`ask` sends one ping."""
        self._swarm, self._ask, self._config, self._log = swarm, ask, config, log
        self._safely = contained(log)

    async def probe(self, connection: INetConn, timeout: float = PROBE_TIMEOUT) -> None:
        """Close a connection unless its peer answers within so many seconds. Never raises."""
        await self._safely(self._probe, connection, timeout)

    async def _probe(self, connection: INetConn, timeout: float) -> None:
        with trio.move_on_after(timeout):
            if await self._ask(connection):
                return
        if not connection.is_closed:
            await self._bury(connection, "no answer")

    async def _bury(self, connection: INetConn, reason: str) -> None:
        self._swarm.crowd.counts["closed_dead"] += 1
        self._log.info("a connection was closed", peer=str(connection.muxed_conn.peer_id), reason=reason)
        await self._swarm.drop(connection)

    async def renew(self) -> list[INetConn]:
        """Close the connections whose address or route is gone; the others, which are in doubt. Never raises."""
        found = {connection: has_way(connection, outgoing(connection)) for connection in self._swarm.get_connections()}
        async with trio.open_nursery() as nursery:
            for connection, good in found.items():
                if not good:
                    nursery.start_soon(self._safely, self._bury, connection, "its address or route is gone")
        return [connection for connection, good in found.items() if good]

    async def close_idle(self, others: Sequence[INetConn] = ()) -> None:
        """Close the connections that have idled for too long, and these. Never raises."""
        async with trio.open_nursery() as nursery:
            for connection in dict.fromkeys((*self._swarm.crowd.overdue(), *others)):
                self._swarm.crowd.counts["closed_idle"] += 1
                nursery.start_soon(self._safely, self._swarm.drop, connection)

    async def keep(self) -> None:
        """Ping the wanted nodes that we dialled, every `keep_alive` seconds, until cancelled; not on a metered link.

        QUIC pings by itself whoever is silent for half of `dead_peer_timeout`; but the peer, who may close what idles,
        does not see that, so a connection without a stream is pinged there too."""
        async with trio.open_nursery() as nursery:
            while not self._config.metered:
                await trio.sleep(self._config.keep_alive)
                for connection in self._swarm.get_connections():
                    muxed = connection.muxed_conn
                    kept = isinstance(muxed, Connection) and connection.get_streams()
                    if outgoing(connection) and not kept and muxed.peer_id in self._swarm.crowd.wanted:
                        nursery.start_soon(self.probe, connection, self._config.dead_peer_timeout)


async def meet(swarm: LastingSwarm, peer: ID, dialling: Callable[[], Awaitable[INetConn]]) -> INetConn:
    """What dialling makes; or, if the peer comes by itself and dialling goes on nevertheless, the peer's connection.

    Raises what `dialling` raises. Both may dial each other at once: hence the grace, so that not both give up.
    """
    before = swarm.get_connections(peer)
    failure = Unreachable(f"The node {peer} came and went.")
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(_hasten, swarm, peer, scope)
            try:
                return await dialling()
            except Unreachable as error:
                failure = error
            finally:
                nursery.cancel_scope.cancel()
    came = [connection for connection in swarm.get_connections(peer) if connection not in before]
    if not came:
        raise failure
    return came[-1]


async def _hasten(swarm: LastingSwarm, peer: ID, dialling: trio.CancelScope) -> None:
    await swarm.arrival(peer)
    dialling.deadline = trio.current_time() + GRACE
