"""A local network of its own for a test: a network namespace (Linux) whose one interface carries multicast.

Everything that a test runs in it by `wrapper` shares the interface, each on an address of its own, and neither hears
nor reaches the network of the machine.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

ADDRESSES = tuple(f"10.77.0.{number}" for number in range(1, 5))
"""The addresses of the interface."""

_SET_UP = "\n".join(
    [
        "set -e",
        "ip link set lo up",
        "ip link add lan type veth peer name far",
        *(f"ip addr add {address}/24 dev lan" for address in ADDRESSES),
        "ip link set far up",
        "ip link set lan up",
        "ip route add default dev lan",
        "echo ready",
        "exec sleep infinity",
    ]
)


class NoLan(Exception):
    """This machine does not let the tests make a network namespace."""


@dataclass(frozen=True)
class Lan:
    """A local network that lives as long as process `pid`."""

    pid: int

    @property
    def wrapper(self) -> tuple[str, ...]:
        """A command that runs the command after it in this network, under the same process id."""
        user = () if os.getuid() == 0 else ("--user", "--preserve-credentials")
        return ("nsenter", f"--target={self.pid}", *user, "--net")


@contextmanager
def lan() -> Iterator[Lan]:
    """A local network. Raises `NoLan`."""
    user = () if os.getuid() == 0 else ("--user", "--map-root-user")
    command = ["unshare", *user, "--net", "sh", "-c", _SET_UP]
    try:
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
    except FileNotFoundError as error:
        raise NoLan(f"there is no program {error.filename}") from None
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stderr is not None
            if holder.stdout.readline() != "ready\n":
                raise NoLan(holder.stderr.read().strip())
            yield Lan(holder.pid)
        finally:
            holder.kill()
