"""Cure: dials for hole punching, and packets that open a NAT for them, did not leave from the port that listens.

Stock 0.8.1 can dial TCP from a given port, but QUIC from port 0 only, closes a QUIC connection that it dialled as
responder, and sprays from a socket of its own: NATs open another port than the one that peers know. Not needed once
`QUICTransport` has `dial_with_source` and DCUtR sprays from its listener's socket.
"""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress

import trio
from libp2p.abc import INetConn
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID

from mepassad_transport_libp2p.address import Address, parse_listen
from mepassad_transport_libp2p.compat.identify import Seen
from mepassad_transport_libp2p.compat.quic.transport import LastingQUIC

SPRAY_INTERVAL = (0.01, 0.2)
"""Seconds between two packets that open a NAT, at random (the DCUtR specification's)."""

SPRAY_SIZE = 64
"""Bytes of such a packet."""

CARRIERS = {"tcp": "tcp", "udp": "quic"}
"""What a peer is dialled over, by the transport on which it was seen."""


def bound(swarm: Swarm) -> list[Address]:
    """Where this node listens; without what is being closed, whose socket tells nothing any more."""
    found: list[Address] = []
    for listener in swarm.listeners.values():
        with suppress(OSError):
            found += [parse_listen(str(address)) for address in listener.get_addrs()]
    return found


def listens_at(swarm: Swarm, there: Address) -> tuple[str, int] | None:
    """Where this node listens with the carrier and the kind of host of an address."""
    six = there.kind in ("ip6", "dns6")
    if there.kind == "dns":
        return None  # of both kinds, perhaps
    fitting = [one for one in bound(swarm) if one.carrier == there.carrier and (one.kind == "ip6") == six]
    return (fitting[0].host, fitting[0].port) if fitting else None


async def dial_from_listener(swarm: Swarm, there: Seen, peer: ID, respond: bool = False) -> INetConn:
    """A connection to an address that leaves from the port on which this node listens.

    `respond`: be the one who answers in the handshake, for TCP's simultaneous open. Raises what a failed dial raises.
    """
    kind = "ip6" if ":" in there.host else "ip4"
    source = listens_at(swarm, Address(kind, there.host, there.port, None, CARRIERS[there.transport]))
    if source is None:
        raise OSError(f"This node does not listen on {there.transport}.")
    if there.transport == "tcp" and respond:
        return await swarm.dial_addr_as_responder(there.address(), peer, source)
    return await swarm.dial_addr(there.address(), peer, source)


async def spray(swarm: Swarm, there: Seen) -> None:
    """Send packets that mean nothing from the QUIC listener's socket to an address until cancelled."""
    sockets = [sock for sock in _listening(swarm) if (sock.family == socket.AF_INET6) == (":" in there.host)]
    while sockets:
        try:
            sockets[0].sendto(os.urandom(SPRAY_SIZE), (there.host, there.port))
        except OSError:
            return
        await trio.sleep(random.uniform(*SPRAY_INTERVAL))  # noqa: S311 no secret


def _listening(swarm: Swarm) -> list[socket.socket]:
    """The sockets on which this node listens for QUIC."""
    transports = [one for one in swarm.transport_manager.get_transports() if isinstance(one, LastingQUIC)]
    endpoints = [listener.endpoint for transport in transports for listener in transport.listeners]
    return [endpoint.socket for endpoint in endpoints if endpoint is not None]
