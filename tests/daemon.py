"""Real daemons for tests: each started, stopped and killed by its process id, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import anyio

from mepassad.testing.rpc_client import RpcClient, connect
from tests.nursery import MEPASSAD, Process, spawn

MEPASSA = Path(sys.executable).with_name("mepassa")
PATIENCE = 30.0  # seconds until a test gives up waiting
MAX_RSS = 300 << 20  # bytes that no daemon may reach
FIRST_PORT = 10_000 + (os.getppid() + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])) % 11 * 2000  # a worker's
PORTS = iter(range(FIRST_PORT, FIRST_PORT + 2000))  # below those that the kernel gives to anybody

T = TypeVar("T")


class Daemon:
    """A `mepassad` with its configuration, log and data in one folder."""

    def __init__(self, folder: Path, sections: Mapping[str, Any]) -> None:
        """`sections` of config.yaml override what suits tests: loopback, one port for life, short retries."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self.folder, self.data = folder, folder / "data"
        self.socket, self.log_file, self.out_file = folder / "run" / "s", folder / "log", folder / "out"
        self._sections: dict[str, Any] = {
            "node": {"name": folder.name, "data_dir": str(self.data)},
            "rpc": {"socket": str(self.socket)},
            "plugins": ["transport_libp2p"],
            "transport_libp2p": {"listen": [free_address()]},
            "delivery": {"retry_min": 0.1, "retry_max": 0.5},
        }
        self.configure(**sections)
        self.process: Process | None = None

    def configure(self, **sections: Any) -> None:
        """Write config.yaml anew; a section given replaces keys of the one before."""
        for name, section in sections.items():
            known = self._sections.get(name)
            self._sections[name] = {**known, **section} if isinstance(known, dict) else section
        if "transport_libp2p" not in self._sections["plugins"]:
            self._sections.pop("transport_libp2p", None)
        self.config_file.write_text(json.dumps(self._sections, indent=1))  # JSON is YAML

    def move(self) -> None:
        """Listen on another port from the next start on."""
        self.configure(transport_libp2p={"listen": [free_address()]})

    @property
    def config_file(self) -> Path:
        return self.folder / "config.yaml"

    # -- living and dying

    def start(self, *wrapper: str) -> Daemon:
        """Start it and wait until it answers. `wrapper`: a command to run it under."""
        self.launch(*wrapper)
        self.wait_ready()
        return self

    def launch(self, *wrapper: str) -> None:
        """Start it without waiting."""
        assert self.process is None, "it runs already"
        with self.log_file.open("ab") as log, self.out_file.open("ab") as out:
            command = (*wrapper, str(MEPASSAD), "--config", str(self.config_file))
            self.process = spawn(command, clean_environment(), out, log)

    def wait_ready(self) -> None:
        """Wait until it answers `system.hello`."""
        deadline = time.monotonic() + PATIENCE
        while not answers(self.socket):
            assert self.process is not None
            assert self.process.poll() is None, f"{self.folder.name} ended: {self.log()}"
            assert time.monotonic() < deadline, f"{self.folder.name} does not answer: {self.log()}"
            time.sleep(0.01)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def stop(self) -> int:
        """Ask it to end, and wait; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it where it stands."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        assert process is not None, "it does not run"
        process.send_signal(how)
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def restart(self) -> Daemon:
        """Stop it and start it again."""
        assert self.stop() == 0
        return self.start()

    # -- looking at it

    def log(self) -> str:
        """What it wrote to standard error in all its lives."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    def out(self) -> str:
        """What it printed in all its lives."""
        return self.out_file.read_text() if self.out_file.exists() else ""

    def rss(self) -> int:
        """The most memory it held so far in this life, in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self._sections["transport_libp2p"]["listen"][0].rpartition("/")[2])

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Read its database."""
        with closing(sqlite3.connect(f"file:{self.data / 'node.db'}?mode=ro", uri=True)) as database:
            return database.execute(sql).fetchall()

    @asynccontextmanager
    async def client(self, after: int | None = None) -> AsyncIterator[RpcClient]:
        """A session that follows the facts above `after`, or what happens from now on."""
        async with self.session() as rpc:
            await rpc.call("events.subscribe", **({} if after is None else {"after": after}))
            yield rpc

    @asynccontextmanager
    async def session(self) -> AsyncIterator[RpcClient]:
        """A session without a subscription."""
        async with connect(self.socket) as rpc:
            yield rpc


