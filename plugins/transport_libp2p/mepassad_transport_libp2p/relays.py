"""Places at relays: kept while nobody comes in directly, renewed in time, and taken elsewhere when a relay is lost."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio
from libp2p.abc import INetConn
from libp2p.peer.id import ID

from mepassad.api import AddressRefused, Unreachable
from mepassad.api.context import Log
from mepassad.api.types import NodeId
from mepassad_transport_libp2p.address import Address, parse_bootstrap
from mepassad_transport_libp2p.compat.circuit import is_relayed
from mepassad_transport_libp2p.compat.containment import contained
from mepassad_transport_libp2p.compat.identify import observed, parse_seen
from mepassad_transport_libp2p.compat.relay_client import RelayClient, Reserved
from mepassad_transport_libp2p.config import Config
from mepassad_transport_libp2p.mappings import Mappings
from mepassad_transport_libp2p.reaching import Reaching

LOOK = 5.0
"""Seconds between two looks at whether all places are still there."""

EARLY = 0.6
"""Share of a place's time after which it is renewed."""

FIRST_WAIT, LAST_WAIT = 5.0, 300.0
"""Seconds until a server that gave no place is asked again: doubled from the first to the last."""

LEAST_LIFETIME, MOST_LIFETIME = 2.0, 7200.0
"""Seconds that a place is believed to last at least, and at most."""

RENEW = 1200.0
"""Seconds after which a place is renewed at the latest: how long one lasts is told by the relay's clock, and the one
here may be wrong by hours."""

STEADY = 60.0
"""Seconds that a place lasts at a relay that is asked again at once when it is lost; others are with back-off."""

MAX_SERVERS = 64
"""Servers that may be asked; beyond, one that gave no place is forgotten for a new one."""

MAX_KNOWN = 16
"""Addresses of a server that are kept; beyond, the oldest is forgotten that others told."""

ADDRESSES = 2
"""Addresses of a relay that are told."""

NARROW = 443
"""The port that also narrow firewalls let out."""


@dataclass
class Server:
    """A node that may be a relay. `own`: how many of its addresses are of the configuration; they come first."""

    node: NodeId
    addresses: list[Address]
    own: int = 0
    wait: float = FIRST_WAIT
    ask_at: float = -math.inf
    again: bool = False  # it was named again while it was asked, so that its answer may be of before


@dataclass
class Place:
    """A place at a relay; times by trio's clock."""

    server: Server
    peer: ID
    known: tuple[Address, ...]
    told: tuple[Address, ...]
    since: float
    renew_at: float
    ends_at: float


