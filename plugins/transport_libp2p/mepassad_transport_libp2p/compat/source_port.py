"""Cure: dials for hole punching, and packets that open a NAT for them, did not leave from the port that listens.

Stock 0.8.1 can dial TCP from a given port, but QUIC from port 0 only (and fails on a socket that is given), closes a
QUIC connection that it dialled as responder, and sprays from a socket of its own: NATs open another port than the one
that peers know. Not needed once `QUICTransport` has `dial_with_source` and DCUtR sprays from its listener's socket.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import trio
from libp2p.abc import INetConn
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.transport.quic import connection as quic
from libp2p.transport.quic.exceptions import QUICConnectionError
from libp2p.transport.quic.transport import QUICTransport

from mepassad_transport_libp2p.compat.identify import Seen, parse_seen

SPRAY_INTERVAL = (0.01, 0.2)
"""Seconds between two packets that open a NAT, at random (the DCUtR specification's)."""

SPRAY_SIZE = 64
"""Bytes of such a packet."""

_source: ContextVar[tuple[str, int] | None] = ContextVar("_source", default=None)


def apply() -> None:
    """Let QUIC dial from the port that `from_port` names."""
    setattr(quic.QUICConnection, "_initiate_connection", _initiate)  # noqa: B010 mypy forbids assigning to a method


@contextmanager
def from_port(source: tuple[str, int]) -> Iterator[None]:
    """Let the QUIC dials within, in this task, leave from `source`."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


async def _initiate(connection: Any) -> None:
    """Begin a QUIC connection, from the given port or any free one. Raises QUICConnectionError."""
    remote = connection._remote_addr
    six = ":" in remote[0]
    source = _source.get()
    sock = trio.socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if source is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        await sock.bind(source or ("::" if six else "0.0.0.0", 0))  # noqa: S104 a client's socket
        if source is not None:
            await sock.connect(remote[:2])  # so that the kernel gives this peer's packets to it, not to the listener
        connection._socket, connection._owns_socket = sock, True
        connection._quic.connect(remote, now=time.time())
        await connection._transmit()
    except Exception as error:
        sock.close()
        raise QUICConnectionError(f"Connection initiation failed: {error}") from error


def listens_on(swarm: Swarm, there: Seen) -> tuple[str, int] | None:
    """Where this node listens with the transport and the kind of address of `there`."""
    for listener in swarm.listeners.values():
        for address in listener.get_addrs():
            # A wildcard is no address that is seen, but may be bound.
            text = str(address).replace("/0.0.0.0/", "/192.0.2.1/").replace("/ip6/::/", "/ip6/2001:db8::1/")
            seen = parse_seen(type(address)(text).to_bytes())
            if seen is not None and seen.transport == there.transport and (":" in seen.host) == (":" in there.host):
                return str(address).split("/")[2], seen.port
    return None


async def dial_from_listener(swarm: Swarm, there: Seen, peer: ID, respond: bool = False) -> INetConn:
    """A connection to an address that leaves from the port on which this node listens.

    `respond`: be the one who answers in the handshake, for TCP's simultaneous open. Raises what a failed dial raises.
    """
    source = listens_on(swarm, there)
    if source is None:
        raise OSError(f"This node does not listen on {there.transport}.")
    if there.transport == "tcp" and respond:
        return await swarm.dial_addr_as_responder(there.address(), peer, source)
    with from_port(source):
        return await swarm.dial_addr(there.address(), peer, source)


async def spray(swarm: Swarm, there: Seen) -> None:
    """Send packets that mean nothing from the QUIC listener's socket to an address until cancelled."""
    sockets = [sock for sock in _listening(swarm) if (sock.family == socket.AF_INET6) == (":" in there.host)]
    while sockets:
        try:
            await sockets[0].sendto(os.urandom(SPRAY_SIZE), (there.host, there.port))
        except OSError:
            return
        await trio.sleep(random.uniform(*SPRAY_INTERVAL))  # noqa: S311 no secret


def _listening(swarm: Swarm) -> list[Any]:
    """The sockets on which this node listens for QUIC."""
    transports = [one for one in swarm.transport_manager.get_transports() if isinstance(one, QUICTransport)]
    found = [listener._socket for transport in transports for listener in transport._listeners]
    return [sock for sock in found if sock is not None]