class Fleet:
    """The daemons of a test. Leaving it stops them and looks at what they leave behind."""

    def __init__(self, folder: Path) -> None:
        """`folder`: where each daemon gets its own."""
        self.folder = folder
        self.daemons: list[Daemon] = []
        self.quiet = False  # whether only the logs of those that end badly are of interest

    def daemon(self, name: str, **sections: Any) -> Daemon:
        """A daemon that is not started yet."""
        daemon = Daemon(self.folder / name, sections)
        self.daemons.append(daemon)
        return daemon

    def start(self, *names: str, **sections: Any) -> list[Daemon]:
        """Daemons, started at the same time, that answer."""
        daemons = [self.daemon(name, **sections) for name in names]
        for daemon in daemons:
            daemon.launch()
        for daemon in daemons:
            daemon.wait_ready()
        return daemons

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = [daemon for daemon in self.daemons if daemon.process is not None]
        used = {daemon.folder.name: daemon.rss() for daemon in running if daemon.process.poll() is None}  # type: ignore[union-attr]
        codes = {daemon.folder.name: daemon.stop() for daemon in running}
        for daemon in self.daemons:
            if self.quiet and not codes.get(daemon.folder.name):
                continue
            sys.stdout.write(f"--- {daemon.folder.name}\n{daemon.log()}\n")
        for daemon in self.daemons:
            assert "Traceback" not in daemon.log(), f"{daemon.folder.name} logged a traceback"
            if (daemon.data / "node.db").exists():
                assert daemon.ask("PRAGMA integrity_check") == [("ok",)]
        assert codes == dict.fromkeys(codes, 0), f"a daemon did not end well: {codes}"
        assert {name: rss for name, rss in used.items() if rss >= MAX_RSS} == {}


class Friends:
    """Two daemons whose accounts are contacts: `ana` knows the other as `bruno_id`, `bruno` as `ana_id`."""

    def __init__(self, ana: Daemon, bruno: Daemon) -> None:
        """Make them contacts."""
        self.ana, self.bruno = ana, bruno
        self.bruno_id, self.ana_id = anyio.run(self._meet)

    async def _meet(self) -> tuple[str, str]:
        async with self.ana.session() as ana, self.bruno.session() as bruno:
            return await befriend(ana, bruno)


def free_address() -> str:
    """A port of loopback that nobody uses, and that nobody else is given while its daemon is down."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return f"/ip4/127.0.0.1/tcp/{port}"
    raise AssertionError("no port is free")


def clean_environment() -> dict[str, str]:
    """The environment without what would configure or measure a daemon."""
    return {key: text for key, text in os.environ.items() if not key.startswith(("MEPASSAD", "COV", "JOURNAL_STREAM"))}


def answers(path: Path, within: float = PATIENCE) -> bool:
    """Whether a daemon on this socket answers a newcomer's `system.hello` within so many seconds."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(within)
        try:
            probe.connect(str(path))
            probe.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "system.hello"}\n')
            return b'"api"' in probe.recv(65536)
        except (FileNotFoundError, ConnectionError):
            return False


async def eventually(look: Callable[[], Awaitable[T]], true: Callable[[T], bool], patience: float = PATIENCE) -> T:
    """What `look` returns, once it is true of it."""
    with anyio.move_on_after(patience):
        while not true(found := await look()):
            await anyio.sleep(0.02)
        return found
    raise AssertionError(f"still not so after {patience} s: {found}")


async def reaches(rpc: RpcClient, message: str, *states: str, patience: float = PATIENCE) -> dict[str, Any]:
    """The message once it is in one of these states."""
    return await eventually(
        lambda: rpc.call("messages.get", message_id=message), lambda item: item["state"] in states, patience
    )


async def becomes(rpc: RpcClient, contact: str, state: str) -> dict[str, Any]:
    """The contact once it is in this state."""
    return await eventually(lambda: rpc.call("contacts.get", contact=contact), lambda item: item["state"] == state)


async def befriend(inviter: RpcClient, guest: RpcClient) -> tuple[str, str]:
    """Make contacts of two by an invite; the guest as the inviter knows it, and the inviter as the guest does."""
    invite = await inviter.call("invites.create")
    host = (await guest.call("invites.accept", uri=invite["uri"]))["contact"]
    await becomes(guest, host, "accepted")
    me = (await guest.call("identity.show"))["account"]
    return me, host


async def texts(rpc: RpcClient, contact: str, **params: Any) -> list[str]:
    """All texts of a conversation, oldest first."""
    return [item["text"] for item in await items(rpc, "messages.list", contact=contact, **params)][::-1]


async def items(rpc: RpcClient, method: str, cursor: str = "before", **params: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    page = await rpc.call(method, **params)
    found: list[dict[str, Any]] = page["items"]
    while page["next"]:
        page = await rpc.call(method, **params, **{cursor: page["next"]})
        found += page["items"]
    return found


def run(*arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        arguments, input=stdin, capture_output=True, timeout=PATIENCE, env=clean_environment(), cwd=cwd, check=False
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def received(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """The texts of the messages that events tell of."""
    return [event["data"]["text"] for event in events if event["topic"] == "message.received"]