class Relays:
    """Keeps up to `relays` places. Runs in trio."""

    def __init__(self, reaching: Reaching, client: RelayClient, mappings: Mappings, config: Config, log: Log) -> None:
        """`needed` says how many places are; `changed` is called when other addresses are to be told, `wanted` when
        other relays are used."""
        self._mappings = mappings
        self._reaching, self._client, self._config, self._log = reaching, client, config, log
        self._servers: dict[NodeId, Server] = {}
        self._places: dict[NodeId, Place] = {}
        self._busy: set[NodeId] = set()
        self._hurry = trio.Event()
        self.needed: Callable[[], int] = lambda: config.relays
        self.changed: Callable[[], None] = lambda: None
        self.wanted: Callable[[], None] = lambda: None
        self.use(config.bootstrap)
        for server in self._servers.values():
            server.own = len(server.addresses)

    def use(self, addresses: Sequence[str]) -> None:
        """Ask these servers too, those that are named again at once; what is no address of a node is passed over."""
        for text in addresses:
            try:
                address = parse_bootstrap(text)
            except AddressRefused:
                continue
            node = NodeId(address.peer or "")
            if node not in self._servers and len(self._servers) >= MAX_SERVERS and not self._forget_one():
                continue
            server = self._servers.setdefault(node, Server(node, []))
            if address in server.addresses:
                server.ask_at, server.again = -math.inf, True
            elif server.own < MAX_KNOWN:
                server.addresses.append(address)
                if len(server.addresses) > MAX_KNOWN:
                    del server.addresses[server.own]
        self.hurry()

    def _forget_one(self) -> bool:
        """Forget the server that failed most often, of those that others told of; whether there is one."""
        useless = [
            server
            for node, server in self._servers.items()
            if not server.own and server.wait > FIRST_WAIT and node not in self._places and node not in self._busy
        ]
        if useless:
            del self._servers[max(useless, key=lambda server: server.wait).node]
        return bool(useless)

    def network_changed(self) -> None:
        """What gave no place before may give one now."""
        for server in self._servers.values():
            server.ask_at, server.wait = -math.inf, FIRST_WAIT
        self.hurry()

    def hurry(self) -> None:
        """Look at once."""
        self._hurry.set()

    def nodes(self) -> tuple[ID, ...]:
        """The relays at which there is a place."""
        return tuple(place.peer for place in self._places.values())

    def addresses(self) -> tuple[str, ...]:
        """Addresses of the relays, each naming it, behind which this node is found now."""
        rows = [place.told for place in self._places.values()]
        return tuple(str(told[number]) for number in range(ADDRESSES) for told in rows if number < len(told))

    async def keep(self) -> None:
        """Keep the places until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                self._look(nursery)
                due = [place.renew_at for node, place in self._places.items() if node not in self._busy]
                with trio.move_on_at(min([trio.current_time() + LOOK, *due])):
                    await self._hurry.wait()
                self._hurry = trio.Event()

    def _look(self, nursery: trio.Nursery) -> None:
        """Give up what is lost or not needed, renew what is due, and ask for what is missing."""
        now, needed = trio.current_time(), self.needed()
        for number, (node, place) in enumerate(list(self._places.items())):
            if self._direct(place.peer) is None or place.ends_at <= now or number >= needed:
                self._lose(node)
            elif place.renew_at <= now and node not in self._busy:
                self._begin(nursery, place.server)
            else:
                self._mappings.look(place.peer, place.known, nursery.start_soon)
        asking = sum(node not in self._places for node in self._busy)
        for server in sorted(self._servers.values(), key=lambda server: server.ask_at):
            if len(self._places) + asking >= needed:
                break
            if server.node not in self._places and server.node not in self._busy and server.ask_at <= now:
                self._begin(nursery, server)
                asking += 1

    def _begin(self, nursery: trio.Nursery, server: Server) -> None:
        self._busy.add(server.node)
        nursery.start_soon(contained(self._log), self._ask, server)

    async def _ask(self, server: Server) -> None:
        """Ask one server for a place, or to renew it."""
        server.again = False
        try:
            connection = await self._reaching.serve_from(server.node, server.addresses)
            peer = connection.muxed_conn.peer_id
            reserved = await self._client.reserve(peer)
        except Unreachable as error:
            self._log.debug("no place at a relay", relay=server.node, reason=error.sentence)
            if not server.again:
                _put_off(server)
            if (place := self._places.get(server.node)) is not None:
                place.renew_at = min(server.ask_at, place.ends_at)
        else:
            self._take(server, connection, reserved)
        finally:
            self._busy.discard(server.node)
            self.hurry()

    def _take(self, server: Server, connection: INetConn, reserved: Reserved) -> None:
        now, lifetime = trio.current_time(), reserved.expiry - time.time()
        if not 0 < lifetime <= MOST_LIFETIME:  # one of the two clocks is wrong
            lifetime = MOST_LIFETIME if lifetime > 0 else LAST_WAIT
        lifetime = max(LEAST_LIFETIME, lifetime)
        known, before = _known(server, connection, reserved), self.addresses()
        was = self._places.get(server.node)
        if was is None:
            self._log.info("reachable through a relay", relay=server.node)
        elif now - was.since >= STEADY:
            server.wait = FIRST_WAIT
        self._places[server.node] = Place(
            server, connection.muxed_conn.peer_id, known, tuple(_chosen(known)), was.since if was else now,
            now + min(EARLY * lifetime, RENEW), now + lifetime,
        )  # fmt: skip
        self.wanted()
        if self.addresses() != before:
            self.changed()

    def _lose(self, node: NodeId) -> None:
        place = self._places.pop(node)
        if trio.current_time() - place.since < STEADY:
            _put_off(place.server)  # else a relay that gives and takes would have all contacts told all the time
        else:
            place.server.ask_at, place.server.wait = -math.inf, FIRST_WAIT
        self._client.release(place.peer)
        self._mappings.forget(place.peer)
        self.wanted()
        self._log.info("not reachable through a relay any more", relay=node)
        self.changed()

    def _direct(self, peer: ID) -> INetConn | None:
        return next((one for one in self._reaching.live(peer) if not is_relayed(one)), None)

    def stats(self) -> dict[str, int]:
        """How many places there are, and how many there should be now."""
        return {"relay_places": len(self._places), "relay_places_needed": self.needed()}


def _put_off(server: Server) -> None:
    """Ask a server again later, and later each time."""
    server.ask_at, server.wait = trio.current_time() + server.wait, min(2 * server.wait, LAST_WAIT)


def _known(server: Server, connection: INetConn, reserved: Reserved) -> tuple[Address, ...]:
    """Where others reach a relay: where we reached it, then at which other ports there it says that it is. Another host
    that it names may know nothing of it; so that counts only where we reached it in a network of its own."""
    end = observed(connection.muxed_conn)
    seen = parse_seen(end.to_bytes()) if end is not None else None
    if seen is None:
        return ()
    kind, found = "ip6" if ":" in seen.host else "ip4", list[Address]()
    for known in server.addresses:
        named = known.kind.startswith("dns")
        sni = known.sni or (known.host if named and known.carrier == "wss" else None)
        there = known._replace(kind=kind, host=seen.host, sni=sni) if named else known
        used = there.port == seen.port and (there.carrier == "quic") == (seen.transport == "udp")
        found.insert(0 if used else len(found), there)
    for text in map(str, reserved.addresses):
        try:
            address = parse_bootstrap(text)
        except AddressRefused:
            continue
        same = address.host in (seen.host, *(known.host for known in server.addresses))
        if address.peer == server.node and (same or _width(address.host) > _width(seen.host)):
            found.append(address)
    return tuple(dict.fromkeys(found))


def _chosen(found: Sequence[Address]) -> list[Address]:
    """The first address, and beside it one that passes narrow firewalls, else one of another carrier."""
    if not found:
        return []
    first, *others = found
    narrow = [one for one in others if one.port == NARROW and one.carrier != "quic" and first.port != NARROW]
    other = [one for one in others if one.carrier != first.carrier]
    return [first, *(narrow or other)[: ADDRESSES - 1]]


def _width(host: str) -> int:
    """How far an address is known: 0 on the machine, 1 on a network, 2 everywhere."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return -1  # a name: others would have to ask who it is
    return 0 if address.is_loopback else 2 if address.is_global else 1
