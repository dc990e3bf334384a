"""A small internet on one machine: public hosts, routers with hosts behind them, bad wires, cuts."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import namespaces
from tests.lab.namespaces import Host, collect, ip
from tests.lab.nats import PORT, SHIFT, rules
from tests.lab.wire import Quality, Wire

PUBLIC = ipaddress.ip_network("5.0.0.0/16")
"""Addresses that count as public, so that a node behaves as it would out there; nothing leaves the machine."""

PRIVATE = {1: "192.168.7.0/24", 2: "100.64.7.0/24"}
"""Networks behind routers, by how many are in a row."""


class Net:
    """The internet of one test; `close` removes it."""

    def __init__(self) -> None:
        """Nothing yet; `begin` puts a switch into it."""
        self._hosts: list[Host] = []
        self._wires: list[Wire] = []
        self._public = PUBLIC.hosts()
        self._ports = 0
        self.shown: dict[str, str] = {}
        self._core: Host

    def begin(self) -> None:
        """Make the switch."""
        collect()
        self._core = self._namespace("core")
        self._core.ip("link", "add", "br0", "up", "type", "bridge")
        self._nft(self._core, "table bridge lab { set cut { type ipv4_addr . ipv4_addr; }\n"
                  "chain pass { type filter hook forward priority 0; ip saddr . ip daddr @cut drop; }\n}")  # fmt: skip

    def host(self, name: str, kind: str = "public", quality: Quality | None = None) -> Host:
        """A host behind a router of a kind, or none; `quality`: of the wire from there to the switch."""
        host = self._namespace(name)
        if kind == "public":
            self._plug(host, "eth0", self._address(name), quality)
            return host
        rows = ["port_restricted", "port_restricted"] if kind == "carrier_grade" else [kind]
        inner, port = host, PORT
        for depth, each in enumerate(rows, 1):
            last = depth == len(rows)
            router = self._namespace(f"{name}_{each}{depth}")
            inside = self._behind(inner, router, PRIVATE[depth])
            outside = self._address(name) if last else str(list(ipaddress.ip_network(PRIVATE[depth + 1]).hosts())[1])
            if last:
                self._plug(router, "wan", outside, quality)
            router.ip("link", "set", "lan", "up")
            self._nft(router, rules(each, inside, outside, port))
            _run(*router.inside, "sysctl", "-qw", "net.ipv4.ip_forward=1")
            inner, port = router, port + SHIFT
        return host

    def cut(self, *pair: str) -> None:
        """Let nothing pass between two hosts."""
        self._cut("add", *pair)

    def heal(self, *pair: str) -> None:
        """Let everything pass again."""
        self._cut("delete", *pair)

    def wire(self, quality: Quality) -> None:
        """Let all wires that can be bad be so."""
        for wire in self._wires:
            wire.set(quality)

    def _cut(self, how: str, one: str, other: str) -> None:
        a, b = self.shown[one], self.shown[other]
        self._nft(self._core, f"{how} element bridge lab cut {{ {a} . {b}, {b} . {a} }}")

    def _namespace(self, name: str) -> Host:
        self._hosts.append(Host(name))
        return self._hosts[-1]

    def _address(self, name: str) -> str:
        self.shown[name] = str(next(self._public))
        return self.shown[name]

    def _plug(self, host: Host, name: str, address: str, quality: Quality | None) -> None:
        """Connect a host to the switch."""
        self._ports += 1
        port = f"p{self._ports}"
        if quality is None:
            _veth(host, name, self._core, port)
        else:
            self._wires.append(Wire(quality, (host.namespace, name), (self._core.namespace, port)))
        self._core.ip("link", "set", port, "master", "br0", "up")
        host.ip("address", "add", f"{address}/{PUBLIC.prefixlen}", "dev", name)
        host.ip("link", "set", name, "up")

    @staticmethod
    def _behind(inner: Host, router: Host, network: str) -> str:
        """Connect a host, or a router, to the router before it; its address there."""
        gateway, own = (str(address) for address in list(ipaddress.ip_network(network).hosts())[:2])
        name = "eth0" if inner.namespace.rpartition("-")[2].isalpha() else "wan"
        _veth(inner, name, router, "lan")
        router.ip("address", "add", f"{gateway}/24", "dev", "lan")
        inner.ip("address", "add", f"{own}/24", "dev", name)
        inner.ip("link", "set", name, "up")
        router.ip("link", "set", "lan", "up")
        inner.ip("route", "add", "default", "via", gateway)
        return own

    @staticmethod
    def _nft(host: Host, script: str) -> None:
        _run(*host.inside, "nft", "-f", "-", stdin=script)

    def close(self) -> None:
        """Remove everything."""
        for wire in self._wires:
            wire.close()
        for host in reversed(self._hosts):
            host.remove()


def why_not() -> str | None:
    """Why there can be no such net here; None where there can."""
    if (reason := namespaces.why_not()) is not None:
        return reason
    for program in ("nft", "sysctl"):
        if shutil.which(program) is None:
            return f"there is no `{program}` (scripts/system-packages)"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun, of which bad wires are made"
    try:
        with internet() as net:
            net.host("probe", "full_cone", Quality())
    except (AssertionError, OSError) as error:
        return f"the kernel makes no routers or no bad wires: {error}"
    return None


@contextmanager
def internet() -> Iterator[Net]:
    """A net that is gone afterwards."""
    net = Net()
    try:
        net.begin()
        yield net
    finally:
        net.close()


def _veth(one: Host, name: str, other: Host, peer: str) -> None:
    ends = ("peer", "name", peer, "netns", other.namespace)
    ip("link", "add", name, "netns", one.namespace, "type", "veth", *ends)


def _run(*command: str, stdin: str = "") -> None:
    """Run a command. Raises AssertionError with what it says."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}{stdin}"
