"""Daemons as real processes for the benchmarks: started, introduced to each other, measured from outside, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path

from bench.client import Client, Events

START_TIMEOUT = 30.0
STOP_TIMEOUT = 15.0
LIBP2P = "plugins: [transport_libp2p]\ntransport_libp2p: {listen: [/ip4/127.0.0.1/tcp/0]}\n"
LOCAL_ONLY = "plugins: []\n"


class Daemon:
    """One daemon and its folder."""

    def __init__(self, folder: Path, plugins: str = LIBP2P, launcher: Sequence[str] = ("-m", "mepassad")) -> None:
        """Starts nothing yet. `launcher`: arguments of Python that run the daemon's command."""
        self.folder, self.socket = folder, folder / "rpc.sock"
        folder.mkdir(mode=0o700, exist_ok=True)
        config = folder / "config.yaml"
        own = f"node: {{name: {folder.name}, data_dir: {folder}}}\nrpc: {{socket: {self.socket}}}\n"
        config.write_text(own + plugins)
        self._command = [sys.executable, *launcher, "--config", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> float:
        """Start it; seconds from exec to the first answer."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MEPASSAD")}
        with (self.folder / "log").open("ab") as log:
            begin = time.perf_counter()
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment)
        while time.perf_counter() - begin < START_TIMEOUT and self._process.poll() is None:
            try:
                client = Client(self.socket)
            except OSError:
                time.sleep(0.001)
                continue
            client.call("system.hello")
            client.close()
            return time.perf_counter() - begin
        raise RuntimeError(f"A daemon did not start:\n{(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        """End it, politely at first."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def rss_mib(self) -> float:
        """Resident memory now, in MiB (VmRSS)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time used so far: by the loop's thread, and by all others (the store's writer above all)."""
        used = {"loop": 0.0, "threads": 0.0}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            nanoseconds = int((task / "schedstat").read_text().split()[0])
            used["loop" if task.name == str(self.pid) else "threads"] += nanoseconds / 1e9
        return used


class Pair:
    """Two daemons who are contacts and connected."""

    def __init__(self, a: Daemon, b: Daemon) -> None:
        """Introduces them and waits until the first text went each way."""
        self.a, self.b = a, b
        ours, theirs = Client(a.socket), Client(b.socket)
        self.account_a, self.account_b = (one.call("identity.show")["account"] for one in (ours, theirs))
        inbox_a, inbox_b = Events(a.socket, "message.received"), Events(b.socket, "message.received")
        theirs.call("invites.accept", uri=ours.call("invites.create")["uri"])
        theirs.call("messages.send", contact=self.account_a, text="hello")
        inbox_a.wait()
        ours.call("messages.send", contact=self.account_b, text="hello")
        inbox_b.wait()
        for connection in (ours, theirs, inbox_a, inbox_b):
            connection.close()

    def turned(self) -> Pair:
        """The same two, each in the other's place."""
        other = copy(self)
        other.a, other.b, other.account_a, other.account_b = self.b, self.a, self.account_b, self.account_a
        return other


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder of one's own, on the disk where temporary files live."""
    with tempfile.TemporaryDirectory(prefix="mepassa-bench-") as place:
        yield Path(place)


@contextmanager
def pair(launchers: Sequence[Sequence[str]] = (("-m", "mepassad"),) * 2) -> Iterator[Pair]:
    """A fresh pair over libp2p; `launchers` as in `Daemon`, one each."""
    with folder() as place, ExitStack() as stack:
        daemons = [Daemon(place / name, launcher=how) for name, how in zip("ab", launchers, strict=True)]
        for daemon in daemons:
            stack.callback(daemon.stop)
            daemon.start()
        yield Pair(*daemons)
