"""Cure: being reached, and reaching others, through a relay, without what the stock transport adds.

Stock 0.8.1 reserves for whoever dials, accepts circuits from relays it never asked, tags an incoming circuit with its
own id in the relay's place, believes the relay about who calls, and keeps addresses of all it dialled for good.
Not needed once `CircuitV2Transport` does none of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import trio
from libp2p.abc import IHost, IMuxedConn, INetConn, INetStream
from libp2p.connection_types import ConnectionType
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, PeerId, Status, StopMessage
from multiaddr import Multiaddr  # type: ignore[import-untyped]

from mepassad.api import Unreachable
from mepassad_transport_libp2p.compat.circuit import (
    HOP,
    MAX_ADDRESSES,
    STOP,
    Circuit,
    circuit_address,
    give_up,
    is_relayed,
    open_stream,
    receive,
    send,
)
from mepassad_transport_libp2p.door import Refused

REFUSALS = {
    Status.RESERVATION_REFUSED: "has no place left",
    Status.RESOURCE_LIMIT_EXCEEDED: "carries as many connections as it may",
    Status.PERMISSION_DENIED: "does not permit it",
    Status.CONNECTION_FAILED: "could not reach the node",
    Status.NO_RESERVATION: "does not know the node",
}
"""What a relay's status means to a user; any other is told by its number."""


@dataclass(frozen=True)
class Reserved:
    """A place at a relay: until when (seconds since 1970 by the relay's clock), and where the relay can be dialled."""

    expiry: int
    addresses: tuple[Multiaddr, ...]


class Network(Protocol):
    """What a client needs of the swarm; `LastingSwarm` has it."""

    def get_connections(self, peer_id: ID | None = None) -> list[INetConn]:
        """The live connections to a peer."""

    def check_circuit(self, relay: ID) -> None:
        """See whether a newcomer has a chance to get a place. Raises `Refused`."""

    async def upgrade_inbound_raw_conn(self, raw_conn: RawConnection, maddr: Multiaddr) -> IMuxedConn:
        """Let a caller prove its key."""

    async def upgrade_outbound_raw_conn(self, raw_conn: RawConnection, peer_id: ID) -> INetConn:
        """Let a peer prove its key."""


class RelayClient:
    """Reserves at relays, dials through them, and takes the circuits of those at which it reserved."""

    def __init__(self, host: IHost, network: Network) -> None:
        self._host = host
        self._network = network
        self._relays: set[ID] = set()

    def start(self) -> None:
        """Begin to take circuits."""
        self._host.set_stream_handler(STOP, self._accept)

    def stop(self) -> None:
        """Take no more circuits; those there are live on."""
        self._host.remove_stream_handler(STOP)
        self._relays.clear()

    async def reserve(self, relay: ID) -> Reserved:
        """Ask a relay, to which there is a connection, for a place, or to renew it. Raises `Unreachable`."""
        stream, answer = await self._ask(relay, HopMessage(type=HopMessage.RESERVE))
        await stream.close()
        self._relays.add(relay)
        found = []
        for encoded in answer.reservation.addrs[:MAX_ADDRESSES]:
            try:
                found.append(Multiaddr(encoded))
                str(found[-1])  # what cannot be written is junk, too
            except Exception:
                del found[-1:]
        return Reserved(answer.reservation.expire, tuple(found))

    def release(self, relay: ID) -> None:
        """Take no more circuits of a relay."""
        self._relays.discard(relay)

    async def dial(self, relay: ID, peer: ID) -> INetConn:
        """A connection to a peer through a relay to which there is one. Raises `Unreachable`."""
        request = HopMessage(type=HopMessage.CONNECT, peer=PeerId(id=peer.to_bytes()))
        stream, _ = await self._ask(relay, request)
        address = circuit_address(relay, peer)
        raw = RawConnection(Circuit(stream), True, ConnectionType.RELAYED, [address])
        try:
            return await self._network.upgrade_outbound_raw_conn(raw, peer)
        except Exception as error:
            await give_up(stream)
            raise Unreachable(f"The node {peer} did not prove its key through the relay {relay}.") from error
        except trio.Cancelled:
            await give_up(stream)
            raise

    async def _ask(self, relay: ID, request: HopMessage) -> tuple[INetStream, HopMessage]:
        """What a relay answers, if it grants the request. Raises `Unreachable`."""
        connections = [one for one in self._network.get_connections(relay) if not is_relayed(one)]
        if not connections:
            raise Unreachable(f"There is no connection to the relay {relay}.")
        stream: INetStream | None = None
        granted = False
        try:
            stream = await open_stream(connections[-1], HOP)
            await send(stream, request)
            answer = await receive(stream, HopMessage)
            granted = answer.type == HopMessage.STATUS and answer.status == Status.OK
        except Exception as error:
            raise Unreachable(f"The relay {relay} does not answer.") from error
        finally:
            if stream is not None and not granted:
                await give_up(stream)
        if not granted:
            reason = REFUSALS.get(answer.status, f"refuses with the number {answer.status}")
            raise Unreachable(f"The relay {relay} {reason}.")
        return stream, answer

    async def _accept(self, stream: INetStream) -> None:
        """Take one circuit, and keep it until it ends."""
        relay = stream.muxed_conn.peer_id
        try:
            request = await receive(stream, StopMessage)
        except Exception:
            await self._refuse(stream, Status.MALFORMED_MESSAGE)
            return
        if request.type != StopMessage.CONNECT or not request.peer.id:
            await self._refuse(stream, Status.UNEXPECTED_MESSAGE)
        elif relay not in self._relays:
            await self._refuse(stream, Status.PERMISSION_DENIED)
        elif not self._has_room(relay):
            await self._refuse(stream, Status.RESOURCE_LIMIT_EXCEEDED)
        else:
            await send(stream, StopMessage(type=StopMessage.STATUS, status=Status.OK))
            await self._serve(stream, relay, ID(request.peer.id))

    def _has_room(self, relay: ID) -> bool:
        try:
            self._network.check_circuit(relay)
        except Refused:
            return False
        return True

    async def _serve(self, stream: INetStream, relay: ID, caller: ID) -> None:
        """Let the caller prove the key that the relay said it has; then serve it like any other peer."""
        try:
            address = circuit_address(relay, caller)
            raw = RawConnection(Circuit(stream), False, ConnectionType.RELAYED, [address])
            muxed = await self._network.upgrade_inbound_raw_conn(raw, address)
            if muxed.peer_id == caller:
                await muxed.event_closed.wait()  # type: ignore[attr-defined]
            else:
                await muxed.close()
        finally:
            await give_up(stream)

    async def _refuse(self, stream: INetStream, status: Status.ValueType) -> None:
        """Tell the relay that this circuit is not taken."""
        try:
            await send(stream, StopMessage(type=StopMessage.STATUS, status=status))
            await stream.close()
        except Exception:
            await give_up(stream)
