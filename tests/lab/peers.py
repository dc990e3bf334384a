"""Daemons on a small internet: a public relay, nodes behind routers, and what happens when two of them meet."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import anyio

from mepassad.testing.certificates import make_files
from mepassad.testing.rpc_client import RpcClient
from tests.daemon import Daemon, Fleet, becomes, eventually
from tests.lab.namespaces import Host
from tests.lab.nats import PORT
from tests.lab.net import Net
from tests.lab.wire import Quality

NAME = "relay.example"
"""What the certificate of a relay names; nobody asks who that is."""

LISTEN = (f"/ip4/0.0.0.0/tcp/{PORT}", f"/ip4/0.0.0.0/udp/{PORT}/quic-v1")
CLIMB = 25.0
"""Seconds within which two nodes must have climbed to a direct way, where there is one."""


class Outcome(NamedTuple):
    """How two nodes met: the route and the seconds of the first message, from the invite to its receipt; the route in
    the end, and the seconds until it was that."""

    first: str
    seconds: float
    route: str
    climbed: float


class Peers:
    """The daemons of one net."""

    def __init__(self, net: Net, fleet: Fleet) -> None:
        self.net, self.fleet = net, fleet
        self.hosts: dict[str, Host] = {}
        self.bootstrap: list[str] = []
        self._files = {name: str(path) for name, path in make_files(fleet.folder, NAME).settings().items()}

    async def relay(self, name: str = "relay", **limits: Any) -> Daemon:
        """A public node that lends paths, over TCP, QUIC, and TLS WebSocket on port 443; later nodes know it."""
        host = self.hosts[name] = self.net.host(name)
        listen = [*LISTEN, "/ip4/0.0.0.0/tcp/443/tls/ws"]
        sections = {"roles": ["relay"], "relay": limits, "transport_libp2p": {"listen": listen, **self._files}}
        daemon = self.fleet.daemon(name, **sections).start(*host.inside)
        node, address = await node_id(daemon), self.net.shown[name]
        self.bootstrap += [
            f"/ip4/{address}/tcp/{PORT}/p2p/{node}",
            f"/ip4/{address}/udp/{PORT}/quic-v1/p2p/{node}",
            f"/ip4/{address}/tcp/443/tls/sni/{NAME}/ws/p2p/{node}",
        ]
        return daemon

    def launch(self, name: str, kind: str, quality: Quality | None = None, **sections: Any) -> Daemon:
        """Start a node behind a router of a kind, without waiting."""
        host = self.hosts[name] = self.net.host(name, kind, quality)
        transport = {
            "listen": list(LISTEN), "bootstrap": self.bootstrap, "mdns": False,
            "tls_authorities": self._files["tls_authorities"],
        }  # fmt: skip
        daemon = self.fleet.daemon(name, **{"transport_libp2p": transport, **sections})
        daemon.launch(*host.inside)
        return daemon


async def node_id(daemon: Daemon) -> str:
    """The id of a daemon's node."""
    async with daemon.session() as rpc:
        found: str = (await rpc.call("system.stats"))["node"]
        return found


async def transport(rpc: RpcClient) -> Mapping[str, Any]:
    """The numbers of the transport."""
    found: Mapping[str, Any] = (await rpc.call("system.stats"))["transports"]["libp2p"]
    return found


async def has_place(rpc: RpcClient, places: int = 1) -> None:
    """Wait until a node is reachable through so many relays."""
    await eventually(lambda: transport(rpc), lambda numbers: numbers["relay_places"] >= places)


async def message(rpc: RpcClient, contact: str, text: str, patience: float = 60.0) -> str:
    """Send a message, and wait for its receipt; its route."""
    sent = (await rpc.call("messages.send", contact=contact, text=text))["message_id"]
    found = await eventually(
        lambda: rpc.call("messages.get", message_id=sent), lambda item: item["state"] == "delivered", patience
    )
    route: str = found["route"]
    return route


async def meet(host: RpcClient, guest: RpcClient, expected: str = "direct") -> Outcome:
    """Let two nodes become contacts by an invite, and write until the route is as `expected`, or time is up."""
    uri = (await host.call("invites.create"))["uri"]
    began = time.monotonic()
    contact = (await guest.call("invites.accept", uri=uri))["contact"]
    route = first = await message(guest, contact, "olá")
    seconds = climbed = time.monotonic() - began
    await becomes(guest, contact, "accepted")
    while route != expected and time.monotonic() - began < CLIMB:
        await anyio.sleep(0.2)
        route = await message(guest, contact, "ainda aí?")
        climbed = time.monotonic() - began
    return Outcome(first, seconds, route, climbed)
