"""Network namespaces of one test, and the wires between them: made by iproute2, gone when the test is.

Their names carry the process id; those of processes that are gone are collected by whoever comes next.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMESPACES = Path("/run/netns")
PREFIX = "mepassad"


class Host:
    """A namespace with one link, `eth0`."""

    def __init__(self, name: str) -> None:
        """Make it, its loopback up."""
        self.namespace = f"{PREFIX}-{os.getpid()}-{name}"
        ip("netns", "add", self.namespace)
        self.ip("link", "set", "lo", "up")

    @property
    def inside(self) -> tuple[str, ...]:
        """The command that runs another one in here."""
        return ("ip", "netns", "exec", self.namespace)

    def ip(self, *words: str) -> None:
        """Run iproute2's `ip` in here."""
        ip("-n", self.namespace, *words)

    def address(self, address: str) -> None:
        """Have another address, such as 192.0.2.1/24."""
        self.ip("address", "add", address, "dev", "eth0")

    def lose(self, address: str) -> None:
        """Have an address no more."""
        self.ip("address", "del", address, "dev", "eth0")

    def link(self, up: bool) -> None:
        """Take the link up or down."""
        self.ip("link", "set", "eth0", "up" if up else "down")

    def remove(self) -> None:
        """Remove it with its link; who still runs in it loses the network."""
        _remove(self.namespace)


def ip(*words: str) -> None:
    """Run iproute2's `ip`. Raises AssertionError with what it says."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def why_not() -> str | None:
    """Why there can be no namespaces here; None where there can."""
    if os.geteuid():
        return "only root can make network namespaces"
    if shutil.which("ip") is None:
        return "there is no `ip`; install iproute2 (scripts/system-packages)"
    try:
        Host("probe").remove()
    except AssertionError as error:
        return f"the kernel makes no network namespaces: {error}"
    return None


@contextmanager
def wired(one: str, other: str) -> Iterator[tuple[Host, Host]]:
    """Two hosts, a wire between them, that have 192.0.2.1/24 and 192.0.2.2/24."""
    collect()
    hosts: list[Host] = []
    try:
        for number, name in enumerate((one, other), 1):
            hosts.append(Host(name))
            if number == 2:
                ip("link", "add", "eth0", "netns", hosts[0].namespace, "type", "veth",
                   "peer", "name", "eth0", "netns", hosts[1].namespace)  # fmt: skip
        for number, host in enumerate(hosts, 1):
            host.address(f"192.0.2.{number}/24")
            host.link(up=True)
        yield hosts[0], hosts[1]
    finally:
        for host in hosts:
            host.remove()


def collect() -> None:
    """Remove the namespaces of processes that are gone."""
    for path in NAMESPACES.glob(f"{PREFIX}-*") if NAMESPACES.exists() else ():
        found = re.fullmatch(rf"{PREFIX}-(\d+)-\w+", path.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            _remove(path.name)


def _remove(namespace: str) -> None:
    with contextlib.suppress(AssertionError):
        ip("netns", "del", namespace)
