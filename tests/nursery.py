"""Daemons forked from a process that has imported what a daemon needs, which is nine tenths of a start's work.

Each is a process like any other, with arguments, environment, folder, umask and files of its own, and `mepassad` runs
in it from its first line to its exit code. Only its command line in /proc is that of the nursery. That the installed
command starts is shown by the tests that run it: of the documents, of the demos, of folders and of terminals.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

MEPASSAD = Path(sys.executable).with_name("mepassad")
ROOT = Path(__file__).parents[1]
MAX_REQUEST = 1 << 20  # bytes: an environment and arguments


class Child:
    """A process of the nursery; what tests use of `subprocess.Popen`."""

    def __init__(self, nursery: socket.socket, pid: int) -> None:
        self._nursery, self.pid, self.returncode = nursery, pid, None

    returncode: int | None

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        if self.returncode is None:
            self.returncode = _ask(self._nursery, {"wait": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit code, once it has ended. Raises `subprocess.TimeoutExpired` after so many seconds."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("mepassad", timeout)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal; none if it was seen to have ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it where it stands."""
        self.send_signal(signal.SIGKILL)


Process = Child | subprocess.Popen[bytes]


def spawn(command: Sequence[str], environment: Mapping[str, str], out: IO[bytes], log: IO[bytes]) -> Process:
    """Run a command: `mepassad` as a fork, and what begins with another one, a wrapper of it, as it is.

    So is what Python itself is told by the environment, and the nursery was not.
    """
    nursery = _nursery()
    if command[0] != str(MEPASSAD) or _of_python(environment) != _environment:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=environment)
    umask = os.umask(0o077)
    os.umask(umask)
    request = {"arguments": command, "environment": environment, "folder": os.getcwd(), "umask": umask}
    return Child(nursery, _ask(nursery, request, out.fileno(), log.fileno()))


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith("PYTHON")}


_environment: dict[str, str] = {}


@cache
def _nursery() -> socket.socket:
    """The nursery of this process; it ends with it."""
    _environment.update(_of_python(os.environ))
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with there:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery", str(there.fileno())],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[there.fileno()],
        )  # fmt: skip
    atexit.register(process.wait)
    atexit.register(here.close)  # before that
    return here


def _ask(nursery: socket.socket, request: Mapping[str, Any], *files: int) -> Any:
    socket.send_fds(nursery, [json.dumps(request).encode()], files)
    answer = nursery.recv(MAX_REQUEST)
    assert answer, "the nursery has ended"
    return json.loads(answer)


# -- in the nursery


def _import_all() -> None:
    with contextlib.suppress(ModuleNotFoundError):  # where the core is tested alone
        import mepassad_transport_libp2p.host
        import mepassad_transport_libp2p.kad
        import mepassad_transport_libp2p.mdns
        import mepassad_transport_libp2p.plugin
        import mepassad_transport_libp2p.transport  # noqa: F401

    import mepassad.builtin.bots.plugin
    import mepassad.builtin.crypto_signal.plugin
    import mepassad.builtin.mailbox_sqlite.plugin
    import mepassad.builtin.store_sqlite.store
    import mepassad.cli.main
    import mepassad.node  # noqa: F401

    gc.collect()
    gc.freeze()  # no child need look at, and so copy, what it will not free


def _serve(asked: socket.socket) -> None:
    """Fork and report, until nobody can ask any more. Returns in a child, in whose place it now is."""
    while True:
        line, files, _, _ = socket.recv_fds(asked, MAX_REQUEST, 2)
        if not line:
            sys.exit()
        request = json.loads(line)
        if "wait" in request:
            ended, status = os.waitpid(request["wait"], os.WNOHANG)
            asked.send(json.dumps(os.waitstatus_to_exitcode(status) if ended else None).encode())
            continue
        if child := os.fork():
            for file in files:
                os.close(file)
            asked.send(json.dumps(child).encode())
            continue
        asked.close()
        _become(request, *files)
        return


def _become(request: Mapping[str, Any], out: int, log: int) -> None:
    for file, place in ((out, 1), (log, 2)):
        os.dup2(file, place)
        os.close(file)
    os.chdir(request["folder"])
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[:] = request["arguments"]


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who runs the tests; they end this by their end
    _import_all()
    with contextlib.suppress(ConnectionError):
        _serve(socket.socket(fileno=int(sys.argv[1])))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from mepassad.cli.main import main

    main()
