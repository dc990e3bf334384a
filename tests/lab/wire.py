"""A wire that is slow and loses things: two TAP devices and a program between them, since few kernels have netem.

Run as a program it forwards frames until its standard input ends; each line there, JSON, says how from then on.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field

NEWNET = 0x40000000  # CLONE_NEWNET
TUNSETIFF, TAP = 0x400454CA, 0x1002  # IFF_TAP | IFF_NO_PI
FRAME = 65536
BATCH = 64  # frames taken from one end before the other has its turn
LONGEST_QUEUE = 0.5  # seconds; what would wait longer for a slow wire is lost


@dataclass
class Quality:
    """What each direction does to frames: a way there and back meets all twice."""

    delay_ms: float = 0.0
    loss: float = 0.0
    kbit: float = 0.0
    """Kilobits a second; 0: as many as come."""


class Wire:
    """A wire between devices `one` and `other`, each (namespace, name), which are made."""

    def __init__(self, quality: Quality, one: tuple[str, str], other: tuple[str, str]) -> None:
        command = [sys.executable, "-m", "tests.lab.wire", *one, *other]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.set(quality)

    def set(self, quality: Quality) -> None:
        """Be like this from now on."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(quality)) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "ok\n", "the wire ended"

    def close(self) -> None:
        """Cut it, and remove its devices."""
        self._process.kill()
        self._process.communicate()


def _tap(namespace: str, name: str) -> int:
    """A TAP device in a namespace; its descriptor works from everywhere."""
    with open(f"/run/netns/{namespace}", encoding="ascii") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP))
    return device


@dataclass
class _Way:
    """One direction, from a device to the other."""

    begin: int
    end: int
    free_at: float = 0.0
    under_way: list[tuple[float, int, bytes]] = field(default_factory=list)
    taken: int = 0

    def take(self, quality: Quality) -> None:
        """Take frames in, and decide when each comes out, if ever."""
        for _ in range(BATCH):
            try:
                frame = os.read(self.begin, FRAME)
            except OSError:  # there is none, or the device is down
                return
            now = time.monotonic()
            sent = max(now, self.free_at) + (len(frame) * 8 / (quality.kbit * 1000) if quality.kbit else 0.0)
            if random.random() < quality.loss or sent - now > LONGEST_QUEUE:
                continue
            self.free_at, self.taken = sent, self.taken + 1
            heapq.heappush(self.under_way, (sent + quality.delay_ms / 1000, self.taken, frame))

    def give(self) -> None:
        """Let out what is due."""
        while self.under_way and self.under_way[0][0] <= time.monotonic():
            frame = heapq.heappop(self.under_way)[2]
            with contextlib.suppress(OSError):
                os.write(self.end, frame)


def main(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Forward until standard input ends."""
    first, second = _tap(*one), _tap(*other)
    ways, quality = (_Way(first, second), _Way(second, first)), Quality()
    while True:
        due = [way.under_way[0][0] for way in ways if way.under_way]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        ready = select.select([first, second, sys.stdin.fileno()], [], [], wait)[0]
        if sys.stdin.fileno() in ready:
            line = os.read(sys.stdin.fileno(), FRAME)
            if not line:
                return
            quality = Quality(**json.loads(line))
            os.write(sys.stdout.fileno(), b"ok\n")
        for way in ways:
            if way.begin in ready:
                way.take(quality)
            way.give()


if __name__ == "__main__":
    main((sys.argv[1], sys.argv[2]), (sys.argv[3], sys.argv[4]))
